// Makes an in-context vector from two pairs of sentences and shows what it does to a continuation.
#include <cstdio>
#include <vector>

#include "tiller/engine.h"
#include "tiller/error.h"
#include "tiller/method.h"
#include "tiller/vector.h"
#include "tiller/version.h"

int main(int argc, char** argv) {
    std::printf("tiller %s on llama.cpp %s\n", tiller::version(), tiller::engine_version());
    if (argc != 2) {
        std::fprintf(stderr, "usage: minimal MODEL.gguf\n");
        return 2;
    }
    try {
        const auto model = tiller::Model::load(argv[1]);
        tiller::Engine engine(model);
        const std::vector<tiller::Pair> pairs = {
            {"The soup was cold and bland.", "The soup was hot and full of flavour."},
            {"I hated every minute of it.", "I loved every minute of it."},
            {"The staff ignored us.", "The staff looked after us."}};
        const auto vector = tiller::in_context_vector(engine, pairs);
        for (const float alpha : {0.0f, 0.5f}) {
            tiller::Row row;
            row.prompt = model->tokenize("We went to the new place and the dinner was");
            row.edits = tiller::edits_of(vector, alpha);
            row.max_new_tokens = 16;
            std::printf("alpha %.1f:%s\n", static_cast<double>(alpha), engine.run({&row, 1})[0].text.c_str());
        }
    } catch (const tiller::Error& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return tiller::exit_code(error.code());
    }
}

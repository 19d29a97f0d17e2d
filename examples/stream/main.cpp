// Three strengths of one vector, computed together; each token is printed as it comes.
#include <cstdio>

#include "tiller/error.h"
#include "tiller/stepper.h"
#include "tiller/vector.h"

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: stream MODEL.gguf VECTOR.gguf PROMPT\n");
        return 2;
    }
    try {
        const auto model = tiller::Model::load(argv[1]);
        const auto vector = tiller::load_vector(argv[2]);
        tiller::require_match(vector, model->info());
        tiller::Engine engine(model);
        tiller::Stepper stepper(engine);
        for (const float strength : {0.0f, 0.5f, 1.0f}) {
            tiller::Row row;
            row.prompt = model->tokenize(argv[3]);
            row.edits = tiller::edits_of(vector, strength);
            row.max_new_tokens = 16;
            stepper.add(row, [strength](const tiller::TokenEvent& event) {
                std::printf("%*s%s\n", static_cast<int>(40 * strength), "", event.text.c_str());
                return true;  // false ends the row
            });
        }
        while (stepper.step()) {
        }
    } catch (const tiller::Error& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return tiller::exit_code(error.code());
    }
}

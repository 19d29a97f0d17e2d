// Loads a model and prints what tiller knows about it.
#include <cstdio>

#include "tiller/error.h"
#include "tiller/model.h"
#include "tiller/version.h"

int main(int argc, char** argv) {
    std::printf("tiller %s on llama.cpp %s\n", tiller::version(), tiller::engine_version());
    if (argc != 2) {
        std::fprintf(stderr, "usage: minimal MODEL.gguf\n");
        return 2;
    }
    try {
        const auto model = tiller::Model::load(argv[1]);
        const tiller::ModelInfo& info = model->info();
        std::printf("%s: %s, %d layers, %d heads in all\n", info.name.c_str(), info.architecture.c_str(),
                    info.n_layer, info.n_head_total());
    } catch (const tiller::Error& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return tiller::exit_code(error.code());
    }
}

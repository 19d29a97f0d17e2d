// An application that uses the engine itself, with a log of its own, and tiller beside it: tiller keeps what
// its own calls make the engine say, and takes nothing else. A program by itself, because tiller looks for
// the application's callback once, at its first call into the engine.
#include <gguf.h>
#include <llama.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "tiller/error.h"
#include "tiller/model.h"

namespace {

std::string heard;

void application_log(ggml_log_level, const char* text, void* user) {
    *static_cast<std::string*>(user) += text;
}

int fail(const char* what) {
    std::fprintf(stderr, "%s; the application heard: \"%s\"\n", what, heard.c_str());
    return 1;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) return fail("usage: tiller_core_log FOLDER");
    const auto path = std::filesystem::path(argv[1]) / "no_model.gguf";
    std::ofstream(path, std::ios::binary) << "These are not the bytes of a model.\n";
    const auto read_it_directly = [&] {
        heard.clear();
        gguf_free(gguf_init_from_file(path.c_str(), {true, nullptr}));
        return !heard.empty();
    };
    llama_log_set(application_log, &heard);
    if (!read_it_directly()) return fail("the engine says nothing about this file, so nothing is tested");
    for (int i = 0; i < 2; ++i) {
        heard.clear();
        try {
            tiller::Model::load(path);
            return fail("the file was taken for a model");
        } catch (const tiller::Error&) {
        }
        if (!heard.empty()) return fail("what tiller's call made the engine say went to the application");
        if (!read_it_directly()) return fail("what the application made the engine say did not reach it");
    }
    return 0;
}

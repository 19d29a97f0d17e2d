// The head of a model file: what tiller reads of it before the engine sees it. Any bytes give data or an
// Error.
#include "engine/gguf_file.h"
#include "memory_file.h"
#include "tiller/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const tiller::fuzz::MemoryFile file(data, size);
    try {
        tiller::engine::GgufFile gguf(file.path());
        tiller::engine::check_metadata(gguf);
        tiller::engine::check_tensors(gguf);
        tiller::engine::check_turned(gguf, *gguf.string("general.architecture"));
        for (const char* name : {"token_embd.weight", "blk.0.attn_output.weight", "output_norm.weight"})
            if (gguf.tensor(name)) {
                gguf.values(name);
                const std::int32_t first[] = {0};
                gguf.rows(name, first);
            }
        gguf.forget_tokenizer();
        if (gguf.has("tokenizer.ggml.tokens")) std::abort();
    } catch (const tiller::Error&) {
    }
    return 0;
}

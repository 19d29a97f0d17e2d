#include "tiller/plain_decode.h"

#include <fmt/format.h>

#include <chrono>

#include "engine/context.h"
#include "engine/model_handle.h"
#include "tiller/error.h"

namespace tiller {

using namespace engine;

double plain_decode_seconds(const std::shared_ptr<const Model>& model, const EngineOptions& options,
                            const PlainShape& shape, int n_batch, const std::atomic<bool>* cancel) {
    const int n = shape.n_row * shape.length;
    if (shape.n_row < 1 || shape.n_row > 256 || shape.length < 1 || n > kChunk || shape.n_output < 1 ||
        shape.n_output > n || n_batch < 1)
        throw Error(Code::usage,
                    fmt::format("plain decoding of {} batches of {} x {} tokens with {} outputs; "
                                "expected 1 to 256 rows, at most {} tokens, 1 output to one for each "
                                "token, and at least one batch",
                                n_batch, shape.n_row, shape.length, shape.n_output, kChunk));
    llama_context_params p = base_params(options);
    p.n_ctx = static_cast<std::uint32_t>(shape.n_row * round_up(shape.length, kCells));
    p.n_seq_max = static_cast<std::uint32_t>(shape.n_row);
    p.n_outputs_max = static_cast<std::uint32_t>(std::max(shape.n_output, shape.n_row));
    const EngineLog log;
    const ThreadPool threads(n_threads(options));
    const ContextHandle context(llama_init_from_model(model->handle().llama.get(), p));
    if (!context)
        throw Error(Code::environment,
                    fmt::format("the engine could not make a context of {} x {} tokens with {} outputs ({}); "
                                "free some memory",
                                shape.n_row, shape.length, shape.n_output, log.text()));
    threads.attach(context.get());
    struct FreeBatch {
        llama_batch batch;
        ~FreeBatch() { llama_batch_free(batch); }
    } owned{llama_batch_init(n, 0, 1)};
    llama_batch& batch = owned.batch;
    batch.n_tokens = n;
    for (int i = 0; i < n; ++i) {
        batch.token[i] = (i * 31 + 7) % model->info().n_vocab;
        batch.pos[i] = i % shape.length;
        batch.n_seq_id[i] = 1;
        batch.seq_id[i][0] = i / shape.length;
        batch.logits[i] = (i + 1) * shape.n_output / n > i * shape.n_output / n;
    }
    double seconds = 0;
    for (int b = -1; b < n_batch; ++b) {
        if (cancel && cancel->load()) throw Error(Code::interrupted, "interrupted");
        llama_memory_clear(llama_get_memory(context.get()), false);
        const auto begin = std::chrono::steady_clock::now();
        const int status = llama_decode(context.get(), batch);
        llama_synchronize(context.get());
        if (status != 0)
            throw Error(Code::environment,
                        fmt::format("the engine failed with status {}: {}", status, log.text()));
        if (b >= 0)
            seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    }
    return seconds;
}

}  // namespace tiller

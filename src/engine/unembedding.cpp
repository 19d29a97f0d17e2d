#include "engine/unembedding.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "engine/context.h"
#include "engine/pack.h"
#include "tiller/error.h"

namespace tiller::engine {

int unembedding_rows(int n_vocab) { return std::min(kPackRows, max_output_rows(n_vocab)); }

std::unique_ptr<Unembedding> Unembedding::make(const LogitsNode& node, const ThreadPool& threads) {
    if (!node.matrix || !node.matrix->buffer) return nullptr;
    const EngineLog log;
    std::unique_ptr<Unembedding> made(new Unembedding(node, threads.backend()));
    if (!ggml_backend_supports_buft(made->backend_, ggml_backend_buffer_get_type(node.matrix->buffer)))
        return nullptr;
    const GgmlContext context(ggml_init({4 * ggml_tensor_overhead(), nullptr, true}));
    if (!context || !ggml_backend_supports_op(made->backend_, made->product(context.get(), kRowMultiple)))
        return nullptr;
    return made;
}

ggml_tensor* Unembedding::product(ggml_context* context, int n_row) const {
    ggml_tensor* states = ggml_new_tensor_2d(context, GGML_TYPE_F32, n_embd(), n_row);
    ggml_tensor* logits = ggml_mul_mat(context, node_.matrix, states);
    std::copy(node_.op_params.begin(), node_.op_params.end(), logits->op_params);
    return logits;
}

// The system gives the pages when they are written to, so few rows take little memory.
void Unembedding::reserve() {
    if (buffer_) return;
    const auto rows = static_cast<std::size_t>(unembedding_rows(n_vocab()));
    const std::size_t bytes = rows * static_cast<std::size_t>(n_vocab() + n_embd()) * sizeof(float);
    buffer_.reset(ggml_backend_buft_alloc_buffer(ggml_backend_get_default_buffer_type(backend_), bytes));
    if (!buffer_)
        throw Error(Code::environment,
                    fmt::format("no memory for the logits of {} rows ({} MB); free some", rows, bytes >> 20));
}

void Unembedding::multiply(std::span<const float> states) {
    const EngineLog log;
    reserve();
    const auto n = static_cast<int>(states.size()) / n_embd();
    const int n_row = padded(n);  // kernels for one to three rows round differently
    const GgmlContext context(
        ggml_init({4 * ggml_tensor_overhead() + ggml_graph_overhead_custom(4, false), nullptr, true}));
    ggml_tensor* logits = product(context.get(), n_row);
    ggml_tensor* input = logits->src[1];
    char* base = static_cast<char*>(ggml_backend_buffer_get_base(buffer_.get()));
    const std::size_t offset = static_cast<std::size_t>(unembedding_rows(n_vocab())) *
                               static_cast<std::size_t>(n_vocab()) * sizeof(float);
    ggml_backend_tensor_alloc(buffer_.get(), logits, base);
    ggml_backend_tensor_alloc(buffer_.get(), input, base + offset);
    std::memcpy(base + offset, states.data(), states.size_bytes());
    std::memset(base + offset + states.size_bytes(), 0, ggml_nbytes(input) - states.size_bytes());
    ggml_cgraph* graph = ggml_new_graph_custom(context.get(), 4, false);
    ggml_build_forward_expand(graph, logits);
    if (ggml_backend_graph_compute(backend_, graph) != GGML_STATUS_SUCCESS)
        throw Error(Code::environment,
                    fmt::format("the engine could not compute the logits of {} rows: {}", n, log.text()));
}

std::span<const float> Unembedding::logits(std::size_t i) const {
    const auto width = static_cast<std::size_t>(n_vocab());
    return {static_cast<const float*>(ggml_backend_buffer_get_base(buffer_.get())) + i * width, width};
}

}  // namespace tiller::engine

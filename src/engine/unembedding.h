// Logits from states: the product with the unembedding matrix W_U, outside of the engine's graph.
#pragma once

#include <ggml-backend.h>
#include <ggml.h>

#include <cstdint>
#include <memory>
#include <span>

#include "engine/hook.h"
#include "engine/thread_pool.h"

namespace tiller::engine {

/// Rows of one product, and logits that are held at once, for this vocabulary: whole tiles of matrix units,
/// and as many as a batch of texts has outputs. More rows are not faster (docs/performance.md).
int unembedding_rows(int n_vocab);

/// Multiplies states (outputs of the last norm) with W_U where it lies, with the kernel that the engine's
/// graph uses. Holds the logits of the last product. Not thread-safe.
class Unembedding {
public:
    /// Null where the graph has more than the product between the norm and the logits, or where W_U is not in
    /// memory that the processor computes with (layers on a GPU). The matrix belongs to the model; the model
    /// and `threads` must outlive this.
    static std::unique_ptr<Unembedding> make(const LogitsNode& node, const ThreadPool& threads);

    int n_embd() const { return static_cast<int>(node_.matrix->ne[0]); }
    int n_vocab() const { return static_cast<int>(node_.matrix->ne[1]); }

    /// Computes the logits of `states`, [n][n_embd] with 1 <= n <= unembedding_rows(n_vocab). Throws
    /// environment when the engine fails or there is no memory.
    void multiply(std::span<const float> states);
    /// Logits [n_vocab] of state i of the last multiply(); the next one overwrites them.
    std::span<const float> logits(std::size_t i) const;

private:
    Unembedding(const LogitsNode& node, ggml_backend_t backend) : node_(node), backend_(backend) {}
    struct FreeBuffer {
        void operator()(ggml_backend_buffer_t p) const { ggml_backend_buffer_free(p); }
    };
    struct FreeGgml {
        void operator()(ggml_context* p) const { ggml_free(p); }
    };
    using GgmlContext = std::unique_ptr<ggml_context, FreeGgml>;
    ggml_tensor* product(ggml_context* context, int n_row) const;
    void reserve();

    LogitsNode node_;
    ggml_backend_t backend_;                                   ///< The threads'.
    std::unique_ptr<ggml_backend_buffer, FreeBuffer> buffer_;  ///< Logits, then states.
};

}  // namespace tiller::engine

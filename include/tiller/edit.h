// Steering is data: what tiller does to a model is a list of edits, and what it
// reads from a model is a list of captures. No model, no engine in this header.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace tiller {

/// A place in a transformer layer. Widths are in floats; layers count from 0.
/// The names in brackets are TransformerLens' hook names for the same tensor.
enum class Site {
    head_output,  ///< Heads' outputs concatenated, before W_O [hook_z]. Width n_head * d_head, head-major.
    attention_output,  ///< What the attention block adds to the residual stream [hook_attn_out],
                       ///< after W_O, its bias and (where the architecture has one) the post-norm. Width
                       ///< n_embd.
    mlp_output,        ///< The MLP's own output, before any post-norm [hook_mlp_out]. Width n_embd.
    residual,          ///< Residual stream after the layer [hook_resid_post]. Width n_embd.
};

/// What an edit does with its vector v, strength s and the activation x (all float32).
enum class Operation {
    add,      ///< x <- x + s * v                                   (function vectors, arXiv 2310.15213,
              ///< section 2.3)
    replace,  ///< x <- x + s * (v - x); exactly v when s == 1      (activation patching; task vectors)
    turn,  ///< ICV's norm-preserving rule (arXiv 2311.06668, eq. 7-8 in the form of arXiv 2411.07213's code):
           ///< lambda = 1 + max(0, cos(x, -v)), y = 0.1 * s * lambda * v/|v|,
           ///< x <- normalise(normalise(x) + y) * |x|. v points from negative to positive. Consecutive turns
           ///< of one activation act as one: each y is computed from the original x, and their sum is added
           ///< (as the paper's code does with several vectors).
    project,  ///< x <- x + s * (y - x) with y = m + W^T W (x - m); exactly y when s == 1. A soft projection
              ///< about a centre m (a conceptor with its factor, arXiv 2410.16314, is W^T W with m = 0). The
              ///< vector holds m, then the rows of W: [1 + n_row][width], n_row >= 1.
};

/// Does a vector of n_value floats fit this operation on an activation of `width` floats? It needs `width`
/// floats; for project (1 + n_row) * width with n_row >= 1.
constexpr bool fits_width(Operation operation, std::size_t n_value, std::size_t width) noexcept {
    if (operation != Operation::project) return n_value == width;
    return width > 0 && n_value % width == 0 && n_value / width >= 2;
}

/// Which tokens of a row an edit touches or a capture reads. Token positions count from 0 and
/// include BOS; the prompt is [0, n_prompt), generated (or forced) tokens are [n_prompt, ...).
struct Positions {
    enum class Kind {
        last_prompt,  ///< Position n_prompt - 1.
        last_k,       ///< The last `end` positions of the prompt (all of it when it is shorter).
        prompt,       ///< [0, n_prompt).
        generated,    ///< [n_prompt, infinity).
        steered,      ///< last_prompt and generated: where a function vector is added.
        all,          ///< Every position.
        range,        ///< [begin, end), end exclusive.
    };
    Kind kind = Kind::all;
    int begin = 0;  ///< Only for range.
    int end = 0;    ///< For range (exclusive) and for last_k (a count, at least 1).

    /// Does this choose `position` in a row whose prompt has n_prompt tokens?
    bool contains(int position, int n_prompt) const noexcept {
        switch (kind) {
            case Kind::last_prompt: return position == n_prompt - 1;
            case Kind::last_k: return position < n_prompt && position >= n_prompt - end;
            case Kind::prompt: return position < n_prompt;
            case Kind::generated: return position >= n_prompt;
            case Kind::steered: return position >= n_prompt - 1;
            case Kind::all: return true;
            case Kind::range: return position >= begin && position < end;
        }
        return false;
    }
};

/// Immutable values shared by the edits that use them (one function vector in 200 rows is one buffer).
using SharedFloats = std::shared_ptr<const std::vector<float>>;

/// One change to one row's activations at one site of one layer.
struct Edit {
    Site site = Site::residual;
    int layer = 0;  ///< [0, n_layer).
    int head = -1;  ///< Only for head_output: the head whose slice is changed; -1 = the whole concatenation.
    Operation operation = Operation::add;
    Positions positions = {};
    SharedFloats vector;    ///< Width of the site, or d_head when `head` is given (for project: a multiple of
                            ///< it, see fits_width()). Finite values only.
    float strength = 1.0f;  ///< Finite. 0 leaves the activation as it is, bit for bit.
};

/// What to read from one row at one site.
struct Capture {
    Site site = Site::residual;
    /// Layers [layer_begin, layer_end); all must have the same width at `site` (site_width()).
    int layer_begin = 0;
    int layer_end = -1;  ///< Exclusive; -1 = n_layer.
    Positions positions = {Positions::Kind::last_prompt, 0, 0};
    bool mean = false;  ///< Average over the positions (float64 sums, fixed order) instead of keeping each.
};

/// Values read by one Capture, before the edits at the same site and layer were applied.
struct Captured {
    int n_layer = 0;            ///< layer_end - layer_begin of the request.
    int n_position = 0;         ///< 1 when averaged.
    int width = 0;              ///< Floats per layer and position.
    std::vector<float> values;  ///< [n_layer][n_position][width], row-major.
};

/// "head_output", "attention_output", "mlp_output" or "residual".
const char* site_name(Site site) noexcept;
/// "add", "replace", "turn" or "project".
const char* operation_name(Operation operation) noexcept;

}  // namespace tiller

// The one place where tiller touches the engine's graph: resolves sites to graph nodes, applies edits,
// reads captures, and counts both.
#pragma once

#include <ggml-backend.h>
#include <ggml.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <exception>
#include <string>
#include <vector>

#include "engine/operations.h"
#include "tiller/edit.h"

namespace tiller::engine {

constexpr int kSites = 4;
inline std::size_t index_of(Site site) { return static_cast<std::size_t>(site); }

/// One token of a decode, as the hook needs it.
struct BatchToken {
    int output = -1;  ///< Index among the tokens whose outputs are kept, or -1.
};

/// An edit to make on one token, or an activation to read from it.
struct Action {
    int token = 0;               ///< Index in the batch.
    const Edit* edit = nullptr;  ///< Null for a capture.
    float* target = nullptr;     ///< Capture: where the activation goes, [width].
    double* sum = nullptr;       ///< Capture of a mean: added here instead, [width].
};

/// What is to happen during one decode. Filled by the runner, carried out by the Hook.
struct DecodePlan {
    std::vector<BatchToken> tokens;
    int n_output = 0;
    std::array<std::vector<std::vector<Action>>, kSites> actions;  ///< [site][layer]; captures before edits.
    bool stop_early =
        false;  ///< Logits are not needed: stop after the last action (or the last layer's cache).
    bool keep_cache =
        true;             ///< With stop_early: the cache must be whole, so do not stop before the last layer.
    bool states = false;  ///< The outputs are states, that is outputs of the last norm: stop there. Every
                          ///< token has one.
    int last_layer = -1;  ///< The last one with an action; -1 without any.

    void reset(int n_layer);
    void add(Site site, int layer, const Action& action) {
        actions[index_of(site)][static_cast<std::size_t>(layer)].push_back(action);
        last_layer = std::max(last_layer, layer);
    }
    bool empty(Site site, int layer) const {
        return actions[index_of(site)][static_cast<std::size_t>(layer)].empty();
    }
};

/// What a probe of the graph found about one site of one layer.
struct SiteInfo {
    bool present = false;
    bool reduced = false;  ///< Only tokens with outputs are computed here (last layer, after attention).
    std::int64_t width = 0;
    std::int64_t n_copy = 1;  ///< Vectors per token; more than one in models with several residual streams.
};

/// The product of the last norm's outputs with the unembedding matrix W_U, [n_embd, n_vocab], where
/// nothing else comes between that norm and the logits.
struct LogitsNode {
    /// Null where something does (a scale, a bias, a soft cap). Belongs to the model.
    ggml_tensor* matrix = nullptr;
    std::array<std::int32_t, GGML_MAX_OP_PARAMS / sizeof(std::int32_t)> op_params{};
};

/// Names and facts of all sites, found by running the graph once.
struct SiteMap {
    std::array<std::vector<SiteInfo>, kSites> sites;  ///< [site][layer]
    std::vector<bool> mlp_is_moe;                     ///< [layer]: the MLP output is "ffn_moe_out".
    std::vector<bool> attention_has_post_norm;  ///< [layer]: an RMS norm is the last step before the stream.
    std::vector<int> n_projection;              ///< [layer]: nodes from W_O to what is added (see hook.cpp).
    const SiteInfo& at(Site site, int layer) const {
        return sites[index_of(site)][static_cast<std::size_t>(layer)];
    }
};

/// Evaluation callback of one llama context. Not thread-safe.
class Hook {
public:
    /// `d_head`: width of a head's output, [n_layer].
    Hook(int n_layer, std::string architecture, std::vector<int> d_head);

    /// Registered as llama_context_params::cb_eval with `this` as user data. Never throws, because the engine
    /// is C: a failure or an exception (no memory, say) is kept for check() or end_probe(), which throw it.
    static bool callback(ggml_tensor* tensor, bool ask, void* user);

    /// The next decode only looks at the graph and fills sites().
    void begin_probe(int n_token);
    /// Throws what was thrown in the callback.
    void end_probe();
    const SiteMap& sites() const { return map_; }
    /// Of the last probe.
    const LogitsNode& logits_node() const { return logits_node_; }
    void set_sites(const SiteMap& map) { map_ = map; }

    /// The next decode carries out `plan` (not owned, must live until check()).
    void begin(const DecodePlan* plan);
    /// Throws Code::incomplete when the decode did not carry out the whole plan, and what was thrown in the
    /// callback as it is. Ends the plan.
    void check();
    /// Ends the plan without checking it, after the engine itself failed.
    void abandon() {
        plan_ = nullptr;
        thrown_ = nullptr;
    }

    std::uint64_t n_edit() const { return n_edit_; }
    std::uint64_t n_capture() const { return n_capture_; }

private:
    struct Place {
        Site site;
        int layer;
    };
    bool answer(ggml_tensor* tensor, bool ask);
    void rethrow();
    bool locate(const ggml_tensor* tensor, Place& place);
    bool extends_attention(const ggml_tensor* tensor, Place& place);
    void look_for_logits(const ggml_tensor* tensor);
    bool wants(const ggml_tensor* tensor);
    bool evaluate(ggml_tensor* tensor);
    void carry_out(ggml_tensor* tensor, const Place& place, const std::vector<Action>& actions);
    void start_graph();

    int n_layer_;
    std::string architecture_;
    std::vector<int> d_head_;
    SiteMap map_;
    LogitsNode logits_node_;
    const DecodePlan* plan_ = nullptr;
    bool probing_ = false;
    int probe_tokens_ = 0;

    // State of one graph evaluation.
    const ggml_tensor* norm_ = nullptr;            // the last one, once met
    std::vector<int> n_projection_;                // [layer] nodes from W_O on met so far
    const ggml_tensor* projection_end_ = nullptr;  // the last of them, or a view of it
    int projection_layer_ = -1;                    // and its layer
    std::vector<int> n_ffn_out_;                   // [layer] nodes named ffn_out met so far
    std::array<std::vector<char>, kSites> done_;   // [site][layer] carried out
    const ggml_tensor* pending_ = nullptr;         // the node that evaluate() is to see next
    Place pending_place_{};
    bool pending_action_ = false;
    std::string failure_;
    std::exception_ptr thrown_;   // in the callback
    std::vector<float> staging_;  // activations of a device buffer
    std::vector<Term> turns_;     // that meet at one activation
    std::uint64_t n_edit_ = 0, n_capture_ = 0;
};

}  // namespace tiller::engine

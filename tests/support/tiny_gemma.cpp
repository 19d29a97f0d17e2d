// Gemma 3n and Gemma 4: embeddings for each layer, keys and values that layers share, several copies of the
// residual stream (3n), heads of two widths (4).
#include <fmt/format.h>

#include "support/tiny_writer.h"

namespace tiller::test {
namespace {

// The engine's constants for Gemma 3n; its files have no keys for them.
constexpr int kCopies = 4, kLaurel = 64, kPerLayer3n = 256;
constexpr int kPerLayer4 = 8, kExperts = 4, kGlobalEvery = 2;

bool is_global(int il) { return (il + 1) % kGlobalEvery == 0; }

void add_experts(Writer& w, const std::string& b) {
    const int e = w.o.n_embd, n_ff = w.o.n_ff / 2;
    w.matrix(b + "ffn_gate_inp", e, kExperts, 2);
    w.vector(b + "ffn_gate_inp.scale", e, 1, 0.2);
    w.matrix(b + "ffn_gate_exps", e, n_ff, 1, kExperts);
    w.matrix(b + "ffn_up_exps", e, n_ff, 1, kExperts);
    w.matrix(b + "ffn_down_exps", n_ff, e, 2, kExperts);
    for (const char* name : {"pre_ffw_norm_2", "post_ffw_norm_1", "post_ffw_norm_2"}) w.norm(b + name, e);
}

}  // namespace

void add_gemma4_metadata(Writer& w) {
    const TinyOptions& o = w.o;
    w.put("attention.key_length", 2 * o.d_head);
    w.put("attention.value_length", 2 * o.d_head);
    w.put("attention.key_length_swa", o.d_head);
    w.put("attention.value_length_swa", o.d_head);
    w.put("rope.dimension_count", 2 * o.d_head);
    w.put("rope.dimension_count_swa", o.d_head);
    w.put("rope.freq_base", 1e6f);
    w.put("rope.freq_base_swa", 1e4f);
    w.put("attention.shared_kv_layers", o.n_shared_kv);
    w.put("embedding_length_per_layer_input", o.experts ? 0 : kPerLayer4);
    w.put("final_logit_softcapping", 30.0f);
    if (o.experts) {
        w.put("expert_count", kExperts);
        w.put("expert_used_count", 2);
        w.put("expert_feed_forward_length", o.n_ff / 2);
    }
    std::vector<std::int32_t> windows;
    for (int il = 0; il < o.n_layer; ++il) windows.push_back(!is_global(il));
    gguf_set_arr_data(w.gguf(), "gemma4.attention.sliding_window_pattern", GGUF_TYPE_INT32, windows.data(),
                      windows.size());
}

void add_gemma_tensors(Writer& w, int n_vocab) {
    const TinyOptions& o = w.o;
    const bool old = o.architecture == "gemma3n";
    if (!old && o.architecture != "gemma4") return;
    if (!o.experts) {
        const int n = old ? kPerLayer3n : kPerLayer4;
        w.matrix("per_layer_token_embd", n * o.n_layer, n_vocab, std::sqrt(o.n_layer));
        w.matrix("per_layer_model_proj", o.n_embd, n * o.n_layer);
        w.norm("per_layer_proj_norm", n);
    }
    if (old) {
        w.matrix("altup_proj", o.n_embd, o.n_embd, 1, kCopies - 1);
        w.matrix("altup_unembd_proj", o.n_embd, o.n_embd, 1, kCopies - 1);
        return;
    }
    // A quarter of the values of a global head is turned; the others' angles are divided by all but infinity.
    std::vector<float> factors(static_cast<std::size_t>(o.d_head), 1e30f);
    std::fill_n(factors.begin(), o.d_head / 4, 1.0f);
    w.values("rope_freqs.weight", factors);
}

void add_gemma4_attention(Writer& w, int il) {
    const TinyOptions& o = w.o;
    const std::string b = fmt::format("blk.{}.", il);
    const int d = is_global(il) ? 2 * o.d_head : o.d_head, e = o.n_embd;
    w.norm(b + "attn_norm", e);
    w.matrix(b + "attn_q", e, o.n_head * d, 1.5);
    w.norm(b + "attn_q_norm", d);
    if (il < o.n_layer - o.n_shared_kv) {
        w.matrix(b + "attn_k", e, o.n_head_kv * d, 1.5);
        w.matrix(b + "attn_v", e, o.n_head_kv * d);
        w.norm(b + "attn_k_norm", d);
    }
    w.matrix(b + "attn_output", o.n_head * d, e);
}

void add_gemma_layer(Writer& w, int il) {
    const TinyOptions& o = w.o;
    const bool old = o.architecture == "gemma3n";
    if (!old && o.architecture != "gemma4") return;
    const std::string b = fmt::format("blk.{}.", il);
    const int e = o.n_embd;
    if (o.experts) add_experts(w, b);
    if (!o.experts) {
        const int n = old ? kPerLayer3n : kPerLayer4;
        w.matrix(b + "inp_gate", e, n);
        w.matrix(b + "proj", n, e);
        w.norm(b + "post_norm", e);
    }
    if (!old) return w.vector(b + "layer_output_scale.weight", 1, 0.8, 0.1);
    w.matrix(b + "altup_correct_coef", kCopies, kCopies);
    w.norm(b + "altup_correct_scale", e);
    w.matrix(b + "altup_predict_coef", kCopies, kCopies * kCopies);
    w.matrix(b + "altup_router", e, kCopies);
    w.norm(b + "altup_router_norm", e);
    w.matrix(b + "laurel_l", e, kLaurel);
    w.matrix(b + "laurel_r", kLaurel, e);
    w.norm(b + "laurel_post_norm", e);
}

}  // namespace tiller::test

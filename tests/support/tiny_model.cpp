#include "support/tiny_model.h"

#include <fmt/format.h>
#include <llama.h>
#include <unistd.h>

#include <cmath>
#include <memory>
#include <set>
#include <stdexcept>

#include "support/tiny_writer.h"

namespace tiller::test {
namespace fs = std::filesystem;
namespace {

// Goes away with the process.
struct Folder {
    fs::path path = fs::temp_directory_path() / fmt::format("tiller-tiny-{}", getpid());
    int n_file = 0;
    Folder() { fs::create_directories(path); }
    ~Folder() {
        std::error_code ec;
        fs::remove_all(path, ec);
    }
};
Folder& folder() {
    static Folder f;
    return f;
}

// SentencePiece-like: control tokens, bytes (so that every text has tokens), letters, and whole words with
// all their beginnings, because SentencePiece only reaches a piece through pieces.
int add_vocabulary(Writer& w) {
    std::vector<std::string> text = {"<unk>", "<s>", "</s>"};
    std::vector<std::int32_t> type = {2, 3, 3};  // unknown, control, control
    for (int b = 0; b < 256; ++b) {
        text.push_back(fmt::format("<0x{:02X}>", b));
        type.push_back(6);  // byte
    }
    std::set<std::string> known;
    const auto add = [&](const std::string& piece) {
        if (!known.insert(piece).second) return;
        text.push_back(piece);
        type.push_back(1);  // normal
    };
    const std::string blank = "\xe2\x96\x81";
    for (const char* word : {"the", "cat", "dog", "red", "sun", "hot", "cold", "is", "in", "a"})
        for (std::size_t n = 1; n <= std::string(word).size(); ++n)
            add(blank + std::string(word).substr(0, n));
    add(blank);
    for (char c = 'a'; c <= 'z'; ++c) add(std::string(1, c));
    for (const char* mark : {".", ",", ":", "\n", "Q", "A"}) add(mark);
    while (text.size() % 4 != 0) add(fmt::format("x{}", text.size()));
    std::vector<float> score;
    for (std::size_t i = 0; i < text.size(); ++i)
        score.push_back(type[i] == 1 ? -static_cast<float>(i) : 0.0f);

    std::vector<const char*> pointers;
    for (const auto& t : text) pointers.push_back(t.c_str());
    gguf_context* g = w.gguf();
    gguf_set_val_str(g, "tokenizer.ggml.model", "llama");
    gguf_set_arr_str(g, "tokenizer.ggml.tokens", pointers.data(), pointers.size());
    gguf_set_arr_data(g, "tokenizer.ggml.scores", GGUF_TYPE_FLOAT32, score.data(), score.size());
    gguf_set_arr_data(g, "tokenizer.ggml.token_type", GGUF_TYPE_INT32, type.data(), type.size());
    gguf_set_val_u32(g, "tokenizer.ggml.bos_token_id", 1);
    gguf_set_val_u32(g, "tokenizer.ggml.eos_token_id", 2);
    gguf_set_val_u32(g, "tokenizer.ggml.unknown_token_id", 0);
    gguf_set_val_bool(g, "tokenizer.ggml.add_bos_token", w.o.add_bos);
    return static_cast<int>(text.size());
}

// How many values of a head RoPE turns.
int rope_width(const TinyOptions& o) {
    if (o.architecture == "gptneox") return o.d_head / 4 * 2;
    return o.architecture == "stablelm" ? o.d_head / 4 : o.d_head;
}

void add_metadata(Writer& w) {
    const TinyOptions& o = w.o;
    gguf_context* g = w.gguf();
    gguf_set_val_str(g, "general.architecture", o.architecture.c_str());
    // A vocabulary without <|endoftext|> makes the engine refuse a model whose name says phi3.
    const std::string name = o.architecture == "phi3" ? "phi" : o.architecture;
    gguf_set_val_str(g, "general.name", ("tiny " + name).c_str());
    gguf_set_val_u32(g, "general.file_type", LLAMA_FTYPE_ALL_F32);
    w.put("block_count", o.n_layer);
    w.put("context_length", o.n_ctx);
    w.put("embedding_length", o.n_embd);
    w.put("feed_forward_length", o.n_ff);
    w.put(w.traits.layer_norm ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon", 1e-5f);
    w.put("attention.key_length", o.d_head);
    w.put("attention.value_length", o.d_head);
    w.put("rope.dimension_count", rope_width(o));
    std::vector<std::int32_t> heads(static_cast<std::size_t>(o.n_layer), o.n_head);
    std::vector<std::int32_t> kv_heads(heads.size(), o.n_head_kv);
    if (o.layer_without_heads >= 0) {
        const auto il = static_cast<std::size_t>(o.layer_without_heads);
        heads[il] = kv_heads[il] = 0;
        const auto put = [&](const char* key, const std::vector<std::int32_t>& values) {
            gguf_set_arr_data(g, (o.architecture + "." + key).c_str(), GGUF_TYPE_INT32, values.data(),
                              values.size());
        };
        put("attention.head_count", heads);
        put("attention.head_count_kv", kv_heads);
    } else {
        w.put("attention.head_count", o.n_head);
        w.put("attention.head_count_kv", o.n_head_kv);
    }
    if (o.architecture == "gptneox" || o.architecture == "stablelm")
        gguf_set_val_bool(g, (o.architecture + ".use_parallel_residual").c_str(), o.parallel_residual);
    if (o.architecture == "granite") {
        w.put("residual_scale", 0.4f);
        w.put("logit_scale", 2.0f);
        w.put("embedding_scale", 1.5f);
        w.put("attention.scale", 0.2f);
    }
    if (o.architecture == "qwen3moe") {
        w.put("expert_count", 4);
        w.put("expert_used_count", 2);
        w.put("expert_feed_forward_length", o.n_ff / 2);
    }
    if (w.traits.gemma) w.put("attention.sliding_window", 8);
    if (o.architecture == "gemma4") add_gemma4_metadata(w);
    // The layers without a window turn more slowly than those with one, whose base is 10000.
    if (o.architecture == "gemma3") w.put("rope.freq_base", 1e6f);
}

void add_attention(Writer& w, const std::string& b) {
    const TinyOptions& o = w.o;
    const Traits& t = w.traits;
    const int n_in = o.n_head * o.d_head, n_kv = o.n_head_kv * o.d_head, e = o.n_embd;
    if (t.input_norm) w.norm(b + "attn_norm", e, t.layer_norm);
    if (o.two_norms) w.norm(b + "attn_norm_2", e, t.layer_norm);
    if (t.fused_qkv) {
        w.matrix(b + "attn_qkv", e, n_in + 2 * n_kv);
        if (t.qkv_bias) w.bias(b + "attn_qkv", n_in + 2 * n_kv);
    } else {
        w.matrix(b + "attn_q", e, n_in, 1.5);
        w.matrix(b + "attn_k", e, n_kv, 1.5);
        w.matrix(b + "attn_v", e, n_kv);
        if (t.qkv_bias) {
            w.bias(b + "attn_q", n_in);
            w.bias(b + "attn_k", n_kv);
            w.bias(b + "attn_v", n_kv);
        }
    }
    w.matrix(b + "attn_output", n_in, e);
    if (t.output_bias) w.bias(b + "attn_output", e);
    if (t.qk_norm_per_head || t.qk_norm_whole) {
        w.norm(b + "attn_q_norm", t.qk_norm_whole ? n_in : o.d_head);
        w.norm(b + "attn_k_norm", t.qk_norm_whole ? n_kv : o.d_head);
    } else if (t.qk_norm_each_head) {
        w.norms(b + "attn_q_norm", o.n_head, o.d_head);
        w.norms(b + "attn_k_norm", o.n_head_kv, o.d_head);
    }
}

void add_layer(Writer& w, int il) {
    const TinyOptions& o = w.o;
    const Traits& t = w.traits;
    const std::string b = fmt::format("blk.{}.", il);
    const int e = o.n_embd;
    if (o.architecture == "gemma4")
        add_gemma4_attention(w, il);
    else if (il != o.layer_without_heads)
        add_attention(w, b);
    add_gemma_layer(w, il);
    if (t.attention_post_norm) w.norm(b + "post_attention_norm", e);
    if (t.mlp_post_norm) w.norm(b + "post_ffw_norm", e);
    if (t.mlp_norm) w.norm(b + "ffn_norm", e, t.layer_norm);
    if (o.architecture == "qwen3moe") {
        w.matrix(b + "ffn_gate_inp", e, 4, 2);
        w.matrix(b + "ffn_gate_exps", e, o.n_ff / 2, 1, 4);
        w.matrix(b + "ffn_up_exps", e, o.n_ff / 2, 1, 4);
        w.matrix(b + "ffn_down_exps", o.n_ff / 2, e, 2, 4);
        return;
    }
    w.matrix(b + "ffn_up", e, t.gate_in_up ? 2 * o.n_ff : o.n_ff);
    w.matrix(b + "ffn_down", o.n_ff, e, 2);
    if (t.biases) {
        w.bias(b + "ffn_up", o.n_ff);
        w.bias(b + "ffn_down", e);
    }
    if (t.gate) w.matrix(b + "ffn_gate", e, o.n_ff);
}

std::string key_of(const TinyOptions& o) {
    return fmt::format("{}-{}-{}-{}-{}-{}-{}-{}-{}-{}-{}-{}-{}-{}", o.architecture, o.n_layer, o.n_head,
                       o.n_head_kv, o.d_head, o.n_embd, o.n_ff, o.n_ctx, o.attention_bias,
                       o.parallel_residual, o.two_norms, o.add_bos, o.seed, o.layer_without_heads) +
           fmt::format("-{}-{}", o.n_shared_kv, o.experts);
}

}  // namespace

fs::path temporary_file(const std::string& name) {
    return folder().path / fmt::format("{}-{}", folder().n_file++, name);
}

fs::path make_tiny_model(const TinyOptions& options) {
    static std::map<std::string, fs::path> made;
    TinyOptions o = options;
    const Traits traits(o);
    if (traits.square) o.n_embd = o.n_head * o.d_head;
    if (traits.biases) o.n_head_kv = o.n_head;  // gptneox and gpt2 have no grouped heads
    const std::string key = key_of(o);
    if (!o.metadata && o.constants.empty())
        if (const auto it = made.find(key); it != made.end()) return it->second;

    Writer w(o);
    add_metadata(w);
    const int n_vocab = add_vocabulary(w);
    // Models that scale by the square root of the width (Gemma) get embeddings that are small beforehand.
    w.matrix("token_embd", o.n_embd, n_vocab, traits.gemma ? 3.0 : std::sqrt(o.n_embd));
    if (o.architecture == "gpt2") w.matrix("position_embd", o.n_embd, o.n_ctx, std::sqrt(o.n_embd) / 2);
    w.norm("output_norm", o.n_embd, traits.layer_norm);
    if (!traits.tied) w.matrix("output", o.n_embd, n_vocab, 3);
    add_gemma_tensors(w, n_vocab);
    for (int il = 0; il < o.n_layer; ++il) add_layer(w, il);
    if (o.metadata) o.metadata(w.gguf());
    const fs::path path = temporary_file("tiny-" + o.architecture + ".gguf");
    w.write(path);
    if (!o.metadata && o.constants.empty()) made[key] = path;
    return path;
}

fs::path quantise_tiny_model(const fs::path& model, const std::string& type) {
    llama_model_quantize_params params = llama_model_quantize_default_params();
    params.nthread = 1;
    params.pure = true;
    params.allow_requantize = true;
    static const std::map<std::string, llama_ftype> types = {
        {"Q8_0", LLAMA_FTYPE_MOSTLY_Q8_0}, {"Q4_0", LLAMA_FTYPE_MOSTLY_Q4_0},
        {"Q4_1", LLAMA_FTYPE_MOSTLY_Q4_1}, {"Q4_K", LLAMA_FTYPE_MOSTLY_Q4_K_S},
        {"Q5_0", LLAMA_FTYPE_MOSTLY_Q5_0}, {"Q5_K", LLAMA_FTYPE_MOSTLY_Q5_K_S},
        {"Q6_K", LLAMA_FTYPE_MOSTLY_Q6_K}, {"F16", LLAMA_FTYPE_MOSTLY_F16},
        {"F32", LLAMA_FTYPE_ALL_F32},      {"BF16", LLAMA_FTYPE_MOSTLY_BF16}};
    params.ftype = types.at(type);
    const fs::path path = temporary_file(type + ".gguf");
    if (llama_model_quantize(model.c_str(), path.c_str(), &params) != 0)
        throw std::runtime_error("cannot quantise " + model.string());
    return path;
}

fs::path split_tiny_model(const fs::path& model) {
    ggml_context* data = nullptr;
    const std::unique_ptr<gguf_context, FreeGguf> file(gguf_init_from_file(model.c_str(), {false, &data}));
    const std::unique_ptr<ggml_context, FreeGgml> tensors(data);
    if (!file) throw std::runtime_error("cannot read " + model.string());
    const auto n = gguf_get_n_tensors(file.get());
    const fs::path stem = temporary_file("parts");
    fs::path first;
    for (std::uint16_t no = 0; no < 2; ++no) {
        const std::unique_ptr<gguf_context, FreeGguf> part(gguf_init_empty());
        if (no == 0) gguf_set_kv(part.get(), file.get());
        gguf_set_val_u16(part.get(), "split.no", no);
        gguf_set_val_u16(part.get(), "split.count", 2);
        gguf_set_val_i32(part.get(), "split.tensors.count", static_cast<std::int32_t>(n));
        for (std::int64_t i = no == 0 ? 0 : n / 2; i < (no == 0 ? n / 2 : n); ++i)
            gguf_add_tensor(part.get(), ggml_get_tensor(data, gguf_get_tensor_name(file.get(), i)));
        const fs::path path = fmt::format("{}-0000{}-of-00002.gguf", stem.string(), no + 1);
        if (!gguf_write_to_file(part.get(), path.c_str(), /*only_meta*/ false))
            throw std::runtime_error("cannot write " + path.string());
        if (no == 0) first = path;
    }
    return first;
}

TinyWeights::TinyWeights(const fs::path& path) {
    ggml_context* data = nullptr;
    const std::unique_ptr<gguf_context, FreeGguf> file(gguf_init_from_file(path.c_str(), {false, &data}));
    const std::unique_ptr<ggml_context, FreeGgml> tensors(data);
    if (!file) throw std::runtime_error("cannot read " + path.string());
    for (ggml_tensor* t = ggml_get_first_tensor(data); t; t = ggml_get_next_tensor(data, t)) {
        if (t->type != GGML_TYPE_F32) continue;
        const auto* values = static_cast<const float*>(t->data);
        tensors_[t->name].assign(values, values + ggml_nelements(t));
    }
}

const std::vector<float>& TinyWeights::layer(int il, const std::string& name) const {
    return (*this)[fmt::format("blk.{}.{}", il, name)];
}

}  // namespace tiller::test

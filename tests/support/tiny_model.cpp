#include "support/tiny_model.h"

#include <fmt/format.h>
#include <ggml.h>
#include <llama.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <memory>
#include <random>
#include <set>
#include <stdexcept>

namespace tiller::test {
namespace fs = std::filesystem;
namespace {

struct FreeGguf {
    void operator()(gguf_context* p) const { gguf_free(p); }
};
struct FreeGgml {
    void operator()(ggml_context* p) const { ggml_free(p); }
};

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

// What the architectures differ in, as far as tensors go.
struct Traits {
    explicit Traits(const TinyOptions& o) {
        const std::string& a = o.architecture;
        const auto is = [&](std::initializer_list<const char*> names) {
            return std::any_of(names.begin(), names.end(), [&](const char* n) { return a == n; });
        };
        layer_norm = is({"gptneox", "gpt2", "falcon", "stablelm"});
        fused_qkv = is({"gptneox", "gpt2", "phi3", "falcon"});
        biases = is({"gptneox", "gpt2"});
        qkv_bias = biases || a == "qwen2" || o.attention_bias;
        output_bias = biases || (o.attention_bias && a != "stablelm");
        square = is({"gptneox", "gpt2", "qwen2", "olmo2", "phi3", "falcon", "stablelm"});
        gemma = is({"gemma2", "gemma3"});
        input_norm = a != "olmo2";
        attention_post_norm = gemma || is({"olmo2", "seed_oss", "glm4"});
        mlp_post_norm = gemma || is({"olmo2", "glm4"});
        mlp_norm = !is({"olmo2", "seed_oss", "falcon"}) && !(a == "stablelm" && o.parallel_residual);
        qk_norm_per_head = is({"gemma3", "qwen3", "qwen3moe"});
        qk_norm_whole = a == "olmo2";
        qk_norm_each_head = a == "stablelm" && o.parallel_residual;
        gate_in_up = is({"glm4", "phi3"});
        gate = !gate_in_up && !is({"gptneox", "gpt2", "falcon"});
        tied = gemma;
    }
    bool layer_norm, fused_qkv, biases, qkv_bias, output_bias;
    bool square;  // n_embd has to be n_head * d_head.
    bool gemma, input_norm, attention_post_norm, mlp_post_norm, mlp_norm;
    bool qk_norm_per_head, qk_norm_whole, qk_norm_each_head;
    bool gate_in_up, gate, tied;
};

// Collects tensors in a ggml context and names them in the file's header.
class Writer {
public:
    explicit Writer(const TinyOptions& options) : o(options), traits(options), random_(options.seed) {
        gguf_.reset(gguf_init_empty());
        ggml_.reset(ggml_init({std::size_t{96} << 20, nullptr, false}));
    }

    /// A matrix from `in` to `out` values; the sum over a unit-variance input has the standard deviation
    /// `scale`.
    void matrix(const std::string& name, int in, int out, double scale = 1, int n_expert = 1) {
        ggml_tensor* t = n_expert > 1 ? ggml_new_tensor_3d(ggml_.get(), GGML_TYPE_F32, in, out, n_expert)
                                      : ggml_new_tensor_2d(ggml_.get(), GGML_TYPE_F32, in, out);
        fill(t, name + ".weight", 0, scale / std::sqrt(in));
    }
    void vector(const std::string& name, int n, double mean, double deviation) {
        fill(ggml_new_tensor_1d(ggml_.get(), GGML_TYPE_F32, n), name, mean, deviation);
    }
    void bias(const std::string& name, int n) { vector(name + ".bias", n, 0, 0.3); }
    void norm(const std::string& name, int n, bool with_bias = false) {
        vector(name + ".weight", n, 1, 0.2);
        if (with_bias) bias(name, n);
    }
    /// The weights of one norm per head, [n_head][d_head].
    void norms(const std::string& name, int n_head, int d_head) {
        fill(ggml_new_tensor_2d(ggml_.get(), GGML_TYPE_F32, d_head, n_head), name + ".weight", 1, 0.2);
    }

    void put(const std::string& key, int value) {
        gguf_set_val_u32(gguf_.get(), (o.architecture + "." + key).c_str(),
                         static_cast<std::uint32_t>(value));
    }
    void put(const std::string& key, float value) {
        gguf_set_val_f32(gguf_.get(), (o.architecture + "." + key).c_str(), value);
    }
    gguf_context* gguf() { return gguf_.get(); }

    void write(const fs::path& path) {
        if (!gguf_write_to_file(gguf_.get(), path.c_str(), false))
            throw std::runtime_error("cannot write " + path.string());
    }

    const TinyOptions& o;
    const Traits traits;

private:
    void fill(ggml_tensor* t, const std::string& name, double mean, double deviation) {
        ggml_set_name(t, name.c_str());
        auto* data = static_cast<float*>(t->data);
        for (std::int64_t i = 0; i < ggml_nelements(t); ++i)
            data[i] = static_cast<float>(mean + deviation * normal());
        if (const auto constant = o.constants.find(name); constant != o.constants.end())
            std::fill_n(data, ggml_nelements(t), constant->second);
        gguf_add_tensor(gguf_.get(), t);
    }
    // Box-Muller by hand: std::normal_distribution differs between standard libraries.
    double normal() {
        const auto uniform = [this] { return (static_cast<double>(random_()) + 0.5) / 4294967296.0; };
        return std::sqrt(-2 * std::log(uniform())) * std::cos(2 * M_PI * uniform());
    }

    std::mt19937 random_;
    std::unique_ptr<gguf_context, FreeGguf> gguf_;
    std::unique_ptr<ggml_context, FreeGgml> ggml_;
};

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
    if (il != o.layer_without_heads) add_attention(w, b);
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
                       o.parallel_residual, o.two_norms, o.add_bos, o.seed, o.layer_without_heads);
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
        {"Q6_K", LLAMA_FTYPE_MOSTLY_Q6_K}, {"F16", LLAMA_FTYPE_MOSTLY_F16},
        {"F32", LLAMA_FTYPE_ALL_F32},      {"BF16", LLAMA_FTYPE_MOSTLY_BF16}};
    params.ftype = types.at(type);
    const fs::path path = temporary_file(type + ".gguf");
    if (llama_model_quantize(model.c_str(), path.c_str(), &params) != 0)
        throw std::runtime_error("cannot quantise " + model.string());
    return path;
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

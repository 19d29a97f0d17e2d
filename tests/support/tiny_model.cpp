#include "support/tiny_model.h"

#include <fmt/format.h>
#include <ggml.h>
#include <llama.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
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

// Collects tensors in a ggml context and names them in the file's header.
class Writer {
public:
    explicit Writer(const TinyOptions& options) : o(options), random_(options.seed) {
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

void add_metadata(Writer& w, bool layer_norm) {
    const TinyOptions& o = w.o;
    gguf_context* g = w.gguf();
    gguf_set_val_str(g, "general.architecture", o.architecture.c_str());
    gguf_set_val_str(g, "general.name", ("tiny " + o.architecture).c_str());
    gguf_set_val_u32(g, "general.file_type", LLAMA_FTYPE_ALL_F32);
    w.put("block_count", o.n_layer);
    w.put("context_length", o.n_ctx);
    w.put("embedding_length", o.n_embd);
    w.put("feed_forward_length", o.n_ff);
    w.put(layer_norm ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon", 1e-5f);
    w.put("attention.key_length", o.d_head);
    w.put("attention.value_length", o.d_head);
    w.put("rope.dimension_count", o.architecture == "gptneox" ? o.d_head / 4 * 2 : o.d_head);
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
    if (o.architecture == "gptneox")
        gguf_set_val_bool(g, "gptneox.use_parallel_residual", o.parallel_residual);
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
    if (o.architecture == "gemma2" || o.architecture == "gemma3") w.put("attention.sliding_window", 8);
}

void add_layer(Writer& w, int il) {
    const TinyOptions& o = w.o;
    const std::string& arch = o.architecture;
    const std::string b = fmt::format("blk.{}.", il);
    const int n_in = o.n_head * o.d_head, n_kv = o.n_head_kv * o.d_head, e = o.n_embd;
    const bool fused = arch == "gptneox" || arch == "gpt2";
    const bool gemma = arch == "gemma2" || arch == "gemma3";
    const bool qkv_bias = arch == "qwen2" || o.attention_bias;
    if (il != o.layer_without_heads) {
        if (arch != "olmo2") w.norm(b + "attn_norm", e, fused);
        if (fused) {
            w.matrix(b + "attn_qkv", e, n_in + 2 * n_kv);
            w.bias(b + "attn_qkv", n_in + 2 * n_kv);
        } else {
            w.matrix(b + "attn_q", e, n_in, 1.5);
            w.matrix(b + "attn_k", e, n_kv, 1.5);
            w.matrix(b + "attn_v", e, n_kv);
            if (qkv_bias) {
                w.bias(b + "attn_q", n_in);
                w.bias(b + "attn_k", n_kv);
                w.bias(b + "attn_v", n_kv);
            }
        }
        w.matrix(b + "attn_output", n_in, e);
        if (fused || o.attention_bias) w.bias(b + "attn_output", e);
        if (arch == "gemma3" || arch == "qwen3moe") {
            w.norm(b + "attn_q_norm", o.d_head);
            w.norm(b + "attn_k_norm", o.d_head);
        }
        if (arch == "olmo2") {
            w.norm(b + "attn_q_norm", n_in);
            w.norm(b + "attn_k_norm", n_kv);
        }
    }
    if (gemma || arch == "olmo2" || arch == "seed_oss" || arch == "glm4")
        w.norm(b + "post_attention_norm", e);
    if (gemma || arch == "olmo2" || arch == "glm4") w.norm(b + "post_ffw_norm", e);
    if (arch != "olmo2" && arch != "seed_oss") w.norm(b + "ffn_norm", e, fused);
    if (arch == "qwen3moe") {
        w.matrix(b + "ffn_gate_inp", e, 4, 2);
        w.matrix(b + "ffn_gate_exps", e, o.n_ff / 2, 1, 4);
        w.matrix(b + "ffn_up_exps", e, o.n_ff / 2, 1, 4);
        w.matrix(b + "ffn_down_exps", o.n_ff / 2, e, 2, 4);
        return;
    }
    w.matrix(b + "ffn_up", e, arch == "glm4" ? 2 * o.n_ff : o.n_ff);
    w.matrix(b + "ffn_down", o.n_ff, e, 2);
    if (fused) {
        w.bias(b + "ffn_up", o.n_ff);
        w.bias(b + "ffn_down", e);
    } else if (arch != "glm4") {
        w.matrix(b + "ffn_gate", e, o.n_ff);
    }
}

std::string key_of(const TinyOptions& o) {
    return fmt::format("{}-{}-{}-{}-{}-{}-{}-{}-{}-{}-{}-{}-{}", o.architecture, o.n_layer, o.n_head,
                       o.n_head_kv, o.d_head, o.n_embd, o.n_ff, o.n_ctx, o.attention_bias,
                       o.parallel_residual, o.add_bos, o.seed, o.layer_without_heads);
}

}  // namespace

fs::path temporary_file(const std::string& name) {
    return folder().path / fmt::format("{}-{}", folder().n_file++, name);
}

fs::path make_tiny_model(const TinyOptions& options) {
    static std::map<std::string, fs::path> made;
    TinyOptions o = options;
    const std::string& arch = o.architecture;
    const bool fused = arch == "gptneox" || arch == "gpt2";
    if (fused || arch == "qwen2" || arch == "olmo2") o.n_embd = o.n_head * o.d_head;
    if (fused) o.n_head_kv = o.n_head;
    const std::string key = key_of(o);
    if (!o.metadata && o.constants.empty())
        if (const auto it = made.find(key); it != made.end()) return it->second;

    Writer w(o);
    add_metadata(w, fused);
    const int n_vocab = add_vocabulary(w);
    // Models that scale by the square root of the width (Gemma) get embeddings that are small beforehand.
    const bool gemma = arch == "gemma2" || arch == "gemma3";
    w.matrix("token_embd", o.n_embd, n_vocab, gemma ? 3.0 : std::sqrt(o.n_embd));
    if (arch == "gpt2") w.matrix("position_embd", o.n_embd, o.n_ctx, std::sqrt(o.n_embd) / 2);
    w.norm("output_norm", o.n_embd, fused);
    if (!gemma) w.matrix("output", o.n_embd, n_vocab, 3);
    for (int il = 0; il < o.n_layer; ++il) add_layer(w, il);
    if (o.metadata) o.metadata(w.gguf());
    const fs::path path = temporary_file("tiny-" + arch + ".gguf");
    w.write(path);
    if (!o.metadata && o.constants.empty()) made[key] = path;
    return path;
}

fs::path quantise_tiny_model(const fs::path& model, const std::string& type) {
    llama_model_quantize_params params = llama_model_quantize_default_params();
    params.nthread = 1;
    params.pure = true;
    static const std::map<std::string, llama_ftype> types = {
        {"Q8_0", LLAMA_FTYPE_MOSTLY_Q8_0}, {"Q4_0", LLAMA_FTYPE_MOSTLY_Q4_0},
        {"Q4_1", LLAMA_FTYPE_MOSTLY_Q4_1}, {"Q4_K", LLAMA_FTYPE_MOSTLY_Q4_K_S},
        {"Q6_K", LLAMA_FTYPE_MOSTLY_Q6_K}, {"F16", LLAMA_FTYPE_MOSTLY_F16},
        {"BF16", LLAMA_FTYPE_MOSTLY_BF16}};
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

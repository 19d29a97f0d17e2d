// Writes the GGUF files of tiny models: metadata and random tensors under their names.
#pragma once

#include <ggml.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <random>
#include <stdexcept>

#include "support/tiny_model.h"

namespace tiller::test {

struct FreeGguf {
    void operator()(gguf_context* p) const { gguf_free(p); }
};
struct FreeGgml {
    void operator()(ggml_context* p) const { ggml_free(p); }
};

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
        gemma = is({"gemma2", "gemma3", "gemma3n", "gemma4"});
        input_norm = a != "olmo2";
        attention_post_norm = gemma || is({"olmo2", "seed_oss", "glm4"});
        mlp_post_norm = gemma || is({"olmo2", "glm4"});
        mlp_norm = !is({"olmo2", "seed_oss", "falcon"}) && !(a == "stablelm" && o.parallel_residual);
        qk_norm_per_head = is({"gemma3", "gemma3n", "qwen3", "qwen3moe"});
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
    /// Given values.
    void values(const std::string& name, const std::vector<float>& of) {
        ggml_tensor* t = ggml_new_tensor_1d(ggml_.get(), GGML_TYPE_F32, static_cast<std::int64_t>(of.size()));
        ggml_set_name(t, name.c_str());
        std::copy(of.begin(), of.end(), static_cast<float*>(t->data));
        gguf_add_tensor(gguf_.get(), t);
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

    void write(const std::filesystem::path& path) {
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

// What Gemma 3n and Gemma 4 have and other architectures do not (tiny_gemma.cpp). The second and the last do
// nothing for others.
void add_gemma4_metadata(Writer& w);
void add_gemma_tensors(Writer& w, int n_vocab);
void add_gemma4_attention(Writer& w, int il);
void add_gemma_layer(Writer& w, int il);

}  // namespace tiller::test

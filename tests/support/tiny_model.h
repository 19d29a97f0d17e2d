// Tiny random language models as GGUF files: real architectures of a few thousand weights, made in
// milliseconds, whose weights a test can read back and compute with.
#pragma once

#include <gguf.h>

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace tiller::test {

/// Shape of a tiny model. The defaults make n_head * d_head (64) differ from n_embd (48), so that a test sees
/// a mix-up of the two; gptneox, gpt2, qwen2, olmo2, phi3, falcon and stablelm need n_embd = n_head * d_head
/// and get it.
struct TinyOptions {
    /// llama, granite, deci, seed_oss, mistral3, qwen2, qwen3, qwen3moe, olmo2, gemma2, gemma3, gemma3n,
    /// gemma4, phi3, glm4, gptneox, gpt2, falcon or stablelm. gemma4: every second layer has no window and
    /// heads of twice the width; gemma3n: the engine shares keys and values from layer 20 on.
    std::string architecture = "llama";
    int n_layer = 3;
    int n_head = 4;
    int n_head_kv = 2;
    int d_head = 16;
    int n_embd = 48;
    int n_ff = 96;
    int n_ctx = 512;
    bool attention_bias =
        false;  ///< llama: biases of q, k, v and the attention output; stablelm: of q, k, v.
    bool parallel_residual = true;  ///< gptneox; stablelm (then with norms of q and k, like the 12B model).
    bool two_norms = false;         ///< falcon: attention and MLP have a norm each, like the 40B model.
    bool add_bos = true;
    unsigned seed = 1;
    int layer_without_heads = -1;  ///< deci: this layer has no attention.
    int n_shared_kv = 0;           ///< gemma4: so many last layers have no keys and values of their own.
    bool experts = false;          ///< gemma4: an MLP and experts side by side, and no per-layer embeddings.
    /// Tensors that get one value throughout, by name ("blk.0.attn_k.bias"); such files are not shared.
    std::map<std::string, float> constants = {};
    /// Last change to the metadata before the file is written; such files are not shared between tests.
    std::function<void(gguf_context*)> metadata = {};
};

/// Writes the model (once for equal options) to a temporary folder that goes away with the process.
/// Weights are float32 and normally distributed, scaled so that the standard deviation of logits is about 3.
std::filesystem::path make_tiny_model(const TinyOptions& options = {});

/// The model (of any type and size) quantised by the engine to F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0 (all
/// widths multiples of 32), Q4_K, Q5_K or Q6_K (of 256).
std::filesystem::path quantise_tiny_model(const std::filesystem::path& model, const std::string& type);

/// The model in two files ("...-00001-of-00002.gguf"), of which the first is returned.
std::filesystem::path split_tiny_model(const std::filesystem::path& model);

/// A fresh file name in the same temporary folder.
std::filesystem::path temporary_file(const std::string& name);

/// All tensors of a float32 GGUF file, each in ggml's order: a weight [n_out][n_in], row-major.
class TinyWeights {
public:
    explicit TinyWeights(const std::filesystem::path& path);
    bool has(const std::string& name) const { return tensors_.count(name) > 0; }
    /// Throws std::out_of_range when there is no such tensor.
    const std::vector<float>& operator[](const std::string& name) const { return tensors_.at(name); }
    const std::vector<float>& layer(int il, const std::string& name) const;

private:
    std::map<std::string, std::vector<float>> tensors_;
};

}  // namespace tiller::test

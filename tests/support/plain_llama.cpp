#include "support/plain_llama.h"

#include <ggml.h>
#include <gguf.h>
#include <llama.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace tiller::test {
namespace {

template <auto function>
struct Free {
    template <class T>
    void operator()(T* thing) const {
        function(thing);
    }
};

void need(bool good, const std::string& what) {
    if (!good) throw std::runtime_error(what);
}

void set_control_vector(llama_context* context, const llama_model* model, const std::filesystem::path& path) {
    ggml_context* tensors = nullptr;
    const std::unique_ptr<gguf_context, Free<gguf_free>> file(
        gguf_init_from_file(path.c_str(), {false, &tensors}));
    need(file != nullptr, "llama.cpp cannot read " + path.string());
    const std::unique_ptr<ggml_context, Free<ggml_free>> owned(tensors);
    const auto n_embd = static_cast<std::size_t>(llama_model_n_embd(model));
    const auto n_layer = static_cast<std::size_t>(llama_model_n_layer(model));
    std::vector<float> data(n_embd * (n_layer - 1));  // layer 1 first
    for (std::int64_t i = 0; i < gguf_get_n_tensors(file.get()); ++i) {
        const std::string name = gguf_get_tensor_name(file.get(), i);
        const ggml_tensor* tensor = ggml_get_tensor(tensors, name.c_str());
        need(name.starts_with("direction."), "a tensor that is no direction: " + name);
        const auto layer = static_cast<std::size_t>(std::stoi(name.substr(10)));
        need(layer > 0 && layer < n_layer, "a direction for layer " + std::to_string(layer));
        need(tensor->type == GGML_TYPE_F32 && ggml_n_dims(tensor) == 1 &&
                 tensor->ne[0] == static_cast<std::int64_t>(n_embd),
             "a direction of another type or shape: " + name);
        const auto* values = static_cast<const float*>(tensor->data);
        for (std::size_t k = 0; k < n_embd; ++k) data[n_embd * (layer - 1) + k] += values[k];
    }
    need(llama_set_adapter_cvec(context, data.data(), data.size(), static_cast<std::int32_t>(n_embd), 1,
                                static_cast<std::int32_t>(n_layer)) == 0,
         "llama_set_adapter_cvec() failed");
}

}  // namespace

std::vector<std::vector<float>> plain_logits(const std::filesystem::path& path, std::span<const Token> tokens,
                                             const std::filesystem::path& control_vector) {
    llama_model_params model_params = llama_model_default_params();
    model_params.n_gpu_layers = 0;
    const std::unique_ptr<llama_model, Free<llama_model_free>> model(
        llama_model_load_from_file(path.c_str(), model_params));
    need(model != nullptr, "llama.cpp cannot load " + path.string());
    const auto n = static_cast<std::int32_t>(tokens.size());
    llama_context_params params = llama_context_default_params();
    params.n_ctx = 512;
    params.n_batch = params.n_ubatch = static_cast<std::uint32_t>(n);
    params.n_threads = params.n_threads_batch = 1;
    params.type_k = params.type_v = GGML_TYPE_F32;
    params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
    params.swa_full = true;
    const std::unique_ptr<llama_context, Free<llama_free>> context(
        llama_init_from_model(model.get(), params));
    need(context != nullptr, "llama.cpp cannot make a context");
    if (!control_vector.empty()) set_control_vector(context.get(), model.get(), control_vector);
    llama_batch batch = llama_batch_init(n, 0, 1);
    batch.n_tokens = n;
    for (std::int32_t i = 0; i < n; ++i) {
        batch.token[i] = tokens[static_cast<std::size_t>(i)];
        batch.pos[i] = i;
        batch.n_seq_id[i] = 1;
        batch.seq_id[i][0] = 0;
        batch.logits[i] = 1;
    }
    const int status = llama_decode(context.get(), batch);
    llama_batch_free(batch);
    need(status == 0, "llama_decode() failed");
    const auto n_vocab = llama_vocab_n_tokens(llama_model_get_vocab(model.get()));
    std::vector<std::vector<float>> logits;
    for (std::int32_t i = 0; i < n; ++i) {
        const float* values = llama_get_logits_ith(context.get(), i);
        logits.emplace_back(values, values + n_vocab);
    }
    return logits;
}

}  // namespace tiller::test

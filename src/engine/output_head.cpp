// The output head as the GGUF file has it.
#include <fmt/format.h>

#include <string_view>

#include "engine/model_handle.h"
#include "tiller/error.h"

namespace tiller {
namespace {

// What logits are multiplied by on their way out. Granite and MiniCPM divide by the number in their metadata.
float logit_scale(const Model::Handle& h) {
    const std::string& architecture = h.info.architecture;
    const bool divides = architecture.starts_with("granite") || architecture == "minicpm";
    auto value = h.parts.front()->real(architecture + ".logit_scale");
    if (!value && architecture == "minicpm") value = 256.0 / h.info.n_embd;  // as the engine
    if (!value || *value == 0) return 1;
    return static_cast<float>(divides ? 1 / *value : *value);
}

}  // namespace

OutputHead Model::output_head(std::span<const Token> tokens) const {
    const ModelInfo& info = handle_->info;
    const engine::GgufFile& first = *handle_->parts.front();
    const std::string& architecture = info.architecture;
    for (const Token token : tokens)
        if (token < 0 || token >= info.n_vocab)
            throw Error(Code::usage, fmt::format("token {} does not exist, the model has tokens 0 to {}",
                                                 token, info.n_vocab - 1));
    const auto read = [&](const std::string& name) -> std::vector<float> {
        const auto* part = handle_->part_with(name);
        return part ? part->values(name) : std::vector<float>{};
    };
    // Models without an output matrix use the embedding matrix for both (tied weights).
    std::string name = "output.weight";
    if (!handle_->part_with(name)) name = "token_embd.weight";
    const auto* part = handle_->part_with(name);
    const ggml_tensor* matrix = part ? part->tensor(name) : nullptr;
    if (!matrix || matrix->ne[0] != info.n_embd || matrix->ne[1] != info.n_vocab)
        throw Error(Code::unsupported,
                    fmt::format("{} has no output head of {} rows (n_vocab) and {} columns (n_embd) under "
                                "the names output.weight or token_embd.weight",
                                info.path.string(), info.n_vocab, info.n_embd));
    OutputHead head;
    head.n_embd = info.n_embd;
    head.tokens.assign(tokens.begin(), tokens.end());
    head.w_u = part->rows(name, tokens);
    head.norm_weight = read("output_norm.weight");
    head.norm_bias = read("output_norm.bias");
    for (const auto& [what, values] :
         {std::pair{"weight", &head.norm_weight}, std::pair{"bias", &head.norm_bias}})
        if (!values->empty() && values->size() != static_cast<std::size_t>(info.n_embd))
            throw Error(Code::bad_input, fmt::format("{}: output_norm.{} has {} values, expected {} (n_embd)",
                                                     info.path.string(), what, values->size(), info.n_embd));
    if (const auto bias = read("output.bias"); !bias.empty()) {
        if (bias.size() != static_cast<std::size_t>(info.n_vocab))
            throw Error(Code::bad_input, fmt::format("{}: output.bias has {} values, expected {} (n_vocab)",
                                                     info.path.string(), bias.size(), info.n_vocab));
        for (const Token token : tokens) head.bias.push_back(bias[static_cast<std::size_t>(token)]);
    }
    head.layer_norm = !first.real(architecture + ".attention.layer_norm_rms_epsilon") &&
                      first.real(architecture + ".attention.layer_norm_epsilon");
    head.epsilon = info.norm_epsilon;
    head.scale = logit_scale(*handle_);
    head.softcap = static_cast<float>(first.real(architecture + ".final_logit_softcapping").value_or(0));
    return head;
}

}  // namespace tiller

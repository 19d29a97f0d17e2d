#include "methods/provenance.h"

#include "tiller/version.h"

namespace tiller {

void set_model(SteeringVector& vector, const ModelInfo& info) {
    Provenance& p = vector.provenance;
    p.model_name = info.name;
    p.model_digest = info.digest;
    p.weights_digest = info.weights_digest;
    p.tokenizer_digest = info.tokenizer_digest;
    p.architecture = info.architecture;
    p.quantisation = info.quantisation;
    p.n_layer = info.n_layer;
    p.n_embd = info.n_embd;
    p.program_version = TILLER_VERSION;
    if (info.control_names != ControlNames::refuse)
        p.settings["special"] = info.control_names == ControlNames::parse ? "true" : "false";
}

void set_provenance(SteeringVector& vector, const ModelInfo& info, const std::string& task,
                    const std::string& prompts_digest, std::uint64_t seed) {
    set_model(vector, info);
    vector.provenance.task = task;
    vector.provenance.prompts_digest = prompts_digest;
    vector.provenance.seed = seed;
}

std::uint64_t count_tokens(const Model& model, std::span<const std::string> texts) {
    std::uint64_t n = 0;
    for (const auto& text : texts) n += model.tokenize_prompt(text).size();
    return n;
}

void set_inputs(SteeringVector& vector, std::size_t n_text, std::uint64_t n_token) {
    vector.provenance.settings["input.texts"] = std::to_string(n_text);
    vector.provenance.settings["input.tokens"] = std::to_string(n_token);
}

void set_inputs(SteeringVector& vector, const Model& model, std::span<const std::string> texts) {
    set_inputs(vector, texts.size(), count_tokens(model, texts));
}

}  // namespace tiller

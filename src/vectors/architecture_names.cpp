#include "vectors/architecture_names.h"

#include <string>

#include "core/text.h"

namespace tiller {
namespace {

// Hugging Face's model_type and the engine's name of the architecture that its converter gives such models,
// both as simplified() writes them. Types that it converts to several architectures are not listed.
constexpr std::pair<std::string_view, std::string_view> kOtherNames[] = {
    {"mistral", "llama"},
    {"mixtral", "llama"},
    {"phi", "phi2"},
    {"phi3small", "phi3"},
    {"olmo3", "olmo2"},
    {"gptbigcode", "starcoder"},
    {"cohere", "commandr"},
    {"deepseekv2", "deepseek2"},
    {"glm", "chatglm"},
    {"deepseekv3", "deepseek2"},
    {"nemotronnas", "deci"},
    {"ministral3", "mistral3"},
    {"refinedweb", "falcon"},
    {"stablelmepoch", "stablelm"},
    {"hunyuanv1dense", "hunyuandense"},
    {"hunyuanv1moe", "hunyuanmoe"},
};

std::string simplified(std::string_view name) {
    std::string out;
    for (const char c : name)
        if (c != '-' && c != '_') out += lower_ascii(c);
    // "gemma3_text" is the language part of a model that also takes images: the architecture is the same.
    if (name.ends_with("_text")) out.resize(out.size() - 4);
    for (const auto& [other, engine] : kOtherNames)
        if (out == other) return std::string(engine);
    return out;
}

}  // namespace

bool same_architecture(std::string_view a, std::string_view b) {
    return a == b || simplified(a) == simplified(b);
}

}  // namespace tiller

#include "cli/chat_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "core/util.h"
#include "tiller/error.h"

namespace tiller::cli {

namespace fs = std::filesystem;

ChatVector load_chat_vector(const std::string& text, const ModelInfo& info, const Globals& globals,
                            const LayerRange& otherwise) {
    const VectorArgument argument = parse_vector_argument(text);
    ChatVector out;
    out.vector = load_checked(argument, info, globals, otherwise);
    out.path = fs::absolute(argument.path).lexically_normal().string();
    out.name = fs::path(argument.path).stem().string();
    out.digest = sha256_file(argument.path);
    out.layers = argument.layers.given() ? argument.layers : otherwise;
    out.scale = out.vector.scale;
    return out;
}

std::vector<Edit> edits_of_chat(const ChatState& state, std::optional<float> strength) {
    if (!state.steering || strength == 0.0f) return {};
    std::vector<Dose> doses;
    for (const auto& vector : state.vectors)
        if (const float scale = strength.value_or(vector.scale); scale != 0)
            doses.push_back({&vector.vector, scale});
    return edits_together(doses);
}

float parse_number(const std::string& what, const std::string& text) {
    char* end = nullptr;
    const float value = std::strtof(text.c_str(), &end);
    if (text.empty() || end != text.c_str() + text.size() || !std::isfinite(value))
        throw Error(Code::usage, fmt::format("{} is '{}', expected a number such as 0.7", what, text));
    return value;
}

std::vector<float> parse_strengths(const std::string& text) {
    std::vector<float> strengths = {0};
    for (std::size_t begin = 0; begin <= text.size();) {
        const auto end = std::min(text.find(',', begin), text.size());
        std::string part = text.substr(begin, end - begin);
        part.erase(0, std::min(part.find_first_not_of(' '), part.size()));
        part.erase(part.find_last_not_of(' ') + 1);
        const float value = parse_number("a strength", part);
        if (std::find(strengths.begin(), strengths.end(), value) == strengths.end())
            strengths.push_back(value);
        begin = end + 1;
    }
    constexpr std::size_t kMost = 16;
    if (strengths.size() > kMost)
        throw Error(Code::usage, fmt::format("{} strengths, expected at most {} with the unsteered one",
                                             strengths.size(), kMost));
    return strengths;
}

}  // namespace tiller::cli

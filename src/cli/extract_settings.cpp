#include "cli/extract_settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "study/tune.h"
#include "tiller/error.h"

namespace tiller::cli {
namespace {

constexpr int kLayers = 32, kHeads = 32, kPairs = 100;

ModelInfo example_model() {
    ModelInfo info;
    info.n_layer = kLayers;
    info.n_head.assign(kLayers, kHeads);
    info.n_embd = 4096;
    return info;
}

// "0.5, 1, 2"; "0 to 31" for a run of whole numbers.
std::string list_of(const std::vector<double>& values) {
    if (values.size() > 6 && values.back() - values.front() + 1 == static_cast<double>(values.size()))
        return fmt::format("{} to {}", values.front(), values.back());
    return fmt::format("{}", fmt::join(values, ", "));
}

std::string range_of(const SettingField& field) {
    if (std::isinf(field.low)) return "any number";
    if (std::isinf(field.high)) return fmt::format("from {}", field.low);
    return fmt::format("{} to {}", field.low, field.high);
}

}  // namespace

bool reads(const Method& method, const char* count) {
    const auto counts = method.counts();
    return std::find(counts.begin(), counts.end(), count) != counts.end();
}

Setting parse_settings(const std::vector<std::string>& texts) {
    Setting setting;
    for (const auto& text : texts) {
        const auto equals = text.find('=');
        const std::string value = equals == std::string::npos ? "" : text.substr(equals + 1);
        char* end = nullptr;
        const double number = std::strtod(value.c_str(), &end);
        if (value.empty() || equals == 0 || *end != '\0' || !std::isfinite(number))
            throw Error(
                Code::usage,
                fmt::format("--set {}: expected NAME=VALUE with a finite number, like layer=10", text));
        if (!setting.emplace(text.substr(0, equals), number).second)
            throw Error(Code::usage,
                        fmt::format("--set {}: {} is given twice", text, text.substr(0, equals)));
    }
    return setting;
}

std::string settings_help(const Method& method) {
    const ModelInfo info = example_model();
    std::string text = fmt::format(
        "Settings of {}, for --set NAME=VALUE (once for each; here for a model of {} layers with {} heads "
        "each):",
        method.name(), kLayers, kHeads);
    for (const auto& field : setting_fields(method, info, kPairs)) {
        text += fmt::format("\n  {:12} {}\n               {}; without it {}", field.name, field.meaning,
                            range_of(field), field.usual);
        if (!field.tried.empty()) text += fmt::format("; tried: {}", list_of(field.tried));
    }
    return text +
           fmt::format("\nThe paper's setting there: {}", study::setting_label(method.paper_setting(info)));
}

}  // namespace tiller::cli

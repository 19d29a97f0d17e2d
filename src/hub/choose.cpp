#include "hub/choose.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <regex>

#include "core/escape_controls.h"
#include "tiller/error.h"

namespace tiller::hub {
namespace {

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

bool is_model_file(const std::string& path) {
    const std::string name = lower(base_name(path));
    return name.ends_with(".gguf") && name.find("mmproj") == std::string::npos &&
           name.find("imatrix") == std::string::npos;
}

// Of "stem-00002-of-00003.gguf": the index of the part's five digits, the part's number, and how many parts
// there are. All 0 for other names.
struct Split {
    std::size_t number_at = 0;
    int number = 0, count = 0;
};
Split split_of(const std::string& path) {
    static const std::regex pattern(".*-(\\d{5})-of-(\\d{5})\\.gguf");
    std::smatch match;
    if (!std::regex_match(path, match, pattern)) return {};
    const Split split = {static_cast<std::size_t>(match.position(1)), std::stoi(match[1]),
                         std::stoi(match[2])};
    return split.number >= 1 && split.number <= split.count ? split : Split{};
}

std::string names_of(const std::vector<std::vector<RemoteFile>>& models) {
    std::vector<std::string> names;
    for (const auto& model : models) names.push_back(escape_line(model.front().path));
    constexpr std::size_t most = 30;
    const std::size_t n = names.size();
    names.resize(std::min(n, most));
    return fmt::format("{}{}", fmt::join(names, ", "), n > most ? fmt::format(" and {} more", n - most) : "");
}

const std::vector<RemoteFile>* first_with(const std::vector<std::vector<RemoteFile>>& models,
                                          const std::string& tag) {
    const auto found = std::find_if(models.begin(), models.end(),
                                    [&](const auto& m) { return holds_tag(m.front().path, tag); });
    return found == models.end() ? nullptr : &*found;
}

}  // namespace

std::string lower(std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

bool holds_tag(const std::string& path, const std::string& tag) {
    const std::string text = lower(path), word = lower(tag);
    for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
        const auto is_in_word = [&](std::size_t i, bool behind) {
            const auto c = static_cast<unsigned char>(text[i]);
            return std::isalnum(c) || (behind && c == '_');  // Q4_K is only the beginning of Q4_K_M
        };
        const std::size_t end = at + word.size();
        if ((at == 0 || !is_in_word(at - 1, false)) && (end == text.size() || !is_in_word(end, true)))
            return true;
    }
    return false;
}

std::vector<std::string> part_paths(const std::string& path) {
    const Split split = split_of(path);
    if (split.count == 0) return {path};
    std::vector<std::string> paths;
    for (int i = 1; i <= split.count; ++i)
        paths.push_back(std::string(path).replace(split.number_at, 5, fmt::format("{:05}", i)));
    return paths;
}

std::vector<std::vector<RemoteFile>> models_in(const std::vector<RemoteFile>& files, const Name& name,
                                               MissingPart missing) {
    std::map<std::string, RemoteFile> by_path;
    for (const auto& file : files)
        if (is_model_file(file.path)) by_path[file.path] = file;
    std::vector<std::vector<RemoteFile>> models;
    for (const auto& [path, file] : by_path) {
        if (split_of(path).number > 1) continue;
        std::vector<RemoteFile> parts;
        const auto paths = part_paths(path);
        for (const auto& part : paths) {
            if (const auto found = by_path.find(part); found != by_path.end())
                parts.push_back(found->second);
            else if (missing == MissingPart::refuse)
                throw Error(Code::bad_input,
                            fmt::format("{}: a part of a split model is not in the repository: {}; tell its "
                                        "owner",
                                        name.text(), escape_line(part)));
            else
                break;
        }
        if (parts.size() == paths.size()) models.push_back(std::move(parts));
    }
    return models;
}

std::vector<RemoteFile> choose(const std::vector<RemoteFile>& files, const Name& name, MissingPart missing) {
    const auto models = models_in(files, name, missing);
    if (models.empty())
        throw Error(
            Code::bad_input,
            fmt::format("{}: the repository holds no GGUF model among its {} files; repositories with "
                        "such files often end in -GGUF",
                        name.text(), files.size()));
    if (!name.file.empty()) {
        for (const auto& model : models)
            for (const auto& part : model)
                if (part.path == name.file) return model;
        throw Error(Code::usage, fmt::format("{}: the repository has no model file of that name; it has: {}",
                                             name.text(), names_of(models)));
    }
    if (!name.tag.empty()) {
        if (const auto* model = first_with(models, name.tag)) return *model;
        throw Error(Code::usage, fmt::format("{}: no file of the repository has {} in its name; it has: {}",
                                             name.text(), name.tag, names_of(models)));
    }
    for (const char* usual : {"Q4_K_M", "Q8_0"})
        if (const auto* model = first_with(models, usual)) return *model;
    return models.front();
}

}  // namespace tiller::hub

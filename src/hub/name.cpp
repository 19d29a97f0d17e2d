#include "hub/name.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "core/escape_controls.h"
#include "tiller/error.h"

namespace tiller::hub {
namespace {

// The hub's own rule for users and repositories.
bool is_word(const std::string& text) {
    return !text.empty() && text.size() <= 96 && text.front() != '.' && text.front() != '-' &&
           text.find("..") == std::string::npos && std::all_of(text.begin(), text.end(), [](unsigned char c) {
               return c < 0x80 && (std::isalnum(c) || c == '-' || c == '_' || c == '.');
           });
}

[[noreturn]] void refuse(const std::string& text, const std::string& why) {
    throw Error(Code::usage,
                fmt::format("{}: {}; expected hf:user/repo, hf:user/repo:Q4_K_M or hf:user/repo:file.gguf",
                            escape_line(text), why));
}

}  // namespace

std::string Name::text() const {
    return "hf:" + repo + (file.empty() && tag.empty() ? "" : ":" + (file.empty() ? tag : file));
}

bool is_name(const std::string& text) noexcept { return text.starts_with("hf:"); }

bool is_safe_path(const std::string& path) noexcept {
    if (path.empty() || path.size() > 1024 || path.front() == '/' || path.back() == '/') return false;
    for (const unsigned char c : path)
        if (c < 0x20 || c == 0x7f || c == '\\') return false;
    for (std::size_t begin = 0; begin <= path.size();) {
        const auto end = std::min(path.find('/', begin), path.size());
        if (end == begin || path[begin] == '.') return false;
        begin = end + 1;
    }
    return true;
}

Name parse_name(const std::string& text) {
    if (!is_name(text)) refuse(text, "this is no name of a model on a hub");
    const std::string rest = text.substr(3);
    const auto slash = rest.find('/');
    if (slash == std::string::npos) refuse(text, "there is no repository in it");
    const auto end = std::min(rest.find_first_of(":/", slash + 1), rest.size());
    Name name;
    name.repo = rest.substr(0, end);
    if (!is_word(rest.substr(0, slash)) || !is_word(rest.substr(slash + 1, end - slash - 1)))
        refuse(text, fmt::format("'{}' is no user/repo", escape_line(name.repo)));
    if (end == rest.size()) return name;
    const std::string selector = rest.substr(end + 1);
    const bool is_file = rest[end] == '/' || selector.ends_with(".gguf");
    if (is_file && (!selector.ends_with(".gguf") || !is_safe_path(selector)))
        refuse(text, fmt::format("'{}' is no GGUF file of a repository", escape_line(selector)));
    if (!is_file && !is_word(selector))
        refuse(text, fmt::format("'{}' is no quantisation", escape_line(selector)));
    (is_file ? name.file : name.tag) = selector;
    return name;
}

}  // namespace tiller::hub

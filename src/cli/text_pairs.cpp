// Contrast prompts as two files of lines.
#include <fmt/format.h>

#include <cstdlib>

#include "cli/json_input.h"
#include "core/text.h"
#include "core/util.h"
#include "tiller/error.h"

namespace tiller::cli {
namespace {

constexpr std::uint64_t kLargestPairs = std::uint64_t{256} << 20;

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// As llama.cpp's programs read them; a backslash before anything else stays.
std::string unescaped(std::string_view line) {
    constexpr std::string_view names = "nrt'\"\\", meanings = "\n\r\t'\"\\";
    std::string out;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char next = line[i] == '\\' && i + 1 < line.size() ? line[i + 1] : '\0';
        if (next == 'x' && i + 3 < line.size() && is_hex(line[i + 2]) && is_hex(line[i + 3])) {
            out += static_cast<char>(std::strtol(std::string(line.substr(i + 2, 2)).c_str(), nullptr, 16));
            i += 3;
            continue;
        }
        const auto at = next ? names.find(next) : std::string_view::npos;
        out += at == std::string_view::npos ? line[i] : meanings[at];
        i += at != std::string_view::npos;
    }
    return out;
}

std::vector<std::string> texts_of(const std::filesystem::path& path) {
    const std::string bytes = read_file(path, kLargestPairs);
    std::string_view rest = bytes;
    if (rest.starts_with("\xEF\xBB\xBF")) rest.remove_prefix(3);
    std::vector<std::string> texts;
    each_line(rest, [&](std::string_view line, std::size_t number) {
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty()) return;
        texts.push_back(unescaped(line));
        if (!is_valid_utf8(texts.back()))
            throw Error(Code::bad_input, fmt::format("{}, line {}: not valid UTF-8", path.string(), number));
    });
    return texts;
}

}  // namespace

std::vector<Pair> read_text_pairs(const std::filesystem::path& positive,
                                  const std::filesystem::path& negative) {
    const auto good = texts_of(positive), bad = texts_of(negative);
    if (good.size() != bad.size() || good.empty())
        throw Error(
            Code::bad_input,
            fmt::format("{} has {} texts and {} has {}; expected the same number, one text a line, at "
                        "least one",
                        positive.string(), good.size(), negative.string(), bad.size()));
    std::vector<Pair> pairs;
    for (std::size_t i = 0; i < good.size(); ++i) pairs.push_back({bad[i], good[i]});
    return pairs;
}

}  // namespace tiller::cli

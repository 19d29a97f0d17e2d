#include "scoring/words.h"

#include <map>
#include <sstream>

#include "scoring/unicode.h"
#include "tiller/scoring.h"

namespace tiller {
namespace {

/// Splits a text into words. Marks become words of their own with keep_marks; else they only separate words.
std::vector<std::string> split(std::string_view text, bool keep_marks) {
    std::vector<std::string> words;
    bool open = false;  // does the last word take more characters?
    for (const char32_t character : decode(text)) {
        const CharKind kind = kind_of(character);
        if (kind == CharKind::ignored) continue;
        if (kind == CharKind::blank || kind == CharKind::mark) {
            open = false;
            if (kind == CharKind::blank || !keep_marks) continue;
            words.emplace_back();
        } else if (!open) {
            words.emplace_back();
            open = true;
        }
        append_utf8(words.back(), character);
    }
    return words;
}

}  // namespace

std::vector<std::string> words_of(std::string_view text) { return split(text, true); }

std::vector<std::string> plain_words_of(std::string_view text) { return split(text, false); }

std::vector<std::string> split_blanks(const std::string& text) {
    std::istringstream in(text);
    std::vector<std::string> words;
    for (std::string word; in >> word;) words.push_back(word);
    return words;
}

double bag_f1(const std::vector<std::string>& found, const std::vector<std::string>& right) {
    std::map<std::string, int> left;
    for (const auto& word : right) ++left[word];
    int same = 0;
    for (const auto& word : found)
        if (auto it = left.find(word); it != left.end() && it->second > 0) {
            --it->second;
            ++same;
        }
    if (same == 0) return 0;
    return 2.0 * same / static_cast<double>(found.size() + right.size());  // 2PR / (P + R)
}

}  // namespace tiller

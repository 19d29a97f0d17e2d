#include "scoring/unicode.h"
#include "scoring/words.h"
#include "tiller/scoring.h"

namespace tiller {
namespace {

std::string without_punctuation(const std::string& text) {
    std::string out;
    for (const char32_t character : decode(text))
        if (!is_punctuation(character)) append_utf8(out, character);
    return out;
}

/// The text's blank-separated words with one blank between them.
std::string joined(std::string_view text, bool drop_articles) {
    std::string out;
    std::string word;
    const auto finish = [&] {
        if (!word.empty() && !(drop_articles && is_article(word))) out += (out.empty() ? "" : " ") + word;
        word.clear();
    };
    for (const char32_t character : decode(text)) {
        if (kind_of(character) == CharKind::blank)
            finish();
        else
            append_utf8(word, character);
    }
    finish();
    return out;
}

}  // namespace

std::string normalise_answer(std::string_view text, bool keep_case, bool articles_vanish) {
    const std::string folded = fold(text, keep_case);
    if (articles_vanish) return joined(without_punctuation(folded), true);
    // A step that would leave nothing is skipped: the answer "a" of a letter task, or a currency's "$", must
    // not become equal to every other empty text.
    std::string plain = joined(without_punctuation(folded), false);
    if (plain.empty()) plain = joined(folded, false);  // mutation: same
    std::string bare = joined(plain, true);
    return bare.empty() ? plain : bare;
}

bool keeps_case(std::string_view task_name) {
    for (const char* word : {"capitalize", "lowercase", "uppercase"})  // "last-capitalize", too
        if (task_name.find(word) != std::string_view::npos) return true;
    return false;
}

}  // namespace tiller

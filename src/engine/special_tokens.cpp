#include "engine/special_tokens.h"

#include <fmt/format.h>

#include <algorithm>
#include <bitset>
#include <cctype>

#include "tiller/error.h"

namespace tiller::engine {
namespace {

bool is_blank(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

std::bitset<256> bytes_of(std::string_view text) {
    std::bitset<256> bytes;
    for (const char c : text) bytes.set(static_cast<unsigned char>(c));
    return bytes;
}

}  // namespace

std::vector<Token> tokenize_plain(const llama_vocab* vocab, std::string_view text) {
    if (text.size() > (1u << 30))
        throw Error(Code::bad_input,
                    fmt::format("a text of {} bytes is too long to tokenize (at most 2^30)", text.size()));
    std::vector<Token> tokens(text.size() + 8);
    const auto call = [&] {
        // The engine's add_special may append EOS too (some models ask for it), which no prompt wants.
        return llama_tokenize(vocab, text.data(), static_cast<std::int32_t>(text.size()), tokens.data(),
                              static_cast<std::int32_t>(tokens.size()), /*add_special*/ false,
                              /*parse_special*/ false);
    };
    int n = call();
    if (n < 0) {
        tokens.resize(static_cast<std::size_t>(-n));
        n = call();
    }
    tokens.resize(static_cast<std::size_t>(std::max(n, 0)));
    return tokens;
}

SpecialTokens::SpecialTokens(const llama_vocab* vocab) {
    constexpr int control = LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_UNKNOWN;
    for (Token id = 0; id < llama_vocab_n_tokens(vocab); ++id) {
        const int attr = llama_vocab_get_attr(vocab, id);
        if ((attr & (control | LLAMA_TOKEN_ATTR_USER_DEFINED)) == 0) continue;
        Special special{id, llama_vocab_get_text(vocab, id), (attr & control) != 0,
                        (attr & LLAMA_TOKEN_ATTR_LSTRIP) != 0, (attr & LLAMA_TOKEN_ATTR_RSTRIP) != 0};
        special.marker = !special.control && special.text.size() > 4 && special.text.starts_with("<|") &&
                         special.text.ends_with("|>");
        if (!special.text.empty()) specials_.push_back(std::move(special));
    }
    std::stable_sort(specials_.begin(), specials_.end(),
                     [](const Special& a, const Special& b) { return a.text.size() > b.text.size(); });
}

// Replaces text fragments by what is left of the name, the token, and what is right of it. `cuts` gets places
// where a text has to be cut, because the engine would take the name around them for a token.
void SpecialTokens::split_at(const Special& special, std::string_view text, const std::string& is_content,
                             std::vector<Fragment>& fragments, std::vector<std::size_t>& cuts) const {
    for (std::size_t f = 0; f < fragments.size(); ++f) {
        if (fragments[f].token >= 0) continue;
        std::size_t from = fragments[f].begin;
        while (true) {
            const auto [begin, end, unused] = fragments[f];
            const std::size_t at = text.substr(0, end).find(special.text, from);
            if (at == std::string_view::npos) break;
            const std::size_t after = at + special.text.size();
            const auto place_of_name = std::string_view(is_content).substr(at, after - at);
            if ((special.control || special.marker) && place_of_name.find('c') != std::string_view::npos) {
                from = at + 1;  // somebody typed it, or a part of it
                if (special.marker) cuts.push_back(at + 1);
                continue;
            }
            std::size_t left = at, right = after;
            if (special.lstrip)
                while (left > begin && is_blank(text[left - 1])) --left;
            if (special.rstrip)
                while (right < end && is_blank(text[right])) ++right;
            const auto place = fragments.begin() + static_cast<std::ptrdiff_t>(f);
            *place = {right, end, -1};
            fragments.insert(place, {{begin, left, -1}, {at, after, special.id}});
            f += 2;
            from = right;
        }
    }
    std::erase_if(fragments, [](const Fragment& f) { return f.token < 0 && f.begin == f.end; });
}

std::vector<Token> SpecialTokens::tokenize(const llama_vocab* vocab, std::string_view text,
                                           std::span<const TextRange> contents) const {
    std::string is_content(text.size(), 't');
    for (const TextRange& range : contents)
        std::fill(is_content.begin() + static_cast<std::ptrdiff_t>(range.begin),
                  is_content.begin() + static_cast<std::ptrdiff_t>(range.end), 'c');
    const auto bytes = bytes_of(text);
    std::vector<Fragment> fragments;
    std::vector<std::size_t> cuts;
    if (!text.empty()) fragments.push_back({0, text.size(), -1});
    for (const Special& special : specials_)
        if (bytes[static_cast<unsigned char>(special.text[0])])
            split_at(special, text, is_content, fragments, cuts);
    std::sort(cuts.begin(), cuts.end());
    std::vector<Token> tokens;
    for (const Fragment& fragment : fragments) {
        if (fragment.token >= 0) {
            tokens.push_back(fragment.token);
            continue;
        }
        for (std::size_t begin = fragment.begin; begin < fragment.end;) {
            const auto cut = std::upper_bound(cuts.begin(), cuts.end(), begin);
            const std::size_t end = cut == cuts.end() ? fragment.end : std::min(*cut, fragment.end);
            const auto part = tokenize_plain(vocab, text.substr(begin, end - begin));
            tokens.insert(tokens.end(), part.begin(), part.end());
            begin = end;
        }
    }
    return tokens;
}

std::vector<std::string> SpecialTokens::names_in(std::string_view text) const {
    const auto bytes = bytes_of(text);
    std::vector<std::string> names;
    for (const Special& special : specials_)
        if (special.control && bytes[static_cast<unsigned char>(special.text[0])] &&
            text.find(special.text) != std::string_view::npos &&
            std::find(names.begin(), names.end(), special.text) == names.end())
            names.push_back(special.text);
    return names;
}

}  // namespace tiller::engine

// Texts in which some places name control tokens and others only look like it.
#pragma once

#include <llama.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tiller/chat.h"

namespace tiller::engine {

/// The control, unknown and user-defined tokens of a vocabulary, which texts contain by name. Copyable;
/// thread-safe.
class SpecialTokens {
public:
    SpecialTokens() = default;
    explicit SpecialTokens(const llama_vocab* vocab);

    /// Tokens of `text`, without BOS. Names of control tokens that lie outside of `contents` (sorted, not
    /// overlapping) are the tokens; what stands between them is tokenised as one text. With no contents the
    /// same as llama_tokenize() with parse_special.
    std::vector<Token> tokenize(const llama_vocab* vocab, std::string_view text,
                                std::span<const TextRange> contents = {}) const;

    /// Names of control and unknown tokens in a text, each once, longest first.
    std::vector<std::string> names_in(std::string_view text) const;

private:
    struct Special {
        Token id = 0;
        std::string text;
        bool control = false;  ///< Control or unknown; others are the user's own pieces, always tokens.
        bool marker = false;   ///< "<|...|>" that the engine takes for such a piece (gpt-oss): tokens even in
                               ///< plain texts, but not in contents.
        bool lstrip = false, rstrip = false;  ///< Takes the white space before or after it.
    };
    struct Fragment {
        std::size_t begin = 0, end = 0;
        Token token = -1;  ///< -1 = text.
    };
    void split_at(const Special& special, std::string_view text, const std::string& is_content,
                  std::vector<Fragment>& fragments, std::vector<std::size_t>& cuts) const;
    std::vector<Special> specials_;  ///< Longest first, as the engine looks for them.
};

/// llama_tokenize() without BOS and without parsing control tokens.
std::vector<Token> tokenize_plain(const llama_vocab* vocab, std::string_view text);

}  // namespace tiller::engine

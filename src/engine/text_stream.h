// The text of tokens as they come: what of it is certain, and where it must stop.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "tiller/model.h"

namespace tiller::engine {

/// Detokenises one row's continuation token by token, in time linear in its length. Text is held back while
/// it may be the beginning of a stop text or of a UTF-8 character.
class TextStream {
public:
    /// `model` and `stop` (none of them empty) must outlive the stream. A stop text counts from the first
    /// character that is not blank, as a model that begins with a line break has not answered yet; with
    /// `in_blanks` from the beginning.
    TextStream(const Model& model, std::span<const std::string> stop, bool in_blanks = false)
        : model_(&model), stop_(stop), begin_(in_blanks ? 0 : std::string::npos) {}

    /// Appends the token's text. Returns what has become certain, as valid UTF-8 (a byte that belongs to no
    /// character is U+FFFD). Not after stopped().
    std::string add(Token token);
    /// What is still held back, when no token follows; nothing of a stop text. Valid UTF-8, once.
    std::string rest();

    bool stopped() const { return stop_at_ != std::string::npos; }
    /// Byte of text() at which the stop text that comes first begins; npos before stopped().
    std::size_t stop_at() const { return stop_at_; }
    /// All tokens' bytes, those of the stop text and after it too.
    const std::string& text() const { return text_; }

private:
    void look_for_stop(std::size_t n_before);
    std::size_t certain_end() const;
    std::string take(std::size_t end);

    const Model* model_;
    std::span<const std::string> stop_;
    std::string text_;
    std::size_t begin_;      // where stop texts count from; npos: not known yet
    std::size_t taken_ = 0;  // bytes that were returned
    std::size_t stop_at_ = std::string::npos;
};

/// Bytes at the end of `text` that are the beginning of a UTF-8 character whose other bytes are missing: 0 to
/// 3.
std::size_t incomplete_tail(std::string_view text);

}  // namespace tiller::engine

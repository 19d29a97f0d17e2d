#include "engine/text_stream.h"

#include <algorithm>

#include "core/util.h"

namespace tiller::engine {

std::size_t incomplete_tail(std::string_view text) {
    for (std::size_t n = 1; n <= std::min<std::size_t>(3, text.size()); ++n) {
        const auto byte = static_cast<unsigned char>(text[text.size() - n]);
        if ((byte & 0xC0) == 0x80) continue;  // belongs to a character that began before
        const std::size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
        return length > n ? n : 0;
    }
    return 0;
}

std::string TextStream::add(Token token) {
    const std::size_t n_before = text_.size();
    text_ += model_->text({&token, 1});
    if (begin_ == std::string::npos) begin_ = text_.find_first_not_of(" \t\r\n", n_before);
    look_for_stop(n_before);
    return take(stopped() ? stop_at_ : certain_end());
}

std::string TextStream::rest() { return take(stopped() ? stop_at_ : text_.size()); }

void TextStream::look_for_stop(std::size_t n_before) {
    if (begin_ == std::string::npos) return;
    for (const std::string& stop : stop_) {
        // Only what ends in the new bytes can be new.
        const std::size_t reach = stop.size() - 1;
        const std::size_t from = std::max(begin_, n_before > reach ? n_before - reach : 0);
        stop_at_ = std::min(stop_at_, text_.find(stop, from));
    }
}

std::size_t TextStream::certain_end() const {
    std::size_t end = text_.size() - incomplete_tail(text_);
    if (begin_ == std::string::npos) return end;
    for (const std::string& stop : stop_) {
        std::size_t n = std::min(stop.size() - 1, text_.size() - begin_);
        while (n > 0 && text_.compare(text_.size() - n, n, stop, 0, n) != 0) --n;
        end = std::min(end, text_.size() - n);
    }
    return std::max(end, taken_);
}

std::string TextStream::take(std::size_t end) {
    if (end <= taken_) return {};
    const std::string_view part = std::string_view(text_).substr(taken_, end - taken_);
    taken_ = end;
    return valid_utf8(part);
}

}  // namespace tiller::engine

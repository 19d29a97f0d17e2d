// Base64 with the standard alphabet and padding.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tiller::serve {

std::string base64(std::string_view bytes);
/// Nothing when `text` is not base64; blanks and line breaks are not skipped.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace tiller::serve

// When a generated text counts as broken.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tiller {

/// The rule that collapse_rule() states. `words` and `distinct_2` are those of the text.
bool is_collapsed(std::string_view text, const std::vector<std::string>& words, double distinct_2);

}  // namespace tiller

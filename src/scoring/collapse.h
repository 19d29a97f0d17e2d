// When a generated text counts as collapsed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tiller {

/// Is the text collapsed by the rule that collapse_rule() states? `words` are words_of(text), `distinct_2` is
/// its share of different word pairs (TextHealth::distinct_2).
bool is_collapsed(std::string_view text, const std::vector<std::string>& words, double distinct_2);

}  // namespace tiller

#include "tiller/text_states.h"

namespace tiller {

std::span<const float> TextStates::find(const std::string& key) const {
    const auto found = values_.find(key);
    return found == values_.end() ? std::span<const float>{} : found->second;
}

void TextStates::keep(const std::string& key, std::span<const float> values) {
    if (!has_room_for(values.size())) return;
    const auto [place, is_new] = values_.try_emplace(key, values.begin(), values.end());
    if (is_new) free_ -= values.size() * sizeof(float);
}

}  // namespace tiller

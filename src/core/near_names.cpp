#include "core/near_names.h"

#include <algorithm>
#include <utility>

#include "core/text.h"

namespace tiller {
namespace {

/// Levenshtein distance in bytes.
std::size_t edit_distance(const std::string& a, const std::string& b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = std::exchange(row[j], std::min({change, row[j] + 1, row[j - 1] + 1}));
        }
    }
    return row.back();
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), lower_ascii);
    return text;
}

}  // namespace

std::vector<std::string> near_names(const std::string& name, std::span<const std::string> known) {
    std::vector<std::pair<std::size_t, std::string>> near;
    if (name.size() > 200) return {};  // no name is that long, and edit_distance() would take long
    for (const auto& other : known) {
        const auto distance = edit_distance(lower(name), lower(other));
        const bool holds = name.size() >= 3 && (other.find(name) != std::string::npos ||
                                                (other.size() >= 3 && name.find(other) != std::string::npos));
        if (holds || (distance <= std::max<std::size_t>(2, name.size() / 3) &&
                      distance < std::min(name.size(), other.size())))
            near.emplace_back(distance, other);
    }
    std::sort(near.begin(), near.end());
    near.erase(std::unique(near.begin(), near.end()), near.end());
    std::vector<std::string> names;
    for (const auto& [distance, other] : near)
        if (names.size() < 5) names.push_back(other);
    return names;
}

}  // namespace tiller

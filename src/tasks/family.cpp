#include "tasks/family.h"

#include <array>
#include <string_view>

namespace tiller {

const char* family_name(Family family) noexcept {
    switch (family) {
        case Family::functional: return "functional";
        case Family::extractive: return "extractive";
        case Family::behavioural: return "behavioural";
    }
    return "unknown";
}

Family family_of(std::string_view task_name, std::string_view folder) noexcept {
    for (const Family family : {Family::functional, Family::extractive, Family::behavioural})
        if (folder == family_name(family)) return family;
    const auto holds_any = [&](const auto& parts) {
        for (const std::string_view part : parts)
            if (task_name.find(part) != std::string_view::npos) return true;
        return false;
    };
    constexpr std::array<std::string_view, 4> styles = {"detoxification", "sentiment_transfer", "formality",
                                                        "shakespeare"};
    constexpr std::array<std::string_view, 5> picks = {"_of_3", "_of_5", "alphabetically_", "_v_", "choose_"};
    if (holds_any(styles)) return Family::behavioural;
    if (holds_any(picks)) return Family::extractive;
    return Family::functional;
}

}  // namespace tiller

#include "tasks/family.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

#include "tasks/json_events.h"
#include "tiller/error.h"

namespace tiller {

const char* family_name(Family family) noexcept {
    switch (family) {
        case Family::functional: return "functional";
        case Family::extractive: return "extractive";
        case Family::behavioural: return "behavioural";
    }
    return "unknown";
}

std::optional<Family> family_from_name(std::string_view name) noexcept {
    for (const Family family : {Family::functional, Family::extractive, Family::behavioural})
        if (name == family_name(family)) return family;
    return std::nullopt;
}

void set_family(Task& task, std::string_view family) {
    const auto known = family_from_name(family);
    if (!known)
        throw Error(
            Code::usage,
            fmt::format("no family of tasks is called \"{}\"; expected functional, extractive or behavioural",
                        excerpt(family)));
    task.family = *known;
    task.family_from = "the caller";
}

FamilyGuess family_of(std::string_view task_name, std::string_view folder) noexcept {
    if (const auto family = family_from_name(folder)) return {*family, "its folder"};
    const auto holds_any = [&](const auto& parts) {
        for (const std::string_view part : parts)
            if (task_name.find(part) != std::string_view::npos) return true;
        return false;
    };
    constexpr std::array<std::string_view, 4> styles = {"detoxification", "sentiment_transfer", "formality",
                                                        "shakespeare"};
    constexpr std::array<std::string_view, 5> picks = {"_of_3", "_of_5", "alphabetically_", "_v_", "choose_"};
    if (holds_any(styles)) return {Family::behavioural, "its name"};
    if (holds_any(picks)) return {Family::extractive, "its name"};
    return {};
}

}  // namespace tiller

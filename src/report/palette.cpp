#include "report/palette.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

namespace tiller::report {
namespace {

constexpr const char* circle = "M6 2a4 4 0 1 0 .01 0z";
constexpr const char* square = "M2.5 2.5h7v7h-7z";
constexpr const char* diamond = "M6 1l4.2 5L6 11 1.8 6z";
constexpr const char* triangle_up = "M6 1.8L10.5 9.8h-9z";
constexpr const char* triangle_down = "M6 10.2L10.5 2.2h-9z";
constexpr const char* cross = "M4.6 1.5h2.8v3.100h3.100v2.8H7.400v3.100H4.6V7.400H1.5V4.6h3.100z";

// Vega has no names for these shapes, so that there are paths for both boxes (MethodStyle).
constexpr const char* star =
    "M6 .9L7.43 4.33L11.1 4.63L8.31 7.05L9.17 10.7L6 8.73L2.83 10.7L3.69 7.05L.86 4.63L4.57 4.33z";
constexpr const char* star_shape =
    "M0 -1L.265 -.364L.951 -.309L.428 .139L.588 .809L0 .45L-.588 .809L-.428 .139L-.951 -.309L-.265 -.364z";
constexpr const char* bow_tie = "M1.5 2.5L10.5 9.5V2.5L1.5 9.5z";
constexpr const char* bow_tie_shape = "M-.9 -.7L.9 .7V-.7L-.9 .7z";

struct Slot {
    const char* method;
    MethodStyle style;
};

const Slot slots[] = {
    {"none", {"#767676", "#9c9c9c", "circle", circle}},
    {"prompt", {"#222222", "#f2f2f2", "triangle-up", triangle_up}},
    {"fv", {"#0072b2", "#56b4e9", "square", square}},
    {"icv", {"#d55e00", "#f5903d", "diamond", diamond}},
    {"random", {"#a8629a", "#d7a0c8", "cross", cross}},
    // Settings that have a style of their own: method and id.
    {"prompt cue", {"#8f6a14", "#d9b968", bow_tie_shape, bow_tie}},
    {"prompt instruction", {"#566279", "#aab6cc", star_shape, star}},
    // For all other methods.
    {nullptr, {"#00805e", "#2fc79a", "triangle-down", triangle_down}},
    {nullptr, {"#8a6d00", "#e6d54a", "circle", circle}},
    {nullptr, {"#5b4bb7", "#a99cf0", "triangle-up", triangle_up}},
    {nullptr, {"#a3253f", "#f08a9c", "square", square}},
    {nullptr, {"#146c7c", "#5cc8d8", "diamond", diamond}},
    {nullptr, {"#7a4a21", "#cfa07a", "cross", cross}},
};

}  // namespace

Palette::Palette(const Summary& summary) {
    std::set<std::string> others;
    for (const auto& task : summary.tasks)
        for (const auto* settings : {&task.test, &task.grid})
            for (const auto& setting : *settings) others.insert(setting.method);
    int first_free = 0;
    for (int i = 0; i < std::ssize(slots); ++i) {
        if (!slots[i].method) continue;
        slots_[slots[i].method] = i;
        others.erase(slots[i].method);
        first_free = i + 1;
    }
    const int n_free = static_cast<int>(std::ssize(slots)) - first_free;
    int next = 0;
    for (const auto& method : others) slots_[method] = first_free + next++ % n_free;
}

std::string Palette::colour(const std::string& method) const {
    const auto found = slots_.find(method);
    return fmt::format("var(--m{})", found == slots_.end() ? 0 : found->second);
}

const MethodStyle& Palette::style(const std::string& method) const {
    const auto found = slots_.find(method);
    return slots[found == slots_.end() ? 0 : found->second].style;
}

namespace {

// The name of the setting's slot: its own where it has one, else its method's.
std::string look_of(const SettingSummary& setting) {
    const std::string own = setting.method + " " + setting.id;
    const bool has_own = std::any_of(std::begin(slots), std::end(slots),
                                     [&](const Slot& slot) { return slot.method && own == slot.method; });
    return has_own ? own : setting.method;
}

}  // namespace

std::string Palette::colour(const SettingSummary& setting) const { return colour(look_of(setting)); }

const MethodStyle& Palette::style(const SettingSummary& setting) const { return style(look_of(setting)); }

std::string Palette::sign(const SettingSummary& setting) const {
    const std::string ink = colour(setting);
    return fmt::format(
        R"(<svg class="sign" viewBox="0 0 12 12" aria-hidden="true"><path d="{}" style="fill:{};stroke:{}"/></svg>)",
        style(setting).path, is_hollow(setting) ? "none" : ink, ink);
}

std::string Palette::variables(bool dark) const {
    std::string out;
    for (int i = 0; i < std::ssize(slots); ++i)
        out += fmt::format("--m{}:{};", i, dark ? slots[i].style.dark : slots[i].style.light);
    return out;
}

bool is_hollow(const SettingSummary& setting) { return setting.kind == Kind::paper; }

}  // namespace tiller::report

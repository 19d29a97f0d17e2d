#include "methods/setting_search.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "tiller/error.h"
#include "tiller/task.h"

namespace tiller {
namespace {

// `first` with the choice chosen[a] of each axis a.
Setting with_choices(const Setting& first, const std::vector<Axis>& axes,
                     const std::vector<std::size_t>& chosen) {
    Setting setting = first;
    for (std::size_t a = 0; a < axes.size(); ++a)
        for (const auto& [key, value] : axes[a][chosen[a]]) setting[key] = value;
    return setting;
}

// The number of combinations of the axes' choices, at most `limit`.
std::size_t product(const std::vector<Axis>& axes, std::size_t limit) {
    std::size_t n = 1;
    for (const auto& axis : axes) {
        n *= axis.size();
        if (n >= limit) return limit;
    }
    return n;
}

// The choices of every combination; those of the last axis change fastest.
std::vector<std::vector<std::size_t>> all_choices(const std::vector<Axis>& axes) {
    std::vector<std::vector<std::size_t>> out = {{}};
    for (const auto& axis : axes) {
        std::vector<std::vector<std::size_t>> longer;
        for (const auto& head : out)
            for (std::size_t i = 0; i < axis.size(); ++i) {
                longer.push_back(head);
                longer.back().push_back(i);
            }
        out = std::move(longer);
    }
    return out;
}

// n shuffled numbers in [0, n_choice). Each occurs equally often, or once more than others.
std::vector<std::size_t> balanced(std::size_t n_choice, std::size_t n, Random& random) {
    std::vector<std::size_t> order(n_choice), out;
    for (std::size_t i = 0; i < n_choice; ++i) order[i] = i;
    // Shuffled in each round, so that it is random which numbers occur once more.
    while (out.size() < n) {
        random.shuffle(order);
        for (std::size_t i = 0; i < n_choice && out.size() < n; ++i) out.push_back(order[i]);
    }
    random.shuffle(out);
    return out;
}

}  // namespace

std::vector<Setting> sample_settings(const Setting& first, const std::vector<Axis>& axes, int n,
                                     std::uint64_t seed, const std::string& stream) {
    if (n < 1)
        throw Error(Code::usage, fmt::format("sample_settings: a budget of {}, expected at least 1", n));
    for (const auto& axis : axes)
        if (axis.empty()) throw Error(Code::usage, "sample_settings: an axis has no choice; leave it out");
    std::vector<Setting> out = {first};
    std::set<Setting> known = {first};
    const auto add = [&](const std::vector<std::size_t>& chosen) {
        Setting setting = with_choices(first, axes, chosen);
        if (known.insert(setting).second) out.push_back(std::move(setting));
    };
    const auto wanted = static_cast<std::size_t>(n);
    // With at most 2 n combinations, draw from the list of all. With more, the sampling below finds new ones
    // quickly.
    if (product(axes, 2 * wanted + 1) <= 2 * wanted) {
        auto choices = all_choices(axes);
        Random(seed, stream + "/all").shuffle(choices);
        for (std::size_t i = 0; i < choices.size() && out.size() < wanted; ++i) add(choices[i]);
        return out;
    }
    // A further round is needed only where the sample repeats a setting.
    for (int round = 0; out.size() < wanted && round < 1000; ++round) {
        std::vector<std::vector<std::size_t>> columns;
        const std::size_t missing = wanted - out.size();
        for (std::size_t a = 0; a < axes.size(); ++a) {
            Random random(seed, fmt::format("{}/{}/{}", stream, round, a));
            columns.push_back(balanced(axes[a].size(), missing, random));
        }
        for (std::size_t i = 0; i < missing; ++i) {
            std::vector<std::size_t> chosen;
            for (const auto& column : columns) chosen.push_back(column[i]);
            add(chosen);
        }
    }
    return out;
}

namespace {

// The index of the axis' choice that the setting has, or the axis' size when it has none of them. An empty
// choice is taken when no other one fits.
std::size_t place_on(const Axis& axis, const Setting& setting) {
    const auto fits = [&](const Setting& choice) {
        return std::all_of(choice.begin(), choice.end(), [&](const auto& part) {
            const auto it = setting.find(part.first);
            return it != setting.end() && it->second == part.second;
        });
    };
    std::size_t empty = axis.size();
    for (std::size_t i = 0; i < axis.size(); ++i) {
        if (axis[i].empty())
            empty = i;
        else if (fits(axis[i]))
            return i;
    }
    return empty;
}

// The setting with another choice of the axis. All names on the axis are erased first, because the new choice
// may lack some of them.
Setting with_choice(Setting setting, const Axis& axis, std::size_t choice) {
    for (const auto& other : axis)
        for (const auto& [name, value] : other) setting.erase(name);
    for (const auto& [name, value] : axis[choice]) setting[name] = value;
    return setting;
}

}  // namespace

std::vector<Setting> neighbours_of(const Setting& setting, const std::vector<Axis>& axes) {
    std::vector<std::pair<int, Setting>> found = {{0, setting}};
    for (const Axis& axis : axes) {
        const std::size_t place = place_on(axis, setting);
        if (place == axis.size()) continue;
        const std::size_t n = found.size();
        for (std::size_t i = 0; i < n; ++i)
            for (const std::size_t other : {place - 1, place + 1})  // place - 1 wraps to a huge number at 0
                if (other < axis.size())
                    found.emplace_back(found[i].first + 1, with_choice(found[i].second, axis, other));
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<Setting> out;
    for (auto& [changes, neighbour] : found)
        if (changes > 0) out.push_back(std::move(neighbour));
    return out;
}

}  // namespace tiller

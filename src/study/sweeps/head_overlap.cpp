// jaccard() and common_heads(): pure functions that compare sets of heads.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "tiller/error.h"
#include "tiller/universal_heads.h"

namespace tiller {

double jaccard(std::span<const HeadEffect> a, std::span<const HeadEffect> b) {
    std::set<std::pair<int, int>> first, both;
    std::size_t shared = 0;
    for (const HeadEffect& h : a) first.insert({h.layer, h.head});
    both = first;
    std::set<std::pair<int, int>> second;
    for (const HeadEffect& h : b)
        if (second.insert({h.layer, h.head}).second) shared += !both.insert({h.layer, h.head}).second;
    return both.empty() ? 1.0 : static_cast<double>(shared) / static_cast<double>(both.size());
}

std::vector<CommonHead> common_heads(std::span<const std::vector<std::vector<float>>> aie, int k) {
    if (aie.empty() || k < 1)
        throw Error(
            Code::usage,
            fmt::format("common_heads: {} tasks and k = {}; expected at least one of each", aie.size(), k));
    std::map<std::pair<int, int>, int> counts;
    for (const auto& effects : aie) {
        const bool same = effects.size() == aie[0].size() &&
                          std::equal(effects.begin(), effects.end(), aie[0].begin(),
                                     [](const auto& x, const auto& y) { return x.size() == y.size(); });
        if (!same)
            throw Error(
                Code::usage,
                "common_heads: the tables of effects have different shapes; expected those of one model");
        const auto ranked = rank_heads(effects);
        for (std::size_t i = 0; i < std::min(ranked.size(), static_cast<std::size_t>(k)); ++i)
            ++counts[{ranked[i].layer, ranked[i].head}];
    }
    std::vector<CommonHead> heads;
    for (const auto& [at, n] : counts) {
        double sum = 0;
        for (const auto& effects : aie)
            sum += static_cast<double>(
                effects[static_cast<std::size_t>(at.first)][static_cast<std::size_t>(at.second)]);
        heads.push_back({at.first, at.second, n, sum / static_cast<double>(aie.size())});
    }
    // Stable, so that equal ones keep the order of the map: by layer, then head.
    std::stable_sort(heads.begin(), heads.end(), [](const CommonHead& a, const CommonHead& b) {
        return std::tuple(-a.n_task, -a.mean_aie) < std::tuple(-b.n_task, -b.mean_aie);
    });
    return heads;
}

}  // namespace tiller

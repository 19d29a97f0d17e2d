#include "engine/pack.h"

#include <algorithm>
#include <map>

#include "engine/context.h"

namespace tiller::engine {

int max_wave(int n_vocab) { return std::min(max_output_rows(n_vocab), kWaveRows); }

std::vector<Pack> make_packs(std::span<RowState* const> rows, int most) {
    std::map<std::vector<Token>, std::size_t> places;
    std::vector<std::vector<RowState*>> groups;
    for (RowState* row : rows) {
        const auto [place, is_new] = places.emplace(row->row().prompt, groups.size());
        if (is_new) groups.emplace_back();
        groups[place->second].push_back(row);
    }
    // Prompts of equal lengths are neighbours, so that they are computed together.
    std::stable_sort(groups.begin(), groups.end(),
                     [](const auto& a, const auto& b) { return a[0]->n_prompt() > b[0]->n_prompt(); });
    const int limit = std::min(most, kPackRows);
    const auto n_steps = [](const std::vector<RowState*>& group) {
        int n = 0;
        for (const RowState* row : group) n = std::max(n, row->n_step());
        return n;
    };
    std::vector<Pack> packs;
    int longest = 0;  // steps of the last pack
    for (const auto& group : groups) {
        const int n_prefix = prefill_length(*group[0]), n_row = static_cast<int>(group.size());
        const int own_steps = n_steps(group), steps = std::max(longest, own_steps);
        const auto fits = [&](const Pack& pack) {
            const int n = static_cast<int>(pack.rows.size()) + n_row;
            return n <= limit && pack.n_prefix + n_prefix + padded(n) * steps <= kPackCells;
        };
        if (packs.empty() || !fits(packs.back())) {
            packs.emplace_back();
            longest = 0;
        }
        Pack& pack = packs.back();
        pack.rows.insert(pack.rows.end(), group.begin(), group.end());
        pack.n_prefix += n_prefix;
        longest = std::max(longest, own_steps);
    }
    for (Pack& pack : packs)
        std::stable_sort(pack.rows.begin(), pack.rows.end(),
                         [](const RowState* a, const RowState* b) { return a->n_step() > b->n_step(); });
    return packs;
}

}  // namespace tiller::engine

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
        // Rows of a wave when the group joins the last pack; 0 when it does not fit.
        const auto wave_with = [&] {
            if (packs.empty()) return 0;
            const Pack& pack = packs.back();
            const int all = static_cast<int>(pack.rows.size()) + n_row, larger = std::max(pack.n_wave, n_row);
            const auto fits = [&](int n_wave, int n_cell) {
                return pack.n_prefix + n_prefix + padded(n_wave) * steps <= n_cell;
            };
            if (all <= limit && fits(all, kPackCells)) return all;
            return larger <= most && pack.n_prompt < kPackPrompts && fits(larger, kAttentionCells) ? larger
                                                                                                   : 0;
        };
        const int joint = wave_with();
        if (joint == 0) {
            packs.emplace_back();
            longest = 0;
        }
        Pack& pack = packs.back();
        pack.rows.insert(pack.rows.end(), group.begin(), group.end());
        pack.n_prompt += 1;
        pack.n_prefix += n_prefix;
        pack.n_wave = joint > 0 ? joint : std::min(n_row, most);
        longest = std::max(longest, own_steps);
    }
    for (Pack& pack : packs)
        std::stable_sort(pack.rows.begin(), pack.rows.end(),
                         [](const RowState* a, const RowState* b) { return a->n_step() > b->n_step(); });
    return packs;
}

}  // namespace tiller::engine

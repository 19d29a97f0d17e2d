#include "study/tune.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <set>
#include <span>

#include "core/names.h"
#include "methods/setting_search.h"
#include "scoring/metrics.h"
#include "study/choose.h"
#include "study/contestants.h"
#include "study/evaluate.h"
#include "study/method_vectors.h"
#include "study/units.h"

namespace tiller::study {
namespace {

// The axes that a search with a budget varies; empty without a budget, when methods try their own grids.
std::vector<Axis> axes_of(const TaskContext& c, const Method& method) {
    return c.counts().n_setting > 0 ? method.axes(c.engine.info(), c.counts().extraction.n_pairs)
                                    : std::vector<Axis>{};
}

}  // namespace

std::vector<ItemRecord> try_settings(TaskContext& c, const std::string& name,
                                     std::span<const Candidate> settings, Phase phase,
                                     std::vector<std::string>& units) {
    const bool valid = phase == Phase::valid;
    const auto& items = valid ? c.valid : c.test;
    const std::size_t part = c.behavioural() ? whole_part(items.size(), c.max_rows()) : settings.size();
    std::vector<ItemRecord> records;
    for (std::size_t begin = 0; begin < settings.size(); begin += part) {
        const auto some = settings.subspan(begin, std::min(part, settings.size() - begin));
        std::vector<std::string> methods;
        for (const auto& k : some) methods.push_back(k.method);
        for (auto& record : unit<ItemRecord>(
                 c, fmt::format("{}/{}/{}+{}", phase_name(phase), name, begin, some.size()), methods,
                 valid ? "tune" : phase_name(phase), units, [&] {
                     return evaluate(c, items, some, phase,
                                     fmt::format("{}: {}", name, valid ? "validation" : "oracle"),
                                     c.behavioural() || is_generated(c.primary));
                 }))
            records.push_back(std::move(record));
    }
    return records;
}

namespace {

// At most n settings that were not tried yet: the neighbours of the best setting in `grid`, then those of the
// second best, and so on.
std::vector<Setting> near_the_best(const TaskContext& c, std::vector<Candidate> grid,
                                   const std::vector<ItemRecord>& records, const std::vector<Axis>& axes,
                                   std::size_t n) {
    std::set<Setting> known;
    for (const auto& k : grid) known.insert(k.setting);
    std::vector<Setting> out;
    while (out.size() < n && !grid.empty()) {
        const std::size_t best = choose(grid, records, c.primary);
        for (auto& setting : neighbours_of(grid[best].setting, axes))
            if (out.size() < n && known.insert(setting).second) out.push_back(std::move(setting));
        grid.erase(grid.begin() + static_cast<std::ptrdiff_t>(best));
    }
    return out;
}

// The search of one method: the settings tried so far, their records, and which settings to try next.
class Search {
public:
    static constexpr int n_round = 3;

    Search(TaskContext& c, const Method& method)
        : c_(c),
          method_(method),
          paper_(method.paper_setting(c.engine.info())),
          budget_(static_cast<std::size_t>(c.counts().n_setting)),
          axes_(axes_of(c, method)),
          vectors_(c, method, sizes_in(axes_)) {}

    std::string name() const { return method_.name(); }
    const std::vector<Candidate>& grid() const { return grid_; }

    /// The settings of round 0, 1 or 2; the records of the rounds before must have been added. With a budget,
    /// half of it is a sample of all settings in round 0; then a quarter each round is near the best so far.
    /// Without, round 0 is the method's own grid, and the others are empty.
    std::vector<Candidate> next(int round) {
        const std::size_t begin = grid_.size(), until[] = {(budget_ + 1) / 2, (3 * budget_ + 3) / 4, budget_};
        std::vector<Setting> settings;
        if (budget_ == 0)
            settings = round == 0 ? method_.grid(c_.engine.info(), c_.behavioural()) : std::vector<Setting>{};
        else if (round == 0)
            settings =
                sample_settings(paper_, axes_, static_cast<int>(until[0]), c_.seed, "tune/" + method_.name());
        else if (begin < until[round])
            settings = near_the_best(c_, grid_, records_, axes_, until[round] - begin);
        for (const auto& setting : settings) grid_.push_back(vectors_.grid_point(setting));
        return {grid_.begin() + static_cast<std::ptrdiff_t>(begin), grid_.end()};
    }
    /// Keeps the records of this method's settings.
    void add(const std::vector<ItemRecord>& records) {
        std::set<std::string> own;
        for (const auto& k : grid_) own.insert(k.id);
        for (const auto& record : records)
            if (own.contains(record.setting)) records_.push_back(record);
    }

    TunedMethod finish() {
        const Setting best = grid_.empty() ? paper_ : grid_[choose(grid_, records_, c_.primary)].setting;
        TunedMethod out;
        const std::string title = method_title(name());
        out.paper = vectors_.candidate(paper_, name() + "-paper",
                                       fmt::format("{}, paper's setting ({})", title, setting_label(paper_)),
                                       Kind::paper);
        out.chosen =
            vectors_.candidate(best, name() + "-chosen",
                               fmt::format("{}, chosen ({})", title, setting_label(best)), Kind::chosen);
        out.chosen_vector = vectors_.build(best);
        out.base = vectors_.base();
        out.files = vectors_.files();
        out.grid = std::move(grid_);
        return out;
    }

private:
    TaskContext& c_;
    const Method& method_;
    Setting paper_;
    std::size_t budget_;
    std::vector<Axis> axes_;
    MethodVectors vectors_;
    std::vector<Candidate> grid_;
    std::vector<ItemRecord> records_;
};

}  // namespace

std::vector<ItemRecord> tune(TaskContext& c, const std::string& name, const std::vector<Candidate>& grid,
                             std::vector<std::string>& units) {
    return try_settings(c, name, grid, Phase::valid, units);
}

SteeringVector vector_at(TaskContext& c, const Method& method, const Setting& setting) {
    const auto sizes = c.draw < 0 ? sizes_in(axes_of(c, method)) : sizes_in(offered_settings(c, method));
    SteeringVector vector = MethodVectors(c, method, sizes).build(setting);
    vector.scale = method.strength(setting);
    return vector;
}

TunedMethods tune_methods(TaskContext& c, const std::vector<std::string>& names) {
    std::deque<Search> searches;
    for (const auto& name : names) searches.emplace_back(c, contestant(c.plan, name));
    TunedMethods out;
    for (int round = 0; round < Search::n_round; ++round) {
        std::vector<Candidate> together;
        for (auto& search : searches) {
            const auto settings = search.next(round);
            if (c.behavioural())
                together.insert(together.end(), settings.begin(), settings.end());
            else
                search.add(try_settings(c, fmt::format("{} {}", search.name(), round), settings, Phase::valid,
                                        out.valid_units));
        }
        if (together.empty()) continue;
        const auto records =
            try_settings(c, fmt::format("settings {}", round), together, Phase::valid, out.valid_units);
        for (auto& search : searches) search.add(records);
    }
    if (c.counts().n_setting > 0 && c.plan.tuning.oracle) {
        std::vector<Candidate> together;
        for (const auto& search : searches) {
            const auto& grid = search.grid();
            if (c.behavioural())
                together.insert(together.end(), grid.begin(), grid.end());
            else
                try_settings(c, search.name(), grid, Phase::oracle, out.oracle_units);
        }
        try_settings(c, "settings", together, Phase::oracle, out.oracle_units);
    }
    for (auto& search : searches) out.methods.push_back(search.finish());
    return out;
}

}  // namespace tiller::study

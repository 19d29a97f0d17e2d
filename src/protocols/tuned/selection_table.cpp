// What choosing on validation items costs: default, chosen and best setting on the test items.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/names.h"
#include "protocols/tuned/evidence.h"

namespace tiller::study {
namespace {

double mean_in(const BySetting& records, const std::string& id, const std::string& metric) {
    const auto values = list_of(values_of(records.at(id), metric));
    return values.empty() ? -INFINITY : mean_of(values);
}

// The setting with the highest mean score on the items of `records`; the first of equals.
const SettingRecord& best_of(const std::vector<SettingRecord>& settings, const BySetting& records,
                             const TaskSummary& task) {
    return *std::max_element(settings.begin(), settings.end(), [&](const auto& a, const auto& b) {
        return mean_in(records, a.id, task.primary) < mean_in(records, b.id, task.primary);
    });
}

// With draws: adds the test records of each method's chosen settings to `tried`, as the setting
// "<method>-chosen", for the items that all settings were tried on.
BySetting with_chosen(BySetting tried, const BySetting& test, const TunedClosing& closing) {
    std::set<int> items;
    for (const auto& [id, records] : tried)
        for (const ItemRecord& record : records) items.insert(record.item);
    for (const auto& [method, ids] : closing.selection)
        for (const ItemRecord& record : test.at(method + "-chosen"))
            if (items.contains(record.item)) tried[method + "-chosen"].push_back(record);
    return tried;
}

}  // namespace

std::optional<AnalysisSummary> selection_table(const Plan& plan, const TaskRecords& records,
                                               const TaskSummary& task) {
    const auto closing = records.closing.part<TunedClosing>();
    // With draws every tested item has been tried under every setting.
    const bool has_draws = !records.closing.task.chosen_by_draw.empty();
    if (!has_draws && closing.oracle_units.empty()) return {};
    const BySetting oracle = has_draws ? with_chosen(records.valid, records.test, closing)
                                       : by_setting(records.units, closing.oracle_units);
    const Scores scores(oracle, plan.n_bootstrap, task.seed);
    AnalysisSummary out{
        "selection",
        "What choosing settings costs and gains",
        "Every method tries the same number of settings (fewer only when it has no more). Default: the "
        "paper's setting. Chosen: by items that were not tested under it. Oracle: the best of the same "
        "settings "
        "on the tested items themselves, which no honest choice can count on. Scores on items that all "
        "settings "
        "were tried on, by the task's metric; differences are paired by item. Settings that leave the prompt "
        "alone share it here, so that "
        "on quantised models an item may come out otherwise than in the main table. Validation score: of the "
        "chosen setting where it was chosen, too good by the luck of the choice.",
        "method",
        {{"settings", "settings tried"},
         {"default", "default"},
         {"chosen", "chosen"},
         {"oracle", "oracle"},
         {"gain", "chosen - default"},
         {"loss", "oracle - chosen"},
         {"validation", "validation score"}},
        {},
        true};
    for (const auto& [method, ids] : closing.selection) {
        std::vector<SettingRecord> settings;
        for (const auto& setting : records.closing.task.grid)
            if (setting.method == method) settings.push_back(setting);
        if (settings.empty()) continue;
        const SettingRecord& best = best_of(settings, oracle, task);
        // With draws the chosen setting differs from draw to draw; no item took part in choosing its own.
        const std::string chosen = has_draws ? method + "-chosen" : ids.chosen;
        out.rows.push_back(
            {method,
             method_title(method),
             {plain_number(static_cast<double>(settings.size())), scores.mean(ids.standard, task.primary),
              scores.mean(chosen, task.primary), scores.mean(best.id, task.primary),
              scores.difference(chosen, ids.standard, task.primary),
              scores.difference(best.id, chosen, task.primary),
              plain_number(mean_in(records.valid, ids.chosen, task.primary))},
             fmt::format("oracle: {}", best.label)});
    }
    return out;
}

}  // namespace tiller::study

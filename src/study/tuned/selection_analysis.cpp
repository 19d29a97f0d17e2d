// What choosing on validation items costs: default, chosen and best setting on the test items.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/names.h"
#include "study/tune.h"
#include "tiller/statistics.h"

namespace tiller::study {
namespace {

using nlohmann::json;

double mean_of(const std::vector<const json*>& records, const std::string& metric) {
    const auto values = values_of(records, metric);
    double sum = 0;
    for (const auto& [item, value] : values) sum += value;
    return values.empty() ? -INFINITY : sum / static_cast<double>(values.size());
}

// The setting with the highest score on these very items; of behavioural settings those whose outputs stay
// whole, when there are any. The first of equals.
const json& best_of(const std::vector<const json*>& settings, const BySetting& records,
                    const TaskSummary& task, double limit) {
    const auto score = [&](const json* setting) {
        const auto& of = records.at(setting->at("id").get<std::string>());
        const bool collapses = task.family == "behavioural" && mean_of(of, "collapsed") > limit;
        return std::pair(!collapses, mean_of(of, task.primary));
    };
    return **std::max_element(settings.begin(), settings.end(),
                              [&](const json* a, const json* b) { return score(a) < score(b); });
}

}  // namespace

std::vector<AnalysisSummary> selection_analysis(const Plan& plan, const TaskRecords& records,
                                                const TaskSummary& task) {
    const json none = json::array();
    const auto names = records.closing.find("oracle_units");
    if (names == records.closing.end() || names->empty()) return {};
    const BySetting oracle = by_setting(records.units, *names);
    AnalysisSummary out;
    out.id = "selection";
    out.title = "What choosing settings costs and gains";
    out.head = "method";
    out.headline = true;
    out.columns = {"settings tried",   "default",         "chosen",          "oracle",
                   "chosen - default", "oracle - chosen", "validation score"};
    out.note =
        "Every method tries the same number of settings (fewer only when it has no more). Default: the "
        "paper's setting. Chosen: by the validation items. Oracle: the best of the same settings on the test "
        "items themselves, which no honest choice can count on. Scores on the test items by the task's "
        "metric; differences are paired by item. Settings that leave the prompt alone share it here, so that "
        "on "
        "quantised models an item may come out otherwise than in the main table. Validation score: of the "
        "chosen setting where it was "
        "chosen, "
        "too good by the luck of the choice.";
    for (const auto& [method, ids] : records.closing.at("selection").items()) {
        std::vector<const json*> settings;
        for (const auto& setting : records.closing.at("grid"))
            if (setting.at("method") == method) settings.push_back(&setting);
        if (settings.empty()) continue;
        const std::string standard = ids.at("default"), chosen = ids.at("chosen");
        const json& best = best_of(settings, oracle, task, plan.collapse_limit);
        const std::string best_id = best.at("id");
        const auto score = [&](const std::string& id) {
            std::vector<double> values;
            for (const auto& [item, value] : values_of(oracle.at(id), task.primary)) values.push_back(value);
            return bootstrap_mean(values, plan.n_bootstrap, task.seed);
        };
        const auto gap = [&](const std::string& a, const std::string& b) {
            const auto [x, y] = paired(oracle, a, b, task.primary);
            return bootstrap_difference(x, y, plan.n_bootstrap, task.seed);
        };
        out.rows.push_back({method_title(method),
                            {plain_number(static_cast<double>(settings.size())), score(standard),
                             score(chosen), score(best_id), gap(chosen, standard), gap(best_id, chosen),
                             plain_number(mean_of(records.valid.at(chosen), task.primary))},
                            fmt::format("oracle: {}", best.at("label").get<std::string>())});
    }
    return {out};
}

}  // namespace tiller::study

#include "report/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <tuple>

#include "core/names.h"
#include "scoring/metrics.h"

namespace tiller::report {

std::vector<std::string> metrics_of(const std::vector<SettingSummary>& settings, const std::string& primary) {
    std::set<std::string> names;
    for (const auto& setting : settings)
        for (const auto& [name, interval] : setting.metrics) names.insert(name);
    std::vector<std::string> out(names.begin(), names.end());
    std::stable_sort(out.begin(), out.end(), [&](const std::string& a, const std::string& b) {
        const auto key = [&](const std::string& name) { return name == primary ? -1 : metric_rank(name); };
        return key(a) < key(b);
    });
    return out;
}

bool is_steering(const SettingSummary& setting) {
    return setting.kind != Kind::baseline && setting.kind != Kind::control && setting.method != "none" &&
           setting.method != "prompt" && setting.method != "random";
}

const Interval* metric_of(const SettingSummary& setting, const std::string& metric) {
    const auto found = setting.metrics.find(metric);
    return found == setting.metrics.end() ? nullptr : &found->second;
}

std::set<std::string> best_of(const TaskSummary& task) {
    std::set<std::string> best;
    double best_mean = 0;
    const double sign = lower_is_better(task.primary) ? -1 : 1;
    for (const auto& setting : task.test) {
        const Interval* value = metric_of(setting, task.primary);
        if (!is_steering(setting) || !value || !std::isfinite(value->mean)) continue;
        if (best.empty() || sign * value->mean > sign * best_mean) {
            best = {setting.id};
            best_mean = value->mean;
        } else if (value->mean == best_mean) {
            best.insert(setting.id);
        }
    }
    return best;
}

bool no_better_than_random(const SettingSummary& setting, const std::string& primary) {
    const auto found = setting.difference.find("random");
    if (!is_steering(setting) || found == setting.difference.end()) return false;
    return lower_is_better(primary) ? !(found->second.high < 0) : !(found->second.low > 0);
}

std::string items_changed(const SettingSummary& setting) {
    const bool known = setting.difference.contains("zero-shot") || setting.difference.contains("unsteered");
    return known ? fmt::format("{} / {}", setting.n_better, setting.n_worse) : "";
}

std::string short_name(const SettingSummary& setting) {
    if (!is_steering(setting) || (setting.kind != Kind::paper && setting.kind != Kind::chosen))
        return setting.id;
    return fmt::format("{} {}", method_title(setting.method), kind_name(setting.kind));
}

std::string row_name(const Summary& summary, const TaskSummary& task) {
    const auto same = [&](const TaskSummary& other) {
        return other.model == task.model && other.name == task.name;
    };
    const bool repeated = std::count_if(summary.tasks.begin(), summary.tasks.end(), same) > 1;
    return repeated ? fmt::format("{}, seed {}", task.name, task.seed) : task.name;
}

std::string task_title(const Summary& summary, const TaskSummary& task) {
    const std::string name = row_name(summary, task);
    return summary.models.size() > 1 ? fmt::format("{} ({})", name, task.model) : name;
}

const WinnerSummary* best_winner(const TaskSummary& task) {
    return task.winners.empty() || !task.winners.front().shown ? nullptr : &task.winners.front();
}

std::vector<CostLine> sum_costs(const std::vector<Cost>& costs) {
    constexpr const char* phases[] = {"load", "extract", "tune", "predict", "test", "score"};
    const auto place = [&](const std::string& phase) {
        return std::find(std::begin(phases), std::end(phases), phase) - std::begin(phases);
    };
    std::map<std::tuple<std::string, std::string, std::ptrdiff_t, std::string>, std::vector<const Cost*>>
        groups;
    for (const Cost& cost : costs)
        groups[{cost.model, cost.method, place(cost.phase), cost.phase}].push_back(&cost);
    std::vector<CostLine> lines;
    for (auto& [key, group] : groups) {
        CostLine line{std::get<0>(key), std::get<1>(key), std::get<3>(key)};
        // Sums of floats depend on their order, and a ledger's order is that of a run.
        std::sort(group.begin(), group.end(),
                  [](const Cost* a, const Cost* b) { return a->seconds < b->seconds; });
        for (const Cost* cost : group) {
            line.n_decode += cost->n_decode;
            line.n_token += cost->n_token;
            line.seconds += cost->seconds;
        }
        lines.push_back(line);
    }
    return lines;
}

}  // namespace tiller::report

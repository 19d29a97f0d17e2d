#include "report/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string_view>
#include <tuple>

#include "core/names.h"
#include "scoring/metrics.h"
#include "tiller/study.h"

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

namespace {

// The names as a list, "FV, ICV and mean-diff"; more than five only as a number, "9 steering methods".
std::string counted(const std::vector<std::string>& names, const char* what) {
    constexpr std::size_t handful = 5;
    if (names.size() > handful) return fmt::format("{} {}", names.size(), what);
    std::string out;
    for (std::size_t i = 0; i < names.size(); ++i)
        out += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + names[i];
    return out;
}

// Paired differences in which a method must be better; under the paper's protocol there is only "unsteered".
constexpr const char* kRivals[] = {"zero-shot", "unsteered", "random", "shuffled", "control"};

const Interval* difference_to_control(const SettingSummary& setting) {
    for (const char* name : {"random", "shuffled", "control"})
        if (const auto found = setting.difference.find(name); found != setting.difference.end())
            return &found->second;
    return nullptr;
}

bool is_better(const Interval& difference, const std::string& primary) {
    return lower_is_better(primary) ? difference.high < 0 : difference.low > 0;
}

}  // namespace

bool is_shown(const TaskSummary& task, const SettingSummary& setting) {
    const Interval* value = setting.metric(task.primary);
    if (!value) return false;
    if (!lower_is_better(task.primary) && is_share(task.primary) && !(value->mean > 0)) return false;
    for (const auto& winner : task.winners)
        if (winner.setting == setting.id && !winner.shown) return false;
    return std::all_of(std::begin(kRivals), std::end(kRivals), [&](const char* rival) {
        const auto found = setting.difference.find(rival);
        // A difference that is not finite was not measured, so it decides nothing.
        return found == setting.difference.end() || !std::isfinite(found->second.mean) ||
               is_better(found->second, task.primary);
    });
}

std::set<std::string> best_of(const TaskSummary& task) {
    std::set<std::string> best;
    double best_mean = 0;
    const double sign = lower_is_better(task.primary) ? -1 : 1;
    for (const auto& setting : task.test) {
        const Interval* value = setting.metric(task.primary);
        if (!is_steering(setting) || !value || !std::isfinite(value->mean)) continue;
        if (best.empty() || sign * value->mean > sign * best_mean) {
            best = {setting.id};
            best_mean = value->mean;
        } else if (value->mean == best_mean) {
            best.insert(setting.id);
        }
    }
    for (const auto& setting : task.test)
        if (best.contains(setting.id) && !is_shown(task, setting)) best.erase(setting.id);
    return best;
}

bool no_better_than_random(const SettingSummary& setting, const std::string& primary) {
    const Interval* difference = difference_to_control(setting);
    return is_steering(setting) && difference && std::isfinite(difference->mean) &&
           !is_better(*difference, primary);
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

std::string model_title(const std::string& name) {
    constexpr std::string_view ending = ".gguf";
    std::string stem = name.substr(name.find_last_of('/') + 1);
    if (stem.size() > ending.size() && std::string_view(stem).substr(stem.size() - ending.size()) == ending)
        stem.resize(stem.size() - ending.size());
    return stem.empty() ? name : stem;
}

std::string report_title(const Summary& summary) {
    if (summary.title != Plan{}.title) return summary.title;
    std::vector<std::string> methods, models;
    const auto add_once = [](std::vector<std::string>& list, const std::string& name) {
        if (std::find(list.begin(), list.end(), name) == list.end()) list.push_back(name);
    };
    for (const auto& task : summary.tasks)
        for (const auto& setting : task.test)
            if (is_steering(setting)) add_once(methods, method_title(setting.method));
    for (const auto& model : summary.models) add_once(models, model_title(model.name));
    if (methods.empty() || models.empty()) return summary.title;
    return fmt::format("{}{} on {}", counted(methods, "steering methods"),
                       methods.size() > 1 ? " compared" : " tested", counted(models, "models"));
}

const WinnerSummary* best_winner(const TaskSummary& task) {
    return task.winners.empty() ? nullptr : &task.winners.front();
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
        // Floating-point sums depend on their order, and the order of `costs` differs from run to run.
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

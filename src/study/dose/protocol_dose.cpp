// Methods at equal dose (docs/comparisons.md).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "study/dose/dose.h"

namespace tiller {
namespace study {
namespace {

// The name a task file gives its task.
std::string task_name(const std::string& in_plan) {
    return is_task_file(in_plan) ? std::filesystem::path(in_plan).stem().string() : in_plan;
}

class Dose final : public Protocol {
public:
    std::string name() const override { return "dose"; }
    std::string summary() const override {
        return "methods at equal dose (KL to the unsteered model): effect against damage";
    }
    std::string question() const override {
        return "When each method moves the next-token distribution equally far, which one gets more of the "
               "wanted effect, and at what damage?";
    }
    Plan plan() const override {
        Plan plan = Protocol::plan();
        plan.title = "Methods at equal dose";
        return plan;
    }
    std::optional<Fault> fault(const Plan& plan) const override { return dose_fault(plan); }
    std::vector<std::string> further_tasks(const Plan& plan) const override { return plan.dose.unrelated; }
    void run(TaskContext& c) const override { run_dose_task(c); }
    void analyse(const Plan& plan, const TaskRecords& records, TaskSummary& task) const override {
        analyse_doses(plan, records, task);
    }
    std::string verdict(const Plan& plan, const TaskSummary& task) const override {
        return dose_verdict(plan, task);
    }
    std::vector<std::string> findings(const Plan& plan, const Summary& summary) const override {
        return dose_findings(plan, summary);
    }
    std::vector<std::string> notes(const Plan& plan) const override { return dose_notes(plan); }
};

}  // namespace

const Protocol& protocol_dose() {
    static const Dose protocol;
    return protocol;
}

std::string unrelated_name(const Plan& plan, const std::string& task) {
    for (const auto& name : plan.dose.unrelated)
        if (task_name(name) != task) return name;
    return "";
}

std::optional<Fault> dose_fault(const Plan& plan) {
    std::optional<Fault> fault;
    const auto refuse = [&](const std::string& key, const std::string& what) {
        if (!fault) fault = Fault{key, what};
    };
    const DosePlan& d = plan.dose;
    if (plan.methods.empty())
        refuse("methods", "is empty; name at least one to bring to a dose, like [\"fv\"]");
    if (d.targets.empty()) refuse("dose.targets", "is empty; give at least one dose in nats, like [1.0]");
    for (std::size_t i = 0; i < d.targets.size(); ++i) {
        if (!(d.targets[i] > 0 && d.targets[i] <= 100))
            refuse("dose.targets",
                   fmt::format("has {}, expected above 0 and at most 100 nats", d.targets[i]));
        if (i > 0 && !(d.targets[i] > d.targets[i - 1]))
            refuse("dose.targets",
                   fmt::format("has {} behind {}, expected rising doses", d.targets[i], d.targets[i - 1]));
    }
    if (d.place != "chosen" && d.place != "paper")
        refuse("dose.place", fmt::format("is \"{}\", expected \"chosen\" or \"paper\"", d.place));
    const auto within = [&](const char* key, auto value, auto least, auto most) {
        if (!(value >= least && value <= most))
            refuse(key, fmt::format("is {}, expected {} to {}", value, least, most));
    };
    within("dose.n_bisection", d.n_bisection, 1, 60);
    within("dose.tolerance", d.tolerance, 0.001, 0.5);
    within("dose.max_factor", d.max_factor, 1.0, 1e6);
    within("dose.n_unrelated", d.n_unrelated, 2, 100'000'000);
    within("dose.n_shot_unrelated", d.n_shot_unrelated, 0, 1000);
    within("dose.damage_limit", d.damage_limit, 0.0, 1.0);
    for (std::size_t i = 0; i < d.unrelated.size(); ++i)
        if (std::find(d.unrelated.begin(), d.unrelated.begin() + static_cast<std::ptrdiff_t>(i),
                      d.unrelated[i]) != d.unrelated.begin() + static_cast<std::ptrdiff_t>(i))
            refuse("dose.unrelated", fmt::format("names {} twice", d.unrelated[i]));
    for (const auto& task : plan.tasks)
        if (unrelated_name(plan, task_name(task)).empty())
            refuse("dose.unrelated", fmt::format("leaves nothing for the task {}; name another task by which "
                                                 "its damage is measured, like \"antonym\"",
                                                 task));
    return fault;
}

}  // namespace study
}  // namespace tiller

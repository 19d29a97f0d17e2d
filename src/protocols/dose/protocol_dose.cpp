// The protocol "dose": what its plan may say.
#include <fmt/format.h>

#include <filesystem>

#include "protocols/dose/dose.h"
#include "study/toml_fields.h"

namespace tiller::study {
namespace {

// The task's name where the plan names a task file: the file's name without its extension.
std::string task_name(const std::string& in_plan) {
    return is_task_file(in_plan) ? std::filesystem::path(in_plan).stem().string() : in_plan;
}

}  // namespace

Dose::Dose()
    : Protocol({.name = "dose",
                .summary = "methods at equal dose (KL to the unsteered model): effect against damage",
                .question = "When each method moves the next-token distribution equally far, which one gets "
                            "more of the wanted effect, and at what damage?",
                .table = "dose"}) {}

Plan Dose::plan() const {
    Plan plan = Protocol::plan();
    plan.title = "Methods at equal dose";
    return plan;
}

void Dose::table_fields(Fields& f, Plan& plan) const {
    DosePlan& p = plan.dose;
    f("targets", p.targets), f("place", p.place), f("n_bisection", p.n_bisection);
    f("tolerance", p.tolerance), f("max_factor", p.max_factor), f("unrelated", p.unrelated);
    f("n_unrelated", p.n_unrelated), f("n_shot_unrelated", p.n_shot_unrelated);
    f("damage_limit", p.damage_limit);
}

const Protocol& protocol_dose() {
    static const Dose protocol;
    return protocol;
}

std::string unrelated_name(const Plan& plan, const std::string& task) {
    for (const auto& name : plan.dose.unrelated)
        if (task_name(name) != task) return name;
    return "";
}

void Dose::check(const Plan& plan, PlanFaults& faults) const {
    const DosePlan& d = plan.dose;
    faults.filled("methods", plan.methods, "name at least one to bring to a dose, like [\"fv\"]");
    faults.filled("dose.targets", d.targets, "give at least one dose in nats, like [1.0]");
    faults.each(
        "dose.targets", d.targets, [](double t) { return t > 0 && t <= 100; },
        "above 0 and at most 100 nats");
    for (std::size_t i = 1; i < d.targets.size(); ++i)
        faults.refuse_if(
            !(d.targets[i] > d.targets[i - 1]), "dose.targets",
            fmt::format("has {} after {}, expected rising doses", d.targets[i], d.targets[i - 1]));
    faults.refuse_if(d.place != "chosen" && d.place != "paper", "dose.place",
                     fmt::format("is \"{}\", expected \"chosen\" or \"paper\"", d.place));
    faults.within("dose.n_bisection", d.n_bisection, 1, 60);
    faults.within("dose.tolerance", d.tolerance, 0.001, 0.5);
    faults.within("dose.max_factor", d.max_factor, 1.0, 1e6);
    faults.within("dose.n_unrelated", d.n_unrelated, 2, 100'000'000);
    faults.within("dose.n_shot_unrelated", d.n_shot_unrelated, 0, 1000);
    faults.within("dose.damage_limit", d.damage_limit, 0.0, 1.0);
    faults.once("dose.unrelated", d.unrelated);
    for (const auto& task : plan.tasks)
        faults.refuse_if(unrelated_name(plan, task_name(task)).empty(), "dose.unrelated",
                         fmt::format("leaves nothing for the task {}; name another task by which its damage "
                                     "is measured, like \"antonym\"",
                                     task));
}

}  // namespace tiller::study

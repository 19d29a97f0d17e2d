// The protocol "transfer": one class, and what its plan may say.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "study/forms.h"
#include "study/transfer/transfer.h"

namespace tiller::study {
namespace {

class Transfer final : public Protocol {
public:
    std::string name() const override { return "transfer"; }
    std::string summary() const override {
        return "vectors taken in one form and applied in others, together, and beside demonstrations";
    }
    std::string question() const override {
        return "Does a vector carry its task, or the form in which it was taken: what is left of its effect "
               "in "
               "other templates, languages and formats, beside other vectors and demonstrations, and on "
               "other "
               "quantisations of the model?";
    }
    Plan plan() const override {
        Plan plan;
        plan.protocol = name();
        plan.title = "Transfer of steering vectors between forms";
        plan.tasks = {"present-past",    "capitalize",     "country-capital",
                      "singular-plural", "english-french", "antonym"};
        plan.methods = {"fv", "icv", "task-vector"};
        plan.n_example = 0;
        return plan;
    }
    std::optional<Fault> fault(const Plan& plan) const override { return transfer_fault(plan); }
    void check_task(const Plan& plan, const Task& task) const override {
        if (task.family == Family::behavioural)
            throw Error(
                Code::bad_input,
                fmt::format("task {} is behavioural, but the protocol transfer scores the first token "
                            "of a right answer; expected functional or extractive tasks: take it out",
                            task.name));
        for (const auto& form : transfer_places(plan)) task_form(task, form, plan.seeds.front());
    }
    void run(TaskContext& c) const override { run_transfer_task(c); }
    bool has_second_run(const Units& units, const nlohmann::json& own,
                        const std::vector<const nlohmann::json*>& closings) const override {
        return has_crossed_models(units, own, closings);
    }
    void second_run(TaskContext& c, const nlohmann::json& own,
                    const std::vector<const nlohmann::json*>& closings) const override {
        cross_models(c, own, closings);
    }
    void analyse(const Plan& plan, const TaskRecords& records, TaskSummary& task) const override {
        analyse_transfer(plan, records, task);
    }
    void analyse_run(const Plan& plan, const std::vector<TaskRecords>& records, Summary& s) const override {
        analyse_transfer_run(plan, records, s);
    }
    std::string verdict(const Plan&, const TaskSummary& task) const override {
        return transfer_verdict(task);
    }
    std::vector<std::string> findings(const Plan& plan, const Summary& summary) const override {
        return transfer_findings(plan, summary);
    }
    std::vector<std::string> notes(const Plan& plan) const override {
        std::vector<std::string> notes = {
            "Each vector has the setting that was chosen on the validation items in the form it was taken "
            "in, "
            "and keeps it in every other form.",
            choice_rules(plan).front(),
            "Gain: log-probability (natural logarithm) of the likeliest right first token, steered minus "
            "unsteered, on the same prompt. No text is generated.",
            "Splits: 70 % train (vectors, demonstrations), 9 % validation (choice of settings), 21 % test "
            "(everything shown)."};
        for (const auto& place : transfer_places(plan))
            notes.push_back(fmt::format("Form {}: {}.", place, find_form(place)->what));
        return notes;
    }
};

}  // namespace

std::vector<std::string> transfer_places(const Plan& plan) {
    std::vector<std::string> all = plan.transfer.forms;
    all.insert(all.end(), plan.transfer.places.begin(), plan.transfer.places.end());
    return all;
}

std::optional<Fault> transfer_fault(const Plan& plan) {
    std::optional<Fault> fault;
    const auto refuse = [&](const std::string& key, const std::string& what) {
        if (!fault) fault = Fault{key, what};
    };
    const auto once = [&](const std::string& key, auto values) {
        std::sort(values.begin(), values.end());
        if (const auto twice = std::adjacent_find(values.begin(), values.end()); twice != values.end())
            refuse(key, fmt::format("names {} twice", *twice));
    };
    const TransferPlan& p = plan.transfer;
    if (plan.methods.empty()) refuse("methods", "is empty; name at least one, like \"fv\"");
    if (plan.n_example > 0)
        refuse("n_example", fmt::format("is {}, but the protocol transfer generates no texts; expected 0",
                                        plan.n_example));
    if (p.forms.empty())
        refuse("transfer.forms", fmt::format("is empty; name at least one of {}", form_names(true)));
    for (const auto& name : p.forms)
        if (const Form* form = find_form(name); !form || !form->has_demonstrations())
            refuse("transfer.forms",
                   fmt::format("has \"{}\", expected forms with demonstrations: {}", name, form_names(true)));
    for (const auto& name : p.places)
        if (!find_form(name))
            refuse("transfer.places",
                   fmt::format("has \"{}\", which is unknown; known: {}", name, form_names(false)));
    once("transfer.forms", p.forms);
    once("transfer.places", transfer_places(plan));
    for (const int n : p.shots)
        if (n < 1 || n > 1000) refuse("transfer.shots", fmt::format("has {}, expected 1 to 1000", n));
    once("transfer.shots", p.shots);
    for (const double x : p.factors)
        if (!std::isfinite(x) || x == 0 || x == 1 || std::abs(x) > 1000)
            return fault ? fault
                         : Fault{"transfer.factors",
                                 fmt::format("has {}, expected -1000 to 1000 without 0 and 1", x),
                                 Code::bad_input};
    once("transfer.factors", p.factors);
    return fault;
}

const Protocol& protocol_transfer() {
    static const Transfer protocol;
    return protocol;
}

}  // namespace tiller::study

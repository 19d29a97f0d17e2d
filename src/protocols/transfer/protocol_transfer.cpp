// The protocol "transfer": what its plan may say, and its rules.
#include <fmt/format.h>

#include <cmath>

#include "protocols/transfer/transfer.h"
#include "study/choose.h"
#include "study/toml_fields.h"
#include "tasks/forms.h"

namespace tiller::study {

Transfer::Transfer()
    : Protocol(
          {.name = "transfer",
           .summary = "vectors taken in one form and applied in others, together, and with demonstrations",
           .question = "Does a vector carry its task, or the form in which it was taken: what is left of "
                       "its effect in other templates, languages and formats, together with other vectors "
                       "and demonstrations, and on other quantisations of the model?",
           .table = "transfer",
           .goes_twice = true}) {}

Plan Transfer::plan() const {
    Plan plan = Protocol::plan();
    plan.title = "Transfer of steering vectors between forms";
    plan.tasks = {"present-past",    "capitalize",     "country-capital",
                  "singular-plural", "english-french", "antonym"};
    plan.methods = {"fv", "icv", "task-vector"};
    plan.n_example = 0;
    return plan;
}

void Transfer::table_fields(Fields& f, Plan& plan) const {
    TransferPlan& p = plan.transfer;
    f("forms", p.forms), f("places", p.places), f("shots", p.shots), f("factors", p.factors);
}

void Transfer::check(const Plan& plan, PlanFaults& faults) const {
    const TransferPlan& p = plan.transfer;
    faults.filled("methods", plan.methods, "name at least one, like \"fv\"");
    faults.refuse_if(
        plan.n_example > 0, "n_example",
        fmt::format("is {}, but the protocol transfer generates no texts; expected 0", plan.n_example));
    faults.filled("transfer.forms", p.forms, fmt::format("name at least one of {}", form_names(true)));
    for (const auto& name : p.forms)
        if (const Form* form = find_form(name); !form || !form->has_demonstrations())
            faults.refuse("transfer.forms", fmt::format("has \"{}\", expected forms with demonstrations: {}",
                                                        name, form_names(true)));
    for (const auto& name : p.places)
        faults.refuse_if(!find_form(name), "transfer.places",
                         fmt::format("has \"{}\", which is unknown; known: {}", name, form_names(false)));
    faults.once("transfer.forms", p.forms);
    faults.once("transfer.places", transfer_places(plan));
    faults.each(
        "transfer.shots", p.shots, [](int n) { return n >= 1 && n <= 1000; }, "1 to 1000");
    faults.once("transfer.shots", p.shots);
    faults.each(
        "transfer.factors", p.factors,
        [](double x) { return std::isfinite(x) && x != 0 && x != 1 && std::abs(x) <= 1000; },
        "-1000 to 1000 without 0 and 1");
    faults.once("transfer.factors", p.factors);
}

void Transfer::check_task(const Plan& plan, const Task& task) const {
    if (task.family == Family::behavioural)
        throw Error(Code::bad_input,
                    fmt::format("task {} is behavioural, but the protocol transfer scores the first token of "
                                "a right answer; expected functional or extractive tasks: take it out",
                                task.name));
    for (const auto& form : transfer_places(plan)) task_form(task, form, plan.seeds.front());
}

std::vector<std::string> Transfer::notes(const Plan& plan) const {
    std::vector<std::string> notes = {
        "Each vector has the setting that was chosen on the validation items in the form it was taken in, "
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

std::vector<std::string> transfer_places(const Plan& plan) {
    std::vector<std::string> all = plan.transfer.forms;
    all.insert(all.end(), plan.transfer.places.begin(), plan.transfer.places.end());
    return all;
}

const Protocol& protocol_transfer() {
    static const Transfer protocol;
    return protocol;
}

}  // namespace tiller::study

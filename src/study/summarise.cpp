#include "study/summarise.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "core/util.h"
#include "scoring/metrics.h"
#include "study/adjust.h"
#include "study/phrases.h"
#include "study/protocol.h"
#include "study/winners.h"
#include "tiller/error.h"

namespace tiller::study {
namespace {

// Makes the tables of one task.
class Tables {
public:
    Tables(const Plan& plan, const TaskRecords& records)
        : test_(records.test),
          valid_(records.valid),
          scores_(test_, plan.n_bootstrap, records.closing.task.seed),
          valid_scores_(valid_, plan.n_bootstrap, records.closing.task.seed),
          has_conditions_(protocol_of(plan).traits.has_conditions) {}

    std::vector<SettingSummary> of(const std::vector<SettingRecord>& settings,
                                   const std::string& primary) const {
        std::vector<SettingSummary> table;
        for (const auto& setting : settings) {
            table.push_back(summary_of(setting, test_, scores_, setting.same_as));
            if (setting.same_as.empty()) table.back().by_draw = scores_.by_draw(setting.id, primary);
            has_conditions_ ? compare_with_unsteered(setting, primary, table.back())
                            : compare_with_baselines(primary, table.back());
        }
        return table;
    }
    std::vector<SettingSummary> grid(const std::vector<SettingRecord>& settings) const {
        std::vector<SettingSummary> points;
        for (const auto& setting : settings) points.push_back(summary_of(setting, valid_, valid_scores_, ""));
        return points;
    }
    std::vector<PairSummary> pairs(const TaskSummary& t) const {
        const Settings chosen = of_kind(t, Kind::chosen);
        std::vector<PairSummary> pairs;
        for (std::size_t i = 0; i < chosen.size(); ++i)
            for (std::size_t j = i + 1; j < chosen.size(); ++j)
                pairs.push_back(scores_.pair(chosen[i]->id, chosen[j]->id, t.primary));
        if (has_conditions_) return pairs;
        // The comparisons that say whether a method works (adjust()).
        for (const auto* s : chosen) {
            if (test_.contains(zero_shot_id)) pairs.push_back(scores_.pair(s->id, zero_shot_id, t.primary));
            for (const auto& control : control_ids(s->method))
                if (test_.contains(control)) pairs.push_back(scores_.pair(s->id, control, t.primary));
        }
        return pairs;
    }

private:
    static SettingSummary summary_of(const SettingRecord& setting, const BySetting& all, const Scores& scores,
                                     const std::string& same_as) {
        const std::string& id = same_as.empty() ? setting.id : same_as;
        const auto& records = all.at(id);
        SettingSummary s{setting.id,   setting.label,  setting.method,
                         setting.kind, setting.layers, setting.setting};
        s.n = static_cast<int>(records.size());
        for (const Metric* metric : metrics())
            if (!values_of(records, metric->name).empty())
                s.metrics[metric->name] = scores.mean(id, metric->name);
        return s;
    }
    // Differences to the unsteered run of the same prompts, where the protocol has conditions.
    void compare_with_unsteered(const SettingRecord& setting, const std::string& primary,
                                SettingSummary& s) const {
        if (setting.clean.empty()) return;
        const Paired values =
            paired(test_, setting.same_as.empty() ? setting.id : setting.same_as, setting.clean, primary);
        s.difference["unsteered"] = difference(values, primary);
        std::tie(s.n_better, s.n_worse) = changes(values);
    }
    // Differences to zero-shot and to the method's controls, under other protocols.
    void compare_with_baselines(const std::string& primary, SettingSummary& s) const {
        if (s.id != zero_shot_id) {
            const Paired values = paired(test_, s.id, zero_shot_id, primary);
            s.difference[zero_shot_id] = difference(values, primary);
            std::tie(s.n_better, s.n_worse) = changes(values);
        }
        for (const auto& control : control_ids(s.method))
            if (s.id != control && test_.contains(control))
                s.difference[control == random_id(s.method) ? "random" : "shuffled"] =
                    difference(paired(test_, s.id, control, primary), primary);
    }
    // Zeros where the two have no item in common; Scores::difference() would give NaN.
    Interval difference(const Paired& values, const std::string& metric) const {
        return values.first.empty() ? Interval{} : scores_.difference(values, scale_of(metric));
    }

    const BySetting &test_, &valid_;
    Scores scores_, valid_scores_;
    bool has_conditions_;
};

std::vector<ExampleSummary> examples_of(const Plan& plan, const TaskRecords& records, const TaskSummary& t) {
    std::vector<ExampleSummary> examples;
    for (const auto& item : records.closing.task.items) {
        if (static_cast<int>(examples.size()) >= plan.n_example) break;
        ExampleSummary e{item.item, item.input, item.target, {}};
        for (const auto& setting : t.test) {
            const auto of_setting = records.test.find(setting.id);
            if (of_setting == records.test.end()) continue;
            for (const ItemRecord& record : of_setting->second)
                if (record.item == e.item) e.outputs[setting.id] = record.generated.value_or("");
        }
        examples.push_back(std::move(e));
    }
    return examples;
}

TaskSummary from_task(const Plan& plan, const TaskRecords& records) {
    const TaskClosing& task = records.closing.task;
    TaskSummary t;
    t.model = task.model, t.name = task.task, t.family = task.family, t.primary = task.primary;
    t.seed = task.seed, t.n_train = task.n_train, t.n_valid = task.n_valid, t.n_test = task.n_test;
    if (task.scorer) t.scorer_accuracy = task.scorer->accuracy, t.scorer_count = task.scorer->count;
    const Tables tables(plan, records);
    t.test = tables.of(task.settings, t.primary);
    for (const auto& part : task.tables.value_or(std::vector<TableRecord>{}))
        t.tables.push_back({part.id, part.title, part.primary, tables.of(part.settings, part.primary)});
    t.pairs = tables.pairs(t);
    t.grid = tables.grid(task.grid);
    t.aie = task.aie, t.top_heads = task.top_heads;
    t.examples = examples_of(plan, records, t);
    protocol_of(plan).analyse(plan, records, t);
    adjust(t);
    t.winners = winners_of(plan, t);
    return t;
}

void judge(Summary& s, const std::vector<TaskRecords>& records, const Plan& plan) {
    const Protocol& protocol = protocol_of(plan);
    protocol.analyse_run(plan, records, s);
    for (auto& t : s.tasks) t.verdict = protocol.verdict(plan, t);
    s.findings = protocol.findings(plan, s);
}

// Notes that every report has, after those of its protocol.
std::vector<std::string> common_notes(const Plan& plan, std::size_t n_task, std::size_t n_checked,
                                      bool has_draws) {
    std::vector<std::string> notes = {
        fmt::format("Intervals are 95 % bootstrap intervals over test items ({} resamples), widened for "
                    "small samples; differences are paired by item. {}",
                    plan.n_bootstrap,
                    has_draws ? "Where the draws differ by more than their items explain, they are Student's "
                                "t intervals over draws. They say nothing about other items of the domain."
                              : "They say nothing about other seeds or other items of the domain."),
        std::string("A text counts as collapsed when: ") + collapse_rule() +
            " So does a rewritten sentence with fewer than a quarter of its input's words.",
        "Perplexity is exp of the mean negative log-probability per token of the output under the unsteered "
        "model, after the zero-shot prompt. Style is the probability that a fastText classifier, trained on "
        "the task's training split, gives to the output side's style. ROUGE-L compares the output with the "
        "task's own rewriting, with which the input shares words: read it beside zero-shot."};
    if (n_task > 0)
        notes.push_back(n_checked == n_task
                            ? "Each model passed the fast part of tiller doctor before its first task: edits "
                              "reach their sites, edits that change nothing change nothing, rows do not leak "
                              "into each other, heads contribute what is said."
                            : fmt::format("tiller doctor did not check the models' hooks before {} of {} "
                                          "tasks: it was switched off.",
                                          n_task - n_checked, n_task));
    return notes;
}

// Notes on conversations: that prompts were conversations, or that a model was asked in plain text although
// it has a chat template.
std::vector<std::string> chat_notes(const Plan& plan, const std::vector<ModelSummary>& models) {
    if (plan.chat)
        return {
            fmt::format("Prompts are conversations in the chat format of {}: demonstrations are messages "
                        "with their answers, the input is the user's last message, and what is scored is "
                        "the assistant's answer. Vectors were extracted from such conversations.",
                        plan.chat_template.empty() ? "the model" : plan.chat_template)};
    std::vector<std::string> notes;
    if (protocol_of(plan).traits.takes_chat)
        for (const auto& model : models)
            if (model.chat_template) notes.push_back(plain_text_warning(model.name));
    return notes;
}

ProvenanceSummary provenance_of(const Plan& plan, const std::vector<TaskRecords>& records,
                                const Environment& environment) {
    ProvenanceSummary from;
    const bool one = plan.models.size() == 1 && plan.seeds.size() == 1;
    for (const auto& r : records) {
        const TaskClosing& task = r.closing.task;
        from.task_digests[task.task] = task.task_digest;
        for (const auto& [method, file] : task.vector_files)
            from.vector_files[one ? fmt::format("{}/{}", task.task, method)
                                  : fmt::format("{}/{}/s{}/{}", task.model, task.task, task.seed, method)] =
                file;
    }
    from.program_version = environment.program_version;
    from.engine_version = environment.engine_version;
    from.machine = environment.machine + arithmetic_text(environment);
    from.command = environment.command;
    from.plan_toml = plan_toml(plan);
    from.plan_digest = sha256(from.plan_toml);
    return from;
}

Summary from_records(const Plan& plan, const Units& units, const Environment& environment) {
    Summary s;
    s.title = plan.title;
    s.question = protocol_of(plan).traits.question;
    for (const auto& model : plan.models)
        for (const auto& m : environment.models)
            if (m.name == model) s.models.push_back(m);
    std::size_t n_checked = 0;
    bool has_draws = false;
    std::vector<TaskRecords> records;
    for (const auto& name : environment.tasks) {
        const auto closing = units.find(name);
        if (closing == units.end()) continue;  // not finished yet
        records.push_back(records_of(units, closing->second.at(0)));
        s.tasks.push_back(from_task(plan, records.back()));
        const TaskClosing& task = records.back().closing.task;
        n_checked += task.checked;
        has_draws = has_draws || !task.chosen_by_draw.empty();
        if (task.n_seen > 0)
            s.notes.push_back(fmt::format(
                "Of the {} test items of {} (seed {}), {} have an input that stands among the training "
                "items: what is measured on them was seen. `tiller task check` lists them.",
                task.items.size(), task.task, task.seed, task.n_seen));
    }
    for (const auto& machines : environment.machine_classes)
        s.notes.push_back(fmt::format(
            "This run mixes machines that compute differently. Machine class {} ({}) computed: {}.",
            machines.name, fmt::join(machines.machines, "; "), fmt::join(machines.blocks, ", ")));
    judge(s, records, plan);
    for (auto& note : chat_notes(plan, s.models)) s.notes.push_back(std::move(note));
    for (auto& note : protocol_of(plan).notes(plan)) s.notes.push_back(std::move(note));
    for (auto& note : common_notes(plan, s.tasks.size(), n_checked, has_draws))
        s.notes.push_back(std::move(note));
    s.provenance = provenance_of(plan, records, environment);
    return s;
}

// What `f` makes of records that other records name.
template <class F>
auto from_whole(const F& f) {
    try {
        return f();
    } catch (const std::out_of_range&) {
        throw Error(Code::bad_input,
                    "records.jsonl or environment.json was changed by hand or damaged (a setting has no "
                    "records); move the run folder away and run the study again");
    }
}

}  // namespace

TaskSummary summarise_task(const Plan& plan, const TaskRecords& records) {
    return from_whole([&] { return from_task(plan, records); });
}

Summary summarise(const Plan& plan, const Units& units, const Environment& environment) {
    return from_whole([&] { return from_records(plan, units, environment); });
}

}  // namespace tiller::study

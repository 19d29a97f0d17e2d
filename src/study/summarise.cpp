// From records to a Summary: pure, so that a report can be rebuilt at any time.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "core/util.h"
#include "study/environment.h"
#include "study/protocol.h"
#include "study/summary_parts.h"
#include "study/winners.h"
#include "tiller/error.h"
#include "tiller/statistics.h"

namespace tiller::study {

using nlohmann::json;

std::vector<std::string> metric_names(bool behavioural) {
    if (behavioural)
        return {"style",      "rouge_l",    "collapsed", "perplexity", "ngram_entropy",
                "distinct_1", "distinct_2", "kl",        "entropy"};
    return {"first_token", "first_word", "exact",   "f1",   "contains", "present", "ngram_entropy",
            "distinct_1",  "distinct_2", "logprob", "rank", "kl",       "entropy"};
}

namespace {

SettingSummary setting_summary(const json& setting, const std::vector<const json*>& records, bool behavioural,
                               const Plan& plan, std::uint64_t seed) {
    SettingSummary s;
    s.id = setting.at("id");
    s.label = setting.at("label");
    s.method = setting.at("method");
    s.kind = setting.at("kind");
    s.setting = setting.at("setting").get<Setting>();
    s.n = static_cast<int>(records.size());
    for (const auto& metric : metric_names(behavioural)) {
        const auto values = value_list(records, metric);
        if (values.empty()) continue;
        Interval interval = bootstrap_mean(values, plan.n_bootstrap, seed);
        // A mean of perplexities would be the worst text's alone; the mean is taken over log-probabilities.
        if (metric == "perplexity")
            interval = {std::exp(interval.mean), std::exp(interval.low), std::exp(interval.high)};
        s.metrics[metric] = interval;
    }
    return s;
}

std::vector<PairSummary> pairs_of(const TaskSummary& t, const BySetting& records, const Plan& plan) {
    const Settings chosen = of_kind(t, "chosen");
    std::vector<PairSummary> pairs;
    for (std::size_t i = 0; i < chosen.size(); ++i)
        for (std::size_t j = i + 1; j < chosen.size(); ++j)
            pairs.push_back(
                compare_pair(records, chosen[i]->id, chosen[j]->id, t.primary, plan.n_bootstrap, t.seed));
    return pairs;
}

// The table of a tuned study: differences are to zero-shot and to the method's random control.
std::vector<SettingSummary> test_table(const Plan& plan, const json& settings, const BySetting& test,
                                       const std::string& primary, bool behavioural, std::uint64_t seed) {
    std::vector<SettingSummary> table;
    for (const auto& setting : settings) {
        const std::string id = setting.at("id");
        table.push_back(setting_summary(setting, test.at(id), behavioural, plan, seed));
        auto& s = table.back();
        const auto difference = [&](const std::string& other, const std::string& name) {
            const auto [x, y] = paired(test, id, other, primary);
            s.difference[name] = bootstrap_difference(x, y, plan.n_bootstrap, seed);
            if (name == "zero-shot") std::tie(s.n_better, s.n_worse) = changes(x, y);
        };
        if (id != "zero-shot") difference("zero-shot", "zero-shot");
        const std::string random = s.method + "-random";
        if (id != random && test.count(random)) difference(random, "random");
    }
    return table;
}

// A table of conditions: differences are to the unsteered run of the same prompts.
std::vector<SettingSummary> condition_table(const Plan& plan, const json& settings, const BySetting& test,
                                            const std::string& primary, bool behavioural,
                                            std::uint64_t seed) {
    std::vector<SettingSummary> table;
    for (const auto& setting : settings) {
        const std::string id = setting.at("id"), records = setting.value("same_as", id);
        table.push_back(setting_summary(setting, test.at(records), behavioural, plan, seed));
        const std::string clean = setting.value("clean", "");
        if (clean.empty()) continue;
        const auto [x, y] = paired(test, records, clean, primary);
        table.back().difference["unsteered"] = bootstrap_difference(x, y, plan.n_bootstrap, seed);
        std::tie(table.back().n_better, table.back().n_worse) = changes(x, y);
    }
    return table;
}

}  // namespace

TaskSummary summarise_task(const Plan& plan, const Units& units, const json& closing) {
    return summarise_task(plan, records_of(units, closing));
}

TaskSummary summarise_task(const Plan& plan, const TaskRecords& records) {
    const json& task = records.closing;
    const BySetting &test = records.test, &valid = records.valid;
    TaskSummary t;
    t.model = task.at("model");
    t.name = task.at("task");
    t.family = task.at("family");
    t.primary = task.at("primary");
    t.seed = task.at("seed");
    t.n_train = task.at("n_train");
    t.n_valid = task.at("n_valid");
    t.n_test = task.at("n_test");
    if (task.contains("scorer")) {
        t.scorer_accuracy = task["scorer"].at("accuracy");
        t.scorer_count = task["scorer"].at("count");
    }
    const bool behavioural = t.family == "behavioural";
    const Protocol& protocol = protocol_of(plan);
    const auto table = [&](const json& settings, const std::string& primary) {
        return (protocol.has_conditions() ? condition_table : test_table)(plan, settings, test, primary,
                                                                          behavioural, t.seed);
    };
    t.test = table(task.at("settings"), t.primary);
    for (const auto& part : task.value("tables", json::array()))
        t.tables.push_back({part.at("id"), part.at("title"), part.at("primary"),
                            table(part.at("settings"), part.at("primary"))});
    t.pairs = pairs_of(t, test, plan);
    for (const auto& setting : task.at("grid"))
        t.grid.push_back(setting_summary(setting, valid.at(setting.at("id").get<std::string>()), behavioural,
                                         plan, t.seed));
    for (const auto& layer : task.at("aie")) t.aie.push_back(layer.get<std::vector<double>>());
    for (const auto& head : task.at("top_heads"))
        t.top_heads.push_back({head.at("layer"), head.at("head"), head.at("aie")});
    const auto in_main = [&](const std::string& id) {
        return std::any_of(t.test.begin(), t.test.end(),
                           [&](const SettingSummary& setting) { return setting.id == id; });
    };
    for (const auto& item : task.at("items")) {
        if (static_cast<int>(t.examples.size()) >= plan.n_example) break;
        ExampleSummary e;
        e.item = item.at("item");
        e.input = item.at("input");
        e.target = item.at("target");
        for (const auto& [id, of_setting] : test)
            for (const json* record : of_setting)
                if (record->at("item") == e.item && in_main(id))
                    e.outputs[id] = record->value("generated", "");
        t.examples.push_back(std::move(e));
    }
    t.winners = winners_of(plan, t);
    protocol.analyse(plan, records, t);
    return t;
}

namespace {

// One family of tests: all pairs of all tasks. The verdicts say what stands after the adjustment.
void judge(Summary& s, const std::vector<TaskRecords>& records, const Plan& plan) {
    std::vector<double> p;
    for (const auto& t : s.tasks)
        for (const auto& pair : t.pairs) p.push_back(pair.p);
    const auto adjusted = holm(p);
    std::size_t next = 0;
    for (auto& t : s.tasks)
        for (auto& pair : t.pairs) pair.p_holm = adjusted[next++];
    const Protocol& protocol = protocol_of(plan);
    protocol.analyse_run(plan, records, s);
    for (auto& t : s.tasks) t.verdict = protocol.verdict(plan, t);
    s.findings = protocol.findings(plan, s);
}

Summary from_records(const Plan& plan, const Units& units, const json& environment) {
    Summary s;
    s.title = plan.title;
    s.question = protocol_of(plan).question();
    for (const auto& model : plan.models)
        for (const auto& m : environment.at("models"))
            if (m.at("plan_name") == model) {
                ModelSummary out;
                out.name = m.at("plan_name");
                out.path = m.at("name");
                out.digest = m.at("digest");
                out.architecture = m.at("architecture");
                out.quantisation = m.at("quantisation");
                out.n_param = m.at("n_param");
                out.file_bytes = m.at("file_bytes");
                out.n_layer = m.at("n_layer");
                out.n_embd = m.at("n_embd");
                out.n_head = m.at("n_head");
                out.post_norm = m.at("post_norm");
                s.models.push_back(out);
            }
    std::size_t n_checked = 0;
    std::vector<TaskRecords> records;
    std::vector<std::string> seen;
    for (const auto& name : environment.at("tasks")) {
        const auto closing = units.find(name.get<std::string>());
        if (closing == units.end()) continue;  // not finished yet
        const json& task = closing->second.at(0);
        records.push_back(records_of(units, task));
        s.tasks.push_back(summarise_task(plan, records.back()));
        const TaskSummary& t = s.tasks.back();
        n_checked += task.value("checked", false);
        if (const auto n = task.value("n_seen", std::size_t{0}); n > 0)
            seen.push_back(
                fmt::format("Of the {} test items of {} (seed {}), {} have an input that stands among the "
                            "training items: what is measured on them was seen. `tiller task check` lists "
                            "them.",
                            task.at("items").size(), t.name, t.seed, n));
        s.provenance.task_digests[t.name] = task.at("task_digest");
        const bool one = plan.models.size() == 1 && plan.seeds.size() == 1;
        for (const auto& [method, file] : task.at("vector_files").items())
            s.provenance.vector_files[one ? fmt::format("{}/{}", t.name, method)
                                          : fmt::format("{}/{}/s{}/{}", t.model, t.name, t.seed, method)] =
                file;
    }
    judge(s, records, plan);
    s.notes = std::move(seen);
    for (auto& note : protocol_of(plan).notes(plan)) s.notes.push_back(std::move(note));
    s.notes.push_back(fmt::format(
        "Intervals are 95 % bootstrap intervals over test items ({} resamples), widened for small "
        "samples; differences are paired by item. They say nothing about other seeds or other items of the "
        "domain.",
        plan.n_bootstrap));
    s.notes.push_back(std::string("A text counts as collapsed when: ") + collapse_rule() +
                      " So does a rewritten sentence with fewer than a quarter of its input's words.");
    s.notes.push_back(
        "Perplexity is exp of the mean negative log-probability per token of the output under the unsteered "
        "model, after the "
        "zero-shot prompt. Style is the probability that a fastText classifier, trained on the task's "
        "training split, gives to "
        "the output side's style. ROUGE-L compares the output with the task's own rewriting, with which the "
        "input shares words: read it beside zero-shot.");
    if (!s.tasks.empty())
        s.notes.push_back(
            n_checked == s.tasks.size()
                ? "Each model passed the fast part of tiller doctor before its first task: edits reach their "
                  "sites, edits that change nothing change nothing, rows do not leak into each other, heads "
                  "contribute what is said."
                : fmt::format("tiller doctor did not check the models' hooks before {} of {} tasks: it was "
                              "switched off.",
                              s.tasks.size() - n_checked, s.tasks.size()));
    s.provenance.program_version = environment.at("program_version");
    s.provenance.engine_version = environment.at("engine_version");
    s.provenance.machine = environment.at("machine").get<std::string>() + arithmetic_text(environment);
    s.provenance.command = environment.at("command");
    s.provenance.plan_toml = plan_toml(plan);
    s.provenance.plan_digest = sha256(s.provenance.plan_toml);
    return s;
}

}  // namespace

Summary summarise(const Plan& plan, const Units& units, const json& environment) {
    const auto damaged = [](const std::string& what) {
        return Error(
            Code::bad_input,
            fmt::format(
                "records.jsonl or environment.json was changed by hand or damaged ({}); move the run folder "
                "away and run the study again",
                what));
    };
    try {
        return from_records(plan, units, environment);
    } catch (const json::exception& e) {
        throw damaged(valid_utf8(e.what()));
    } catch (const std::out_of_range&) {
        throw damaged("a setting has no records");
    }
}

}  // namespace tiller::study

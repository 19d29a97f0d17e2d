// Vectors of one model applied to others of the same architecture, size and tokenizer, such as another
// quantisation of the same model.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>

#include "core/util.h"
#include "protocols/transfer/transfer.h"
#include "study/evaluate.h"
#include "study/units.h"
#include "tasks/forms.h"

namespace tiller::study {
namespace {

std::string of_model(const std::string& method, const std::string& model) {
    return fmt::format("{} of {}", method, model);
}

// The name of the unit of a second run. Its numbers depend on the vectors of all models, so the name has a
// digest of the keys of all.
std::string crossed_unit(const TaskClosing& own, const std::vector<ClosedTask>& closings) {
    Digest digest;
    for (const auto& closing : closings) digest.add(closing.part<TransferClosing>().key);
    return unit_name(own.model, own.task, own.seed, "other models", digest.hex());
}

bool fits(const SteeringVector& vector, const ModelInfo& info) {
    const Provenance& p = vector.provenance;
    return p.architecture == info.architecture && p.n_layer == info.n_layer && p.n_embd == info.n_embd &&
           p.tokenizer_digest == info.tokenizer_digest;
}

std::vector<ClosedTask> closings_like(const std::vector<TaskRecords>& records, const TaskClosing& closing) {
    std::vector<ClosedTask> out;
    for (const auto& r : records)
        if (r.closing.task.task == closing.task && r.closing.task.seed == closing.seed)
            out.push_back(r.closing);
    return out;
}

// Gains and hits of the vectors of one model applied to one model, over the items of all tasks and seeds.
struct Cell {
    std::vector<double> gain, hit, own_gain;  // own_gain: the target model's own vector on the same items
};

}  // namespace

std::string model_title(const Plan& plan, const std::string& model) {
    const auto stem = [](const std::string& name) { return std::filesystem::path(name).stem().string(); };
    const bool alone = std::count_if(plan.models.begin(), plan.models.end(), [&](const std::string& other) {
                           return stem(other) == stem(model);
                       }) == 1;
    return alone ? stem(model) : model;
}

bool Transfer::has_second_run(const Units& units, const ClosedTask& own,
                              const std::vector<ClosedTask>& closings) const {
    return units.contains(crossed_unit(own.task, closings));
}

void Transfer::second_run(TaskContext& c, const ClosedTask& own,
                          const std::vector<ClosedTask>& closings) const {
    const TaskForm form = task_form(c.task, c.plan.transfer.forms.front(), c.seed);
    std::vector<Candidate> candidates;
    for (const auto& closing : closings) {
        const TaskClosing& other = closing.task;
        if (other.model == own.task.model) continue;
        for (const auto& name : c.plan.methods) {
            const SteeringVector vector = load_vector(c.folder / other.vector_files.at(chosen_file(name)));
            if (!fits(vector, c.engine.info())) continue;
            Candidate k{of_model(name, other.model), of_model(name, other.model), name};
            k.setting = other.chosen.at(name);
            k.edits = edits_of(vector, find_method(name).strength(k.setting));
            k.prompt = [&](int item) { return form.prompt(c.split.train, item, 0, c.seed); };
            candidates.push_back(std::move(k));
        }
    }
    // An empty unit is written too: the next start then sees that the second run is done, without loading the
    // model.
    const EngineStats before = c.engine.stats();
    c.journal.append(crossed_unit(own.task, closings),
                     candidates.empty()
                         ? std::vector<ItemRecord>{}
                         : evaluate(c, c.test, candidates, Phase::test, "vectors of other models", false));
    charge(c, {"all"}, "other models", before);
}

namespace {

using Cells = std::map<std::string, std::map<std::pair<std::string, std::string>, Cell>>;

// [method][model of the vector, model it is applied to]. `fitting` gets the names of all models that took
// another model's vector or whose vector another took.
Cells cells_of(const Plan& plan, const std::vector<TaskRecords>& records, std::set<std::string>& fitting) {
    Cells cells;
    const std::string& home = plan.transfer.forms.front();
    for (const auto& r : records) {
        const TaskClosing& closing = r.closing.task;
        const auto unit = r.units.find(crossed_unit(closing, closings_like(records, closing)));
        if (unit == r.units.end()) continue;
        BySetting all = r.test;
        for (auto& record : read_records<ItemRecord>(unit->second)) all[record.setting].push_back(record);
        for (const auto& method : plan.methods)
            for (const auto& source : plan.models) {
                const std::string own = steered_in(method, home, home),
                                  id = source == closing.model ? own : of_model(method, source);
                if (!all.contains(id)) continue;
                const auto v = aligned(all, {id, unsteered_in(home), own}, "logprob");
                Cell& cell = cells[method][{source, closing.model}];
                for (std::size_t i = 0; i < v[0].size(); ++i) {
                    cell.gain.push_back(v[0][i] - v[1][i]);
                    cell.own_gain.push_back(v[2][i] - v[1][i]);
                }
                for (const auto& [item, hit] : values_of(all.at(id), "first_token")) cell.hit.push_back(hit);
                if (source != closing.model) fitting.insert({source, closing.model});
            }
    }
    return cells;
}

}  // namespace

std::vector<AnalysisSummary> analyse_models(const Plan& plan, const std::vector<TaskRecords>& records) {
    std::set<std::string> fitting;
    Cells cells = cells_of(plan, records, fitting);
    if (fitting.empty()) return {};
    std::vector<std::string> models;  // in the plan's order
    for (const auto& model : plan.models)
        if (fitting.count(model)) models.push_back(model);
    std::vector<AnalysisSummary> out = {
        {"quantisation", "Vectors of other quantisations: gain",
         "Rows: the model a vector was taken and its setting chosen on; columns: the model it is applied to, "
         "of the same shape and tokenizer. Log-probability over that model unsteered, in nats, in the first "
         "form; intervals over the items of all tasks and seeds.",
         "vector"},
        {"quantisation-accuracy", "Vectors of other quantisations: first-token accuracy", "", "vector"},
        {"quantisation-kept", "Vectors of other quantisations: share of the gain",
         "Gain, divided by the gain of the target model's own vector; no number where that is not clearly "
         "above 0.",
         "vector"}};
    for (auto& table : out)
        for (const auto& model : models)
            table.columns.push_back({model_title(plan, model), "on " + model_title(plan, model)});
    const auto mean = [&](const std::vector<double>& values) {
        return values.empty() ? no_number() : bootstrap_mean(values, Scale::number, plan.n_bootstrap, 0);
    };
    for (const auto& method : plan.methods)
        for (const auto& source : models) {
            const std::string from = model_title(plan, source);
            for (auto& table : out)
                table.rows.push_back({.id = method + " " + from,
                                      .label = method + " from " + from,
                                      .values = {},
                                      .about = {{"method", method}, {"from", from}}});
            for (const auto& target : models) {
                const Cell& cell = cells[method][{source, target}];
                out[0].rows.back().values.push_back(mean(cell.gain));
                out[1].rows.back().values.push_back(mean(cell.hit));
                const Interval ratio = bootstrap_ratio(cell.gain, cell.own_gain, plan.n_bootstrap, 0);
                out[2].rows.back().values.push_back(
                    source == target && std::isfinite(ratio.mean) ? plain_number(1) : ratio);
            }
        }
    return out;
}

}  // namespace tiller::study

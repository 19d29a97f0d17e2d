// Vectors of one model applied to others of the same shape and tokenizer: the same model in another
// quantisation.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <set>

#include "core/util.h"
#include "study/cost_ledger.h"
#include "study/forms.h"
#include "study/transfer/transfer.h"
#include "tiller/statistics.h"

namespace tiller::study {
namespace {

using nlohmann::json;

std::string of_model(const std::string& method, const std::string& model) {
    return fmt::format("{} of {}", method, model);
}

// The unit holds vectors of all models, so its name holds a digest of all their keys.
std::string crossed_unit(const json& own, const std::vector<const json*>& closings) {
    Digest digest;
    for (const json* closing : closings) digest.add(closing->at("key").get<std::string>());
    return unit_name(own.at("model"), own.at("task"), own.at("seed").get<std::uint64_t>(), "other models",
                     digest.hex());
}

bool fits(const SteeringVector& vector, const ModelInfo& info) {
    const Provenance& p = vector.provenance;
    return p.architecture == info.architecture && p.n_layer == info.n_layer && p.n_embd == info.n_embd &&
           p.tokenizer_digest == info.tokenizer_digest;
}

std::vector<const json*> closings_like(const std::vector<TaskRecords>& records, const json& closing) {
    std::vector<const json*> out;
    for (const auto& r : records)
        if (r.closing.at("task") == closing.at("task") && r.closing.at("seed") == closing.at("seed"))
            out.push_back(&r.closing);
    return out;
}

// Gains and hits of vectors by the model they were taken on and the one they are applied to.
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

bool has_crossed_models(const Units& units, const json& own, const std::vector<const json*>& closings) {
    return units.count(crossed_unit(own, closings)) > 0;
}

void cross_models(TaskContext& c, const json& own, const std::vector<const json*>& closings) {
    const std::string& home = c.plan.transfer.forms.front();
    const TaskForm form = task_form(c.task, home, c.seed);
    std::vector<Candidate> candidates;
    for (const json* other : closings) {
        if (other->at("model") == own.at("model")) continue;
        for (const auto& name : c.plan.methods) {
            const auto file = other->at("vector_files").at(chosen_file(name)).get<std::string>();
            const SteeringVector vector = load_vector(c.folder / file);
            if (!fits(vector, c.engine.info())) continue;
            Candidate k;
            k.id = of_model(name, other->at("model"));
            k.label = k.id;
            k.method = name;
            k.setting = other->at("chosen").at(name).get<Setting>();
            k.edits = edits_of(vector, find_method(name).strength(k.setting));
            k.prompt = [&](int item) { return form.prompt(c.split.train, item, 0, c.seed); };
            candidates.push_back(std::move(k));
        }
    }
    // Also where no model fits: so that the next start knows without loading the model.
    const EngineStats before = c.engine.stats();
    c.journal.append(crossed_unit(own, closings),
                     candidates.empty()
                         ? std::vector<json>{}
                         : evaluate(c, c.test, candidates, "test", "vectors of other models", false));
    add_cost(c.folder, spent({c.model_name, c.task.name, "all", "other models"}, before, c.engine.stats()));
}

std::vector<AnalysisSummary> analyse_models(const Plan& plan, const std::vector<TaskRecords>& records) {
    // By method, model of the vector, model it is applied to.
    std::map<std::string, std::map<std::pair<std::string, std::string>, Cell>> cells;
    const std::string& home = plan.transfer.forms.front();
    std::set<std::string> fitting;
    for (const auto& r : records) {
        const auto unit = r.units.find(crossed_unit(r.closing, closings_like(records, r.closing)));
        if (unit == r.units.end()) continue;
        BySetting all = r.test;
        for (const auto& record : unit->second)
            all[record.at("setting").get<std::string>()].push_back(&record);
        const auto target = r.closing.at("model").get<std::string>();
        for (const auto& method : plan.methods)
            for (const auto& source : plan.models) {
                const std::string own = steered_in(method, home, home),
                                  id = source == target ? own : of_model(method, source);
                if (!all.count(id)) continue;
                const auto v = aligned(all, {id, unsteered_in(home), own}, "logprob");
                Cell& cell = cells[method][{source, target}];
                for (std::size_t i = 0; i < v[0].size(); ++i) {
                    cell.gain.push_back(v[0][i] - v[1][i]);
                    cell.own_gain.push_back(v[2][i] - v[1][i]);
                }
                for (const auto& [item, hit] : values_of(all.at(id), "first_token")) cell.hit.push_back(hit);
                if (source != target) fitting.insert({source, target});
            }
    }
    if (fitting.empty()) return {};
    std::vector<std::string> models;  // in the plan's order
    for (const auto& model : plan.models)
        if (fitting.count(model)) models.push_back(model);
    std::vector<AnalysisSummary> out(3);
    out[0] = {
        "quantisation",
        "Vectors of other quantisations: gain",
        "Rows: the model a vector was taken and its setting chosen on; columns: the model it is applied "
        "to, of the same shape and tokenizer. Log-probability over that model unsteered, in nats, in the "
        "first form; intervals over the items of all tasks and seeds.",
        "vector",
        {},
        {}};
    out[1] = {"quantisation-accuracy",
              "Vectors of other quantisations: first-token accuracy",
              "",
              "vector",
              {},
              {}};
    out[2] = {
        "quantisation-kept",
        "Vectors of other quantisations: share of the gain",
        "Gain, divided by the gain of the target model's own vector; no number where that is not clearly "
        "above 0.",
        "vector",
        {},
        {}};
    for (auto& table : out)
        for (const auto& model : models) table.columns.push_back("on " + model_title(plan, model));
    const auto none = plain_number(std::numeric_limits<double>::quiet_NaN());
    for (const auto& method : plan.methods)
        for (const auto& source : models) {
            for (auto& table : out)
                table.rows.push_back({method + " from " + model_title(plan, source), {}, ""});
            for (const auto& target : models) {
                const Cell& cell = cells[method][{source, target}];
                const auto mean = [&](const std::vector<double>& values) {
                    return values.empty() ? none : bootstrap_mean(values, plan.n_bootstrap, 0);
                };
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

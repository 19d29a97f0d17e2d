#include <cmath>

#include "core/util.h"
#include "report/sweep_tree.h"

namespace tiller {
namespace report {

using Json = nlohmann::json;

Json interval_tree(const Interval& i) { return {{"mean", i.mean}, {"low", i.low}, {"high", i.high}}; }

Json score_tree(const SweepScore& s) {
    const bool scored = s.n > s.n_broken;
    return {{"n", s.n},
            {"n_broken", s.n_broken},
            {"first_token", s.n > 0 ? interval_tree(s.first_token) : Json()},
            {"logprob", scored ? interval_tree(s.logprob) : Json()}};
}

Json items_tree(const ItemScores& items) {
    std::string hits;
    for (const auto hit : items.hit) hits += hit ? '1' : '0';
    Json logprobs = Json::array();
    for (const double l : items.logprob) logprobs.push_back(std::isfinite(l) ? Json(l) : Json());
    return {{"hits", hits}, {"logprobs", logprobs}};
}

}  // namespace report

namespace {

using namespace report;

Json cell_tree(const SweepCell& cell) {
    Json out = items_tree(cell.items);
    out["all"] = score_tree(cell.all);
    out["filtered"] = score_tree(cell.filtered);
    if (cell.heads > 0) out["heads"] = cell.heads, out["layer"] = cell.layer, out["scale"] = cell.scale;
    return out;
}

}  // namespace

std::string sweep_json(const Sweep& sweep) {
    Json items = Json::array(), columns = Json::array();
    for (const SweepItem& item : sweep.items) {
        Json outputs = Json::array();
        for (const auto& output : item.outputs) outputs.push_back(valid_utf8(output));
        items.push_back({{"item", item.item},
                         {"input", valid_utf8(item.input)},
                         {"outputs", outputs},
                         {"kept", item.kept}});
    }
    for (const SweepColumn& column : sweep.columns) {
        Json cells = Json::array();
        for (const SweepCell& cell : column.cells) cells.push_back(cell_tree(cell));
        columns.push_back({{"context", sweep_context_name(column.context)},
                           {"unsteered", cell_tree(column.unsteered)},
                           {"settings", cells},
                           {"best", column.best}});
    }
    const SweepPlan& plan = sweep.plan;
    const Json out = {
        {"format", "tiller.sweep/1"},
        {"program_version", sweep.program_version},
        {"model",
         {{"name", valid_utf8(sweep.model)},
          {"digest", sweep.model_digest},
          {"architecture", sweep.architecture},
          {"quantisation", sweep.quantisation},
          {"n_layer", sweep.n_layer},
          {"n_head_total", sweep.n_head_total}}},
        {"task", {{"name", valid_utf8(sweep.task)}, {"digest", sweep.task_digest}, {"family", sweep.family}}},
        {"vector", {{"file", valid_utf8(sweep.vector_file)}, {"prompts_digest", sweep.prompts_digest}}},
        {"plan",
         {{"heads", plan.heads},
          {"layers", plan.layers},
          {"scales", plan.scales},
          {"n_test", plan.n_test},
          {"n_shot", plan.n_shot},
          {"n_mean", plan.extraction.n_mean},
          {"n_patch", plan.extraction.n_patch},
          {"n_shot_search", plan.extraction.n_shot},
          {"n_bootstrap", plan.n_bootstrap},
          {"seed", plan.seed}}},
        {"items", items},
        {"few_shot", cell_tree(sweep.few_shot)},
        {"contexts", columns}};
    return out.dump() + "\n";
}

}  // namespace tiller

// What a task's closing record keeps of its methods, and what the tables share.
#include "study/tuned/evidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "methods/predictors.h"
#include "study/first_token.h"
#include "tiller/error.h"
#include "tiller/vocabulary.h"

namespace tiller::study {
namespace {

using nlohmann::json;

// Training items whose answers are looked for: enough for a median.
constexpr std::size_t kReadItems = 100;

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const std::size_t n = values.size();
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

// First tokens of the training items' right answers.
std::vector<Token> answers(const TaskContext& c) {
    std::vector<Token> tokens;
    for (std::size_t i = 0; i < std::min(c.split.train.size(), kReadItems); ++i) {
        const auto of_item = answer_tokens(
            c.engine.model(), make_test_prompt(c.task, c.split.train, c.split.train[i], 0, c.seed));
        if (!of_item.empty()) tokens.push_back(of_item.front());
    }
    return tokens;
}

// Each direction through the output head, at the layer where it speaks most for the answers.
json read_answers(TaskContext& c, const SteeringVector& base) {
    SteeringVector vector = base;
    std::erase_if(vector.directions, [](const auto& direction) {
        return std::all_of(direction.second.begin(), direction.second.end(), [](float x) { return x == 0; });
    });
    ReadOptions options;
    options.n_top = 1;
    options.watch = answers(c);
    if (vector.directions.empty() || options.watch.empty()) return json::object();
    try {
        const auto toward = read_vocabulary(c.engine, vector, options);
        options.scale = -1;
        const auto away = read_vocabulary(c.engine, vector, options);
        std::vector<double> gains, ranks;
        for (std::size_t l = 0; l < toward.size(); ++l) {
            double gain = 0;
            for (std::size_t i = 0; i < options.watch.size(); ++i)
                gain += static_cast<double>(toward[l].watch_logprob[i] - away[l].watch_logprob[i]);
            gains.push_back(gain / static_cast<double>(options.watch.size()));
            ranks.push_back(median({toward[l].watch_rank.begin(), toward[l].watch_rank.end()}));
        }
        // Ranks of records count from 0, those of reports from 1.
        return {{"lens_gain", *std::max_element(gains.begin(), gains.end())},
                {"lens_rank", *std::min_element(ranks.begin(), ranks.end()) + 1}};
    } catch (const Error& e) {
        // A direction that the output head cannot read may steer all the same.
        if (e.code() != Code::bad_input) throw;
        return json::object();
    }
}

// The settings of a vector file are texts, and nobody promises what is in them.
void set_number(json& object, const std::string& key, const std::string& text) {
    const json value = json::parse(text, nullptr, false);
    if (value.is_number()) object[key] = value;
}

}  // namespace

json method_evidence(TaskContext& c, const Method& method, const SteeringVector& base,
                     const SteeringVector& applied) {
    json predictors = json::object();
    const auto& settings = base.provenance.settings;
    for (const auto& [key, value] : settings)
        if (key.starts_with("predictor.")) set_number(predictors, key.substr(10), value);
    if (const auto aie = has_effects(base) ? aie_predictors(base.aie) : std::nullopt) {
        predictors["aie_top"] = aie->top_share;
        predictors["aie_gini"] = aie->gini;
    }
    if (!c.behavioural()) {
        std::vector<std::string> ignored;
        const auto& records = unit(c, "predict/" + method.name(), method.name(), "predict", ignored, [&] {
            return std::vector<json>{{{"type", "reading"},
                                      {"model", c.model_name},
                                      {"task", c.task.name},
                                      {"seed", c.seed},
                                      {"method", method.name()},
                                      {"predictors", read_answers(c, base)}}};
        });
        predictors.update(records.at(0).at("predictors"));
    }
    std::size_t n_value = 0;
    for (const auto& [layer, direction] : applied.directions) n_value += direction.size();
    json evidence = {{"bytes", n_value * sizeof(float)}, {"predictors", predictors}};
    if (!base.aie.empty() && !has_effects(base))
        evidence["head_scores"] = {{"name", head_score_name(base)}, {"values", base.aie}};
    const auto& inputs = applied.provenance.settings;  // the chosen number of pairs may be another one
    for (const char* what : {"texts", "tokens"})
        if (const auto it = inputs.find(std::string("input.") + what); it != inputs.end())
            set_number(evidence, what, it->second);
    return evidence;
}

std::string few_shot_id(const Plan& plan, bool behavioural) {
    return fmt::format("{}-shot", behavioural ? plan.n_shot_behavioural : plan.n_shot);
}

}  // namespace tiller::study

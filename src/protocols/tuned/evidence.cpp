// What a task's closing record says of its methods besides scores (Evidence), and a helper of the tables.
#include "protocols/tuned/evidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "methods/predictors.h"
#include "study/first_token.h"
#include "study/units.h"
#include "tiller/error.h"
#include "tiller/vocabulary.h"

namespace tiller::study {
namespace {

// Training items whose answers are looked for in the vector, at most: enough for a median.
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
        const auto of_item = answer_tokens(c.engine.model(), c.plain_prompt(c.split.train[i]));
        if (!of_item.empty()) tokens.push_back(of_item.front());
    }
    return tokens;
}

// Reads each layer's direction through the output head. "lens_gain": how much likelier the direction makes
// the right answers than its opposite does, in nats, at the layer where that is most. "lens_rank": the
// answers' median rank at the layer where it is lowest. Empty when nothing can be read.
Setting read_answers(TaskContext& c, const SteeringVector& base) {
    SteeringVector vector = base;
    std::erase_if(vector.directions, [](const auto& direction) {
        return std::all_of(direction.second.begin(), direction.second.end(), [](float x) { return x == 0; });
    });
    ReadOptions options;
    options.n_top = 1;
    options.watch = answers(c);
    if (vector.directions.empty() || options.watch.empty()) return {};
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
        // Ranks count from 0 in VocabularyReading and from 1 in reports.
        return {{"lens_gain", *std::max_element(gains.begin(), gains.end())},
                {"lens_rank", *std::min_element(ranks.begin(), ranks.end()) + 1}};
    } catch (const Error& e) {
        // A direction that the output head cannot read may steer all the same.
        if (e.code() != Code::bad_input) throw;
        return {};
    }
}

// The number that a whole text is; none otherwise. Settings in vector files are free texts.
template <class T>
std::optional<T> number_in(const std::string& text) {
    T value{};
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    return fault == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

}  // namespace

Evidence method_evidence(TaskContext& c, const Method& method, const SteeringVector& base,
                         const SteeringVector& applied) {
    Evidence evidence;
    for (const auto& [key, text] : base.provenance.settings)
        if (const auto value = number_in<double>(text);
            key.starts_with("predictor.") && value && std::isfinite(*value))
            evidence.predictors[key.substr(10)] = *value;
    if (const auto aie = has_effects(base) ? aie_predictors(base.aie) : std::nullopt) {
        evidence.predictors["aie_top"] = aie->top_share;
        evidence.predictors["aie_gini"] = aie->gini;
    }
    if (!c.behavioural()) {
        std::vector<std::string> ignored;
        const auto reading = unit<ReadingRecord>(
            c, "predict/" + method.name(), {method.name()}, "predict", ignored,
            [&]() -> std::vector<ReadingRecord> {
                return {{c.model_name, c.task.name, c.seed, method.name(), read_answers(c, base)}};
            });
        for (const auto& [name, value] : reading.at(0).predictors) evidence.predictors[name] = value;
    }
    evidence.bytes = 0;
    for (const auto& [layer, direction] : applied.directions)
        *evidence.bytes += direction.size() * sizeof(float);
    if (!base.aie.empty() && !has_effects(base)) evidence.head_scores = {head_score_name(base), base.aie};
    const auto& inputs = applied.provenance.settings;  // not base's: the number of pairs may differ
    for (const auto& [name, field] :
         {std::pair("input.texts", &evidence.texts), std::pair("input.tokens", &evidence.tokens)})
        if (const auto it = inputs.find(name); it != inputs.end())
            *field = number_in<std::uint64_t>(it->second);
    return evidence;
}

std::optional<AnalysisSummary> filled(AnalysisSummary table) {
    if (table.rows.empty()) return {};
    return table;
}

}  // namespace tiller::study

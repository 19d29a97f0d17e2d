#include "protocols/tuned/tuned_records.h"

#include "study/record_json.h"

namespace tiller::study {
namespace {

// Predictors that come from the texts of vector files are written as those texts are: 1, not 1.0.
nlohmann::json predictor_json(const std::string& name, double value) {
    const bool is_text = !name.starts_with("aie_") && !name.starts_with("lens_");
    if (is_text && value == std::floor(value) && std::abs(value) < 1e15)
        return static_cast<std::int64_t>(value);
    return JsonWriter::value(value);
}

}  // namespace

template <class V, Is<HeadScores> T>
void fields(V& visit, T& x) {
    visit("name", x.name), visit("values", x.values);
}
template <class V, Is<Evidence> T>
void fields(V& visit, T& x) {
    visit.optional("bytes", x.bytes), visit.mapped("predictors", x.predictors, predictor_json);
    visit.optional("texts", x.texts), visit.optional("tokens", x.tokens);
    visit.optional("head_scores", x.head_scores);
}
template <class V, Is<Selection> T>
void fields(V& visit, T& x) {
    visit.optional("default", x.standard), visit.optional("chosen", x.chosen);
}
template <class V, Is<TunedClosing> T>
void fields(V& visit, T& x) {
    visit.newer("selection", x.selection), visit.newer("oracle_units", x.oracle_units);
    visit.newer("evidence", x.evidence), visit.optional("second_judge", x.second_judge);
}
template <class V, Is<ReadingRecord> T>
void fields(V& visit, T& x) {
    visit.constant("type", "reading"), visit("model", x.model), visit("task", x.task), visit("seed", x.seed);
    visit("method", x.method), visit("predictors", x.predictors);
}

template <class V, Is<ControlRecord> T>
void fields(V& visit, T& x) {
    visit.constant("type", "control"), visit("model", x.model), visit("task", x.task), visit("seed", x.seed);
    visit("method", x.method), visit("tried", x.tried), visit("strength", x.strength), visit("kl", x.kl);
}

TILLER_RECORD(ReadingRecord);
TILLER_RECORD(ControlRecord);
TILLER_CLOSING_PART(TunedClosing);

}  // namespace tiller::study

#include "protocols/dose/dose_records.h"

#include "study/record_json.h"

namespace tiller::study {

const char* outcome_name(DoseOutcome outcome) noexcept {
    switch (outcome) {
        case DoseOutcome::reached: return "reached";
        case DoseOutcome::saturates: return "saturates";
        case DoseOutcome::jumps: return "jumps";
    }
    return "unknown";
}

template <class O>
auto outcome_field(O& outcome) {
    return named(outcome, outcome_name, {DoseOutcome::reached, DoseOutcome::saturates, DoseOutcome::jumps});
}

template <class O>
auto optional_outcome(O& outcome) {
    const auto get = [&] { return outcome ? std::string(outcome_name(*outcome)) : std::string(); };
    const auto set = [&](const std::string& text) {
        DoseOutcome found{};
        std::string expected = outcome_field(found).set(text);
        if constexpr (!std::is_const_v<O>)
            if (expected.empty()) outcome = found;
        return expected;
    };
    return AsText<decltype(get), decltype(set)>{get, set};
}

template <class V, Is<DoseRecord> T>
void fields(V& visit, T& x) {
    visit("model", x.model), visit("task", x.task), visit("seed", x.seed), visit.constant("phase", "dose");
    visit("setting", x.setting), visit("strength", x.strength), visit("dose", x.dose);
    visit.optional("items", x.items), visit.optional("kl", x.kl);
    visit.optional("target", x.target), visit.optional("outcome", optional_outcome(x.outcome));
}
template <class V, Is<DoseEntry> T>
void fields(V& visit, T& x) {
    visit("method", x.method), visit("control", x.control), visit("target", x.target);
    visit("outcome", outcome_field(x.outcome)), visit("strength", x.strength), visit("dose", x.dose);
    visit("setting", x.setting);
}
template <class V, Is<DoseClosing> T>
void fields(V& visit, T& x) {
    visit("doses", x.doses), visit("unrelated", x.unrelated), visit("dose_units", x.dose_units);
    visit("damage_units", x.damage_units);
}

TILLER_RECORD(DoseRecord);
TILLER_CLOSING_PART(DoseClosing);

}  // namespace tiller::study

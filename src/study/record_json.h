// The definitions of record_lines() and read_record(). A source file that has a type's fields() instantiates
// them with TILLER_RECORD(Type).
#pragma once

#include "scoring/metrics.h"
#include "study/records.h"
#include "study/summary_fields.h"
#include "tiller/error.h"

namespace tiller::study {

// Metrics with Metric::whole, like hits and ranks, are written as whole numbers.
inline nlohmann::json score_json(const std::string& key, double score) {
    const Metric* metric = find_recorded(key);
    if (metric && metric->whole && std::isfinite(score)) return static_cast<std::int64_t>(score);
    return JsonWriter::value(score);
}

template <class V, Is<ItemRecord> T>
void fields(V& visit, T& x) {
    visit("model", x.model), visit("task", x.task), visit("seed", x.seed);
    visit("phase", named(x.phase, phase_name, {Phase::valid, Phase::test, Phase::oracle, Phase::damage}));
    visit("setting", x.setting), visit("item", x.item);
    visit.optional("draw", x.draw), visit.optional("n_prompt", x.n_prompt),
        visit.optional("n_token", x.n_token);
    visit.optional("generated", x.generated), visit.optional("broken", x.broken);
    visit.skip("unit");
    visit.others(x.scores, score_json);
}
template <class V, Is<HitsRecord> T>
void fields(V& visit, T& x) {
    visit("hits", x.hits), visit("logprobs", x.logprobs);
}
template <class V, Is<SettingRecord> T>
void fields(V& visit, T& x) {
    visit("id", x.id), visit("label", x.label), visit("method", x.method);
    visit("kind", kind_field(x.kind, x.layers)), visit("setting", x.setting);
    visit.optional("clean", x.clean), visit.optional("same_as", x.same_as);
}
template <class V, Is<TableRecord> T>
void fields(V& visit, T& x) {
    visit("id", x.id), visit("title", x.title), visit("primary", x.primary), visit("settings", x.settings);
}
template <class V, Is<ItemText> T>
void fields(V& visit, T& x) {
    visit("item", x.item), visit("input", x.input), visit("target", x.target);
}
template <class V, Is<ScorerRecord> T>
void fields(V& visit, T& x) {
    visit("accuracy", x.accuracy), visit("count", x.count);
}
template <class V, Is<TaskClosing> T>
void fields(V& visit, T& x) {
    visit.constant("type", "task");
    visit("model", x.model), visit("task", x.task), visit("family", family_field(x.family));
    visit("primary", x.primary), visit("seed", x.seed), visit("n_train", x.n_train);
    visit("n_valid", x.n_valid), visit("n_test", x.n_test), visit("task_digest", x.task_digest);
    visit.newer("n_seen", x.n_seen), visit.newer("checked", x.checked);
    visit("items", x.items), visit.optional("scorer", x.scorer);
    visit("settings", x.settings), visit.optional("tables", x.tables), visit("grid", x.grid);
    visit("chosen", x.chosen), visit.optional("chosen_by_draw", x.chosen_by_draw), visit("aie", x.aie),
        visit("top_heads", x.top_heads);
    visit("valid_units", x.valid_units), visit("test_units", x.test_units);
    visit.newer("vector_prompts", x.vector_prompts), visit("vector_files", x.vector_files);
}

template <class T>
std::vector<std::string> record_lines(const std::vector<T>& records, const std::string& unit) {
    std::vector<std::string> lines;
    for (const auto& record : records) {
        auto json = JsonWriter::value(record);
        json["unit"] = valid_utf8(unit);
        lines.push_back(json.dump());
    }
    return lines;
}

template <class T>
T read_record(const std::string& line) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    T out{};
    try {
        JsonReader::value(json, JsonPlace{nullptr, "record", 0, false}, out);
    } catch (const JsonMisfit& misfit) {
        throw Error(Code::bad_input,
                    fmt::format("records.jsonl was changed by hand or damaged ({}: found {}, expected {}); "
                                "move the run folder away and run the study again",
                                misfit.path, misfit.found, misfit.expected));
    }
    return out;
}

template <class V, class Part>
void fields(V& visit, const ClosingWith<Part>& x) {
    fields(visit, x.task);
    fields(visit, x.part);
}
template <class V, class Part>
void fields(V& visit, ClosingWith<Part>& x) {
    fields(visit, x.task);
    fields(visit, x.part);
}

#define TILLER_RECORD(Type)                                                                       \
    template std::vector<std::string> record_lines(const std::vector<Type>&, const std::string&); \
    template Type read_record<Type>(const std::string&)
/// The same for the part that a protocol adds to closing records, and for closing records with it.
#define TILLER_CLOSING_PART(Part) \
    TILLER_RECORD(Part);          \
    TILLER_RECORD(ClosingWith<Part>)

}  // namespace tiller::study

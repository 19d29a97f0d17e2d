// The fields of a summary's structs, for writing and reading (json_fields.h).
#pragma once

#include "study/json_fields.h"
#include "tiller/summary.h"

namespace tiller {
namespace study {

template <class F>
auto family_field(F& family) {
    return named(family, family_name, {Family::functional, Family::extractive, Family::behavioural});
}

/// A setting's kind and its code of edit layers in one field, as the text kind_text(). When reading, a text
/// that is no kind's name is taken as a code of layers, and the kind is `condition`.
template <class K, class Text>
auto kind_field(K& kind, Text& layers) {
    const auto get = [&] { return layers.empty() ? std::string(kind_name(kind)) : layers; };
    const auto set = [&](const std::string& text) -> std::string {
        if constexpr (!std::is_const_v<K>) {
            const std::string expected =
                named(kind, kind_name,
                      {Kind::baseline, Kind::paper, Kind::chosen, Kind::control, Kind::grid, Kind::condition,
                       Kind::dose, Kind::transfer, Kind::composition, Kind::shots})
                    .set(text);
            if (!expected.empty()) kind = Kind::condition, layers = text;
        }
        return "";
    };
    return AsText<decltype(get), decltype(set)>{get, set};
}

}  // namespace study

using study::Each;
using study::Is;

template <class V, Is<Interval> T>
void fields(V& visit, T& x) {
    visit("mean", x.mean), visit("low", x.low), visit("high", x.high);
}
template <class V, Is<SettingSummary> T>
void fields(V& visit, T& x) {
    visit("id", x.id), visit("label", x.label), visit("method", x.method);
    visit("kind", study::kind_field(x.kind, x.layers));
    visit("setting", x.setting), visit("n", x.n), visit("metrics", x.metrics);
    visit("difference", x.difference), visit("n_better", x.n_better), visit("n_worse", x.n_worse);
    visit.optional("by_draw", x.by_draw), visit.optional("p_works", x.p_works);
}
template <class V, Is<PairSummary> T>
void fields(V& visit, T& x) {
    visit("a", x.a), visit("b", x.b), visit("difference", x.difference), visit("n_better", x.n_better);
    visit("n_worse", x.n_worse), visit("p", x.p), visit("p_holm", x.p_holm);
    visit.optional("n_draw", x.n_draw), visit.optional("n_draw_better", x.n_draw_better);
    visit.optional("n_draw_worse", x.n_draw_worse);
}
template <class V, Is<TableSummary> T>
void fields(V& visit, T& x) {
    visit("id", x.id), visit("title", x.title), visit("primary", x.primary);
    visit("settings", x.settings);
}
template <class V, Is<AnalysisRow> T>
void fields(V& visit, T& x) {
    visit.optional("id", x.id), visit("label", x.label), visit("values", x.values);
    visit("remark", x.remark), visit.optional("about", x.about), visit.optional("setting", x.setting);
}
template <class V, Is<AnalysisSummary> T>
void fields(V& visit, T& x) {
    visit("id", x.id), visit("title", x.title), visit("note", x.note), visit("head", x.head);
    visit("columns", Each{x.columns, &AnalysisColumn::label});
    visit.optional("column_ids", Each{x.columns, &AnalysisColumn::id}), visit("rows", x.rows),
        visit("headline", x.headline);
}
template <class V, Is<ExampleSummary> T>
void fields(V& visit, T& x) {
    visit("item", x.item), visit("input", x.input), visit("target", x.target), visit("outputs", x.outputs);
}
template <class V, Is<WinnerSummary> T>
void fields(V& visit, T& x) {
    visit("method", x.method), visit("setting", x.setting), visit("file", x.file);
    visit.newer("shown", x.shown), visit.skip("collapses");
    visit.optional("chat", x.chat), visit.optional("chat_template", x.chat_template);
}
template <class V, Is<HeadEffectSummary> T>
void fields(V& visit, T& x) {
    visit("layer", x.layer), visit("head", x.head), visit("aie", x.aie);
}
template <class V, Is<TaskSummary> T>
void fields(V& visit, T& x) {
    visit("model", x.model), visit("name", x.name);
    visit("family", study::family_field(x.family)), visit("primary", x.primary);
    visit("seed", x.seed), visit("n_train", x.n_train), visit("n_valid", x.n_valid);
    visit("n_test", x.n_test), visit("scorer_accuracy", x.scorer_accuracy);
    visit("scorer_count", x.scorer_count), visit("test", x.test), visit("pairs", x.pairs);
    visit("tables", x.tables), visit("analyses", x.analyses), visit("grid", x.grid), visit("aie", x.aie);
    visit("top_heads", x.top_heads), visit("examples", x.examples), visit("verdict", x.verdict);
    visit("winners", x.winners);
}
/// `name` and `path` are what the file calls the model's two names: environments differ from summaries there.
template <class V, class T>
void model_fields(V& visit, T& x, const char* name, const char* path) {
    visit(name, x.name), visit(path, x.path), visit("digest", x.digest);
    visit("architecture", x.architecture), visit("quantisation", x.quantisation);
    visit("n_param", x.n_param), visit("file_bytes", x.file_bytes), visit("n_layer", x.n_layer);
    visit("n_embd", x.n_embd), visit("n_head", x.n_head), visit("post_norm", x.post_norm);
    visit.optional("chat_template", x.chat_template);
}
template <class V, Is<ModelSummary> T>
void fields(V& visit, T& x) {
    model_fields(visit, x, "name", "path");
}
template <class V, Is<ProvenanceSummary> T>
void fields(V& visit, T& x) {
    visit("program_version", x.program_version), visit("engine_version", x.engine_version);
    visit("plan_digest", x.plan_digest), visit("plan_toml", x.plan_toml), visit("command", x.command);
    visit("machine", x.machine), visit("task_digests", x.task_digests);
    visit("vector_files", x.vector_files);
}
template <class V, Is<Summary> T>
void fields(V& visit, T& x) {
    visit("title", x.title), visit("question", x.question), visit("findings", x.findings);
    visit("notes", x.notes), visit("models", x.models), visit("tasks", x.tasks);
    visit("analyses", x.analyses);
    visit("provenance", x.provenance);
}
template <class V, Is<Cost> T>
void fields(V& visit, T& x) {
    visit("model", x.model), visit("task", x.task), visit("method", x.method), visit("phase", x.phase);
    visit("n_decode", x.n_decode), visit("n_token", x.n_token), visit("seconds", x.seconds);
}

}  // namespace tiller

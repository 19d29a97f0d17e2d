// Runs settings on items and scores what comes out.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/util.h"
#include "study/dose/dose.h"
#include "study/first_token.h"
#include "study/paper/paper.h"
#include "study/progress_scope.h"
#include "tiller/error.h"

namespace tiller::study {
namespace {

using nlohmann::json;

Prompt prompt_of(const TaskContext& c, int item, const Candidate& k) {
    if (k.prompt) return k.prompt(item);
    Prompt prompt = k.natural_text.empty() ? make_test_prompt(c.task, c.split.train, item, k.n_shot, c.seed,
                                                              k.permuted_labels, k.form)
                                           : make_natural_prompt(c.task, item, k.natural_text);
    if (c.plan.is_paper() && has_defect(c.plan, "first_answer_only")) prompt.targets.resize(1);
    return prompt;
}

Row row_of(const TaskContext& c, const Candidate& candidate, const Prompt& prompt, int item, bool generate) {
    Row row;
    row.prompt = c.engine.model().tokenize_prompt(prompt.text);
    row.edits = candidate.edits;
    row.want_logits = candidate.want_dose;
    if (!c.behavioural()) row.watch = answer_tokens(c.engine.model(), prompt);
    if (generate) {
        row.max_new_tokens = c.behavioural() ? c.plan.max_new_tokens_behavioural : c.plan.max_new_tokens;
        // The paper's scores are of the whole output, whatever stands behind the answer.
        if (!c.behavioural() && !c.plan.is_paper()) row.stop = {"\n"};
        // A row's seed is its own, so that its text does not depend on what else is run.
        const auto digest = Digest()
                                .add(c.seed)
                                .add(c.task.name)
                                .add(candidate.id)
                                .add(static_cast<std::uint64_t>(item))
                                .hex();
        row.sampling = {c.plan.temperature, c.plan.top_p, c.plan.top_k,
                        static_cast<std::uint32_t>(std::stoul(digest.substr(0, 8), nullptr, 16))};
        if (c.plan.is_paper() && candidate.method == "fv" && has_defect(c.plan, "greedy_fv"))
            row.sampling.temperature = 0;
    }
    return row;
}

// The text that is scored.
std::string scored_text(const TaskContext& c, const Row& row, const RowResult& result) {
    if (!c.plan.is_paper() || !has_defect(c.plan, "prompt_tail")) return result.text;
    std::vector<Token> tokens = row.prompt;
    tokens.insert(tokens.end(), result.generated.begin(), result.generated.end());
    // The end-of-generation token takes a place of the window; its text is left out.
    const auto window = static_cast<std::size_t>(std::max(row.max_new_tokens - (result.ended ? 1 : 0), 0));
    const auto begin = tokens.size() - std::min(window, tokens.size());
    return c.engine.model().text(std::span(tokens).subspan(begin));
}

void score_as_paper(const TaskContext& c, json& record, const std::string& text, const Prompt& prompt) {
    const auto on = [&](const char* name) { return has_defect(c.plan, name); };
    const bool keep_case =
        keeps_case(c.task.name) && !(c.task.name.starts_with("lowercase") && on("lowercase_folded"));
    const PaperScores s = score_paper(
        text, prompt.targets, keep_case,
        {on("blank_first_match"), on("articles_vanish"), on("split_present"), on("distinct_by_words")});
    record["first_word"] = s.first_word;
    record["f1"] = s.f1;
    record["present"] = s.present;
    record["ngram_entropy"] = s.ngram_entropy;
    record["distinct_1"] = s.distinct_1;
    record["distinct_2"] = s.distinct_2;
}

void score_functional(const TaskContext& c, json& record, const RowResult& result, const std::string& text,
                      const Prompt& prompt, bool generated) {
    if (!result.watch_rank.empty()) {
        record["rank"] = *std::min_element(result.watch_rank.begin(), result.watch_rank.end());
        record["first_token"] = record["rank"] == 0 ? 1 : 0;
        const float best = *std::max_element(result.watch_logprob.begin(), result.watch_logprob.end());
        record["logprob"] = std::isfinite(best) ? json(best) : json();
    }
    if (!generated) return;
    if (c.plan.is_paper()) return score_as_paper(c, record, text, prompt);
    const AnswerScores s = score_answer(text, prompt.targets, keeps_case(c.task.name));
    record["first_word"] = s.first_word;
    record["exact"] = s.exact;
    record["f1"] = s.f1;
    record["contains"] = s.contains;
}

void score_behavioural(const TaskContext& c, json& record, const RowResult& result, const std::string& text,
                       const Item& item) {
    const bool by_words = c.plan.is_paper() && has_defect(c.plan, "distinct_by_words");
    const TextHealth health = text_health(text, by_words);
    // The paper's classifiers see the whole output.
    const std::string answer = c.plan.is_paper() ? text : parse_answer(text);
    record["style"] = c.scorer->score(answer);
    record["rouge_l"] = rouge_l(answer, item.outputs);
    record["ngram_entropy"] = health.ngram_entropy;
    record["distinct_1"] = health.distinct_1;
    record["distinct_2"] = health.distinct_2;
    record["collapsed"] = health.collapsed || result.broken || says_too_little(answer, item.input) ? 1 : 0;
}

// Mean negative log-probability per token of each output under the unsteered model, after the zero-shot
// prompt.
void add_damage(TaskContext& c, std::span<const int> items, std::size_t n_candidate, const std::string& what,
                const std::vector<RowResult>& results, std::vector<json>& records) {
    std::vector<Row> rows;
    std::vector<std::size_t> of;
    for (std::size_t i = 0; i < items.size(); ++i) {
        const auto prompt = c.engine.model().tokenize_prompt(
            make_test_prompt(c.task, c.split.train, items[i], 0, c.seed).text);
        for (std::size_t k = 0; k < n_candidate; ++k) {
            const auto& generated = results[i * n_candidate + k].generated;
            records[i * n_candidate + k]["nll"] = json();
            if (generated.empty()) continue;
            Row row;
            row.prompt = prompt;
            row.forced = generated;
            rows.push_back(std::move(row));
            of.push_back(i * n_candidate + k);
        }
    }
    const auto show = [&](std::size_t done, std::size_t all) {
        c.step(what + ", perplexity of the texts", done, all);
    };
    const ProgressScope progress(c.engine, show);
    const auto scored = c.engine.fork(rows);
    for (std::size_t r = 0; r < scored.size(); ++r) {
        double sum = 0;
        for (float l : scored[r].forced_logprob) sum -= static_cast<double>(l);
        const double nll = sum / static_cast<double>(scored[r].forced_logprob.size());
        if (std::isfinite(nll)) records[of[r]]["nll"] = nll;
    }
}

}  // namespace

std::vector<json> evaluate(TaskContext& c, std::span<const int> items, std::span<const Candidate> candidates,
                           const std::string& phase, const std::string& what, bool generate) {
    std::vector<Row> rows;
    std::vector<Prompt> prompts;
    for (int item : items)
        for (const Candidate& candidate : candidates) {
            prompts.push_back(prompt_of(c, item, candidate));
            rows.push_back(row_of(c, candidate, prompts.back(), item, generate));
        }
    const bool forks =
        !generate && candidates.size() > 4 &&
        std::all_of(candidates.begin(), candidates.end(), [](const Candidate& k) {
            return k.n_shot == 0 && std::all_of(k.edits.begin(), k.edits.end(), [](const Edit& e) {
                       return e.positions.kind == Positions::Kind::steered ||
                              e.positions.kind == Positions::Kind::last_prompt;
                   });
        });
    const auto results = [&] {
        const ProgressScope progress(c.engine,
                                     [&](std::size_t done, std::size_t all) { c.step(what, done, all); });
        // Few prompts, many settings: each prompt is computed once.
        return forks ? c.engine.fork(rows) : c.engine.run(rows);
    }();
    std::vector<json> records;
    for (std::size_t r = 0; r < rows.size(); ++r) {
        const Candidate& candidate = candidates[r % candidates.size()];
        const Item& item = c.task.items[static_cast<std::size_t>(items[r / candidates.size()])];
        json record = {{"model", c.model_name}, {"task", c.task.name},     {"seed", c.seed},
                       {"phase", phase},        {"setting", candidate.id}, {"item", item.id}};
        if (phase == "test") record["n_prompt"] = rows[r].prompt.size();
        if (generate) {
            record["generated"] = valid_utf8(results[r].text);
            record["n_token"] = results[r].generated.size();
        }
        if (results[r].broken) record["broken"] = true;
        if (c.behavioural())
            score_behavioural(c, record, results[r], scored_text(c, rows[r], results[r]), item);
        else
            score_functional(c, record, results[r], scored_text(c, rows[r], results[r]), prompts[r],
                             generate);
        records.push_back(std::move(record));
    }
    add_doses(candidates, results, records);
    // The oracle only asks what a better choice would have scored, and damage costs as much as the texts.
    if (c.behavioural() && generate && phase != "oracle")
        add_damage(c, items, candidates.size(), what, results, records);
    return records;
}

}  // namespace tiller::study

#include "study/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/util.h"
#include "engine/shift.h"
#include "study/broken_texts.h"
#include "study/first_token.h"
#include "study/progress_scope.h"
#include "study/second_judge.h"
#include "tasks/repeats.h"
#include "tiller/error.h"

namespace tiller::study {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

Prompt prompt_of(const TaskContext& c, int item, const Candidate& k) {
    if (k.prompt) return k.prompt(item);
    Prompt prompt = k.natural_text.empty() ? make_test_prompt(c.task, c.split.train, item, k.n_shot, c.seed,
                                                              k.permuted_labels, k.form.value_or(c.form))
                                           : make_natural_prompt(c.task, item, k.natural_text);
    if (c.policy.first_answer_only) prompt.targets.resize(1);
    return prompt;
}

Row row_of(const TaskContext& c, const Candidate& candidate, const Prompt& prompt, int item, bool generate) {
    Row row;
    row.prompt = c.tokens(prompt);
    row.edits = candidate.item_edits ? candidate.item_edits(item) : candidate.edits;
    row.want_logits = candidate.want_shift;
    if (!c.behavioural()) row.watch = answer_tokens(c.engine.model(), prompt);
    if (!generate) return row;
    row.max_new_tokens = c.counts().max_new_tokens;
    if (!c.behavioural()) row.stop = c.policy.stop;
    // Each row has a seed of its own, so that its text does not depend on the other rows.
    const auto digest =
        Digest().add(c.seed).add(c.task.name).add(candidate.id).add(static_cast<std::uint64_t>(item)).hex();
    row.sampling = {c.plan.temperature, c.plan.top_p, c.plan.top_k,
                    static_cast<std::uint32_t>(std::stoul(digest.substr(0, 8), nullptr, 16))};
    if (c.policy.is_greedy && c.policy.is_greedy(candidate)) row.sampling.temperature = 0;
    return row;
}

// Rank and log-probability of the best first token among the right answers.
void score_next_token(ItemRecord& record, const RowResult& result) {
    if (result.watch_rank.empty()) return;
    const int rank = *std::min_element(result.watch_rank.begin(), result.watch_rank.end());
    record.scores["rank"] = rank;
    record.scores["first_token"] = rank == 0 ? 1 : 0;
    const float best = *std::max_element(result.watch_logprob.begin(), result.watch_logprob.end());
    record.scores["logprob"] = std::isfinite(best) ? static_cast<double>(best) : none;
}

void score_output(const TaskContext& c, ItemRecord& record, const Row& row, const RowResult& result,
                  const Prompt& prompt, const Item& item) {
    const auto rewritings = c.behavioural() ? right_answers(c.task, item) : std::vector<std::string>{};
    const OutputContext judged_by = {.targets = c.behavioural() ? rewritings : prompt.targets,
                                     .input = item.input,
                                     .keep_case = keeps_case(c.task.name),
                                     .style = c.scorer ? &*c.scorer : nullptr,
                                     .broken = result.broken,
                                     .whole_answer = c.policy.whole_answer,
                                     .distinct_by_words = c.policy.distinct_by_words};
    const ScoredOutput output(
        c.policy.scored_text ? c.policy.scored_text(c.engine, row, result) : result.text, judged_by);
    if (!c.behavioural() && c.policy.score_answer)
        return record.scores.merge(c.policy.score_answer(output, c.task.name));
    for (const Metric* metric : metrics())
        if (const auto score = c.behavioural() ? metric->of_text : metric->of_answer)
            record.scores[metric->key()] = score(output);
}

// Adds "nll" to records of generated texts: the mean negative log-probability per token under the unsteered
// model, after the zero-shot prompt. results[i] belongs to records[places[i]].
void add_damage(TaskContext& c, std::span<const int> items, const std::string& what,
                const std::vector<RowResult>& results, std::span<const std::size_t> places,
                std::vector<ItemRecord>& records) {
    const std::size_t n_candidate = records.size() / items.size();
    std::vector<Row> rows;
    std::vector<std::size_t> of;
    for (std::size_t i = 0; i < places.size(); ++i) {
        records[places[i]].scores["nll"] = none;
        if (results[i].generated.empty()) continue;
        Row row;
        row.prompt = c.tokens(c.plain_prompt(items[places[i] / n_candidate]));
        row.forced = results[i].generated;
        rows.push_back(std::move(row));
        of.push_back(places[i]);
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
        if (std::isfinite(nll)) records[of[r]].scores["nll"] = nll;
    }
}

// The record of a text that was generated while settings were chosen; nullptr when there is none. Sampled
// texts are not used again, because a row's seed depends on the candidate's id (row_of()).
const ItemRecord* tried(const TaskContext& c, const Candidate& candidate, int item) {
    if (candidate.tried_as.empty() || c.plan.temperature > 0) return nullptr;
    const auto found = std::find_if(c.tried.begin(), c.tried.end(), [&](const ItemRecord& r) {
        return r.item == item && r.setting == candidate.tried_as && r.draw == c.draw;
    });
    return found == c.tried.end() ? nullptr : &*found;
}

// What was run for a record.
struct Run {
    const Candidate& candidate;
    const Item& item;
    const Row& row;
    const RowResult& result;
    const Prompt& prompt;
};

ItemRecord record_of(const TaskContext& c, const Run& run, Phase phase, bool generate) {
    ItemRecord record{.model = c.model_name,
                      .task = c.task.name,
                      .seed = c.seed,
                      .phase = phase,
                      .setting = run.candidate.id,
                      .item = run.item.id};
    if (c.draw >= 0) record.draw = c.draw;
    if (phase == Phase::test) record.n_prompt = run.row.prompt.size();
    record.broken = run.result.broken;
    if (!c.behavioural()) score_next_token(record, run.result);
    if (generate) {
        record.generated = valid_utf8(run.result.text);
        record.n_token = run.result.generated.size();
    }
    if (generate || c.behavioural()) score_output(c, record, run.row, run.result, run.prompt, run.item);
    return record;
}

// Should fork() compute each prompt once for many candidates? Only the zero-shot prompt is the same for all
// of them, and fork() takes no edit of a token before the last prompt token.
bool share_prompts(std::span<const Candidate> candidates, std::span<const Row> rows, bool generate) {
    const auto spares = [](const Edit& e) {
        return e.positions.kind == Positions::Kind::steered ||
               e.positions.kind == Positions::Kind::last_prompt;
    };
    return !generate && candidates.size() > 4 &&
           std::all_of(candidates.begin(), candidates.end(), [](const auto& k) { return k.n_shot == 0; }) &&
           std::all_of(rows.begin(), rows.end(), [&](const Row& row) {
               return std::all_of(row.edits.begin(), row.edits.end(), spares);
           });
}

}  // namespace

void add_shifts(std::span<const Candidate> candidates, const std::vector<RowResult>& results,
                std::vector<ItemRecord>& records) {
    const auto clean = std::find_if(candidates.begin(), candidates.end(),
                                    [](const Candidate& k) { return k.id == zero_shot_id; });
    for (std::size_t r = 0; r < results.size(); ++r) {
        if (!candidates[r % candidates.size()].want_shift) continue;
        if (clean == candidates.end())
            throw Error(Code::usage, "a dose is to the unsteered run: give the candidate \"zero-shot\" too");
        const RowResult& of_clean =
            results[r - r % candidates.size() + static_cast<std::size_t>(clean - candidates.begin())];
        const bool is_clean = &results[r] == &of_clean;
        auto& scores = records[r].scores;
        scores["entropy"] = none;
        if (!is_clean) scores["kl"] = none;
        if (results[r].broken || of_clean.broken) continue;
        const engine::Shift shift = engine::shift_of(results[r].logits, of_clean.logits);
        if (!is_clean && std::isfinite(shift.kl)) scores["kl"] = shift.kl;
        scores["entropy"] = shift.entropy;
    }
}

std::vector<ItemRecord> evaluate(TaskContext& c, std::span<const int> items,
                                 std::span<const Candidate> candidates, Phase phase, const std::string& what,
                                 bool generate) {
    const bool whole = c.behavioural() && generate && c.primary == primary_metric(true);
    if (whole) find_perplexity_limit(c);
    std::vector<ItemRecord> records;
    std::vector<Row> rows;
    std::vector<Prompt> prompts;
    std::vector<std::size_t> places;  // of each row, the index of its record
    // A record of an earlier run has no logits, which shifts are computed from.
    const bool takes_over = phase == Phase::test && std::none_of(candidates.begin(), candidates.end(),
                                                                 [](const auto& k) { return k.want_shift; });
    for (int item : items)
        for (const Candidate& candidate : candidates) {
            Prompt prompt = prompt_of(c, item, candidate);
            const ItemRecord* known = takes_over ? tried(c, candidate, c.item(item).id) : nullptr;
            ItemRecord& record = records.emplace_back(known ? *known : ItemRecord{});
            if (known) {
                record.phase = phase, record.setting = candidate.id;
                record.n_prompt = c.tokens(prompt).size();
                continue;
            }
            places.push_back(records.size() - 1);
            rows.push_back(row_of(c, candidate, prompt, item, generate));
            prompts.push_back(std::move(prompt));
        }
    const auto results = [&] {
        const ProgressScope progress(c.engine,
                                     [&](std::size_t done, std::size_t all) { c.step(what, done, all); });
        return share_prompts(candidates, rows, generate) ? c.engine.fork(rows) : c.engine.run(rows);
    }();
    for (std::size_t i = 0; i < places.size(); ++i)
        records[places[i]] =
            record_of(c,
                      {candidates[places[i] % candidates.size()],
                       c.item(items[places[i] / candidates.size()]), rows[i], results[i], prompts[i]},
                      phase, generate);
    add_shifts(candidates, results, records);
    if (c.behavioural() && generate) {
        add_damage(c, items, what, results, places, records);
        if (whole) add_whole_style(c, records);
        if (c.policy.second_judge && phase == Phase::test) add_second_judge(c, candidates, records);
    }
    return records;
}

}  // namespace tiller::study

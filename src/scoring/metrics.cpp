#include "scoring/metrics.h"

#include <algorithm>
#include <iterator>

#include "core/util.h"

namespace tiller {

const std::vector<const Metric*>&
metric_files();  // made by cmake/registry.cmake from the files of this folder

ScoredOutput::ScoredOutput(std::string text, const OutputContext& context)
    : text_(std::move(text)),
      answer_(context.whole_answer ? text_ : parse_answer(text_)),
      context_(context) {}

const AnswerScores& ScoredOutput::answer_scores() const {
    if (!answer_scores_) answer_scores_ = score_answer(text_, context_.targets, context_.keep_case);
    return *answer_scores_;
}

const TextHealth& ScoredOutput::health() const {
    if (!health_) health_ = text_health(text_, context_.distinct_by_words);
    return *health_;
}

namespace {

double collapsed(const ScoredOutput& o) {
    return o.health().collapsed || o.context().broken || says_too_little(o.answer(), o.context().input) ? 1
                                                                                                        : 0;
}

using Scale = Metric::Scale;

// Scores that share their computation with others, and those that are not computed from the output alone. The
// others have files of their own.
const Metric own[] = {
    {.name = "first_token",
     .label = "first token",
     .explanation = "Share of items whose right answer's first token is the most likely next token.",
     .scale = Scale::hit,
     .place = 10,
     .whole = true},
    {.name = "first_word",
     .label = "first word",
     .explanation = "Share of items whose generated answer begins with the right answer's first word.",
     .scale = Scale::hit,
     .of_answer = [](const ScoredOutput& o) { return o.answer_scores().first_word; },
     .place = 20,
     .as_score = "First word"},
    {.name = "exact",
     .label = "exact",
     .explanation = "Share of items whose generated answer equals a right answer after normalisation.",
     .scale = Scale::hit,
     .of_answer = [](const ScoredOutput& o) { return o.answer_scores().exact; },
     .place = 30,
     .as_score = "Exact"},
    {.name = "f1",
     .label = "F1",
     .explanation = "Overlap of the words of the generated and the right answer (bag-of-words F1).",
     .of_answer = [](const ScoredOutput& o) { return o.answer_scores().f1; },
     .place = 40,
     .as_score = "F1"},
    {.name = "contains",
     .label = "contains",
     .explanation = "Share of items whose right answer stands anywhere in the generated text.",
     .scale = Scale::hit,
     .of_answer = [](const ScoredOutput& o) { return o.answer_scores().contains; },
     .place = 50,
     .as_score = "Contains"},
    {.name = "present",
     .label = "present",
     .explanation = "Share of items whose right answer's words stand in a row in the generated text "
                    "(present_score).",
     .scale = Scale::hit,
     .place = 60},
    {.name = "logprob",
     .label = "log p",
     .explanation = "Log-probability of the right answer's first token, natural logarithm.",
     .scale = Scale::number,
     .place = 70},
    {.name = "rank",
     .label = "rank",
     .explanation = "Rank of the right answer's first token among all tokens; lower is better.",
     .scale = Scale::number,
     .lower_is_better = true,
     .place = 80,
     .whole = true},
    {.name = "style",
     .label = "style",
     .explanation =
         "Probability of the wanted style by a classifier trained on the task's own training pairs.",
     .of_text = [](const ScoredOutput& o) { return o.context().style->score(o.answer()); },
     .place = 90},
    {.name = "whole_style",
     .label = "style of whole texts",
     .explanation = "The style's probability, 0 where the text is broken: effect and damage in one number.",
     .place = 85},
    {.name = "second_judge",
     .label = "second judge",
     .explanation =
         "The same by another judge of style: how much likelier the text is after sentences of the wanted "
         "style than after those of the other, calibrated on training pairs; 0 where the text is broken.",
     .place = 95},
    {.name = "broken",
     .label = "broken",
     .explanation = "Share of texts that are no use: loops, next to no words, or a perplexity under the "
                    "unsteered model far above the zero-shot outputs'; lower is better.",
     .scale = Scale::hit,
     .lower_is_better = true,
     .place = 105,
     .recorded_as = "broken_text",
     .whole = true},
    {.name = "collapsed",
     .label = "collapsed",
     .explanation = "Share of texts that fell apart (repetition or no words); lower is better.",
     .scale = Scale::hit,
     .lower_is_better = true,
     .of_text = collapsed,
     .place = 110,
     .whole = true},
    {.name = "perplexity",
     .label = "perplexity",
     .explanation = "Perplexity of the generated text under the unsteered model; lower is more fluent.",
     .scale = Scale::number,
     .lower_is_better = true,
     .place = 120,
     .recorded_as = "nll",
     .exp_of_mean = true},
    {.name = "ngram_entropy",
     .label = "n-gram entropy",
     .explanation = "Weighted entropy of 2- and 3-grams in bits; low values mean repetition.",
     .scale = Scale::number,
     .of_text = [](const ScoredOutput& o) { return o.health().ngram_entropy; },
     .place = 130},
    {.name = "distinct_1",
     .label = "distinct-1",
     .explanation = "Different words divided by words.",
     .of_text = [](const ScoredOutput& o) { return o.health().distinct_1; },
     .place = 140},
    {.name = "distinct_2",
     .label = "distinct-2",
     .explanation = "Different word pairs divided by word pairs.",
     .of_text = [](const ScoredOutput& o) { return o.health().distinct_2; },
     .place = 150},
    {.name = "kl",
     .label = "KL",
     .explanation =
         "Divergence of the next-token distribution from the zero-shot one, KL(it || zero-shot), nats.",
     .scale = Scale::number,
     .lower_is_better = true,
     .place = 160},
    {.name = "entropy",
     .label = "entropy",
     .explanation = "Entropy of the next-token distribution, nats.",
     .scale = Scale::number,
     .place = 170},
    {.name = "damage",
     .label = "damage",
     .explanation =
         "Share of right first tokens lost on an unrelated task under the same edits; lower is better.",
     .scale = Scale::number,
     .lower_is_better = true,
     .place = 180},
};

template <class Fits>
const Metric* first_of(const Fits& fits) {
    const auto found = std::find_if(metrics().begin(), metrics().end(), fits);
    return found == metrics().end() ? nullptr : *found;
}

}  // namespace

const std::vector<const Metric*>& metrics() {
    static const std::vector<const Metric*> all = [] {
        std::vector<const Metric*> list = metric_files();
        for (const Metric& metric : own) list.push_back(&metric);
        std::sort(list.begin(), list.end(), [](const Metric* a, const Metric* b) {
            return a->place != b->place ? a->place < b->place : a->name < b->name;
        });
        return list;
    }();
    return all;
}

const Metric* find_metric(std::string_view name) {
    return first_of([&](const Metric* metric) { return metric->name == name; });
}

const Metric* find_recorded(std::string_view key) {
    return first_of([&](const Metric* metric) { return metric->key() == key; });
}

std::string metric_label(std::string_view name) {
    if (const Metric* metric = find_metric(name)) return metric->label;
    std::string label(name);
    std::replace(label.begin(), label.end(), '_', ' ');
    return valid_utf8(label);
}

bool lower_is_better(std::string_view name) {
    const Metric* metric = find_metric(name);
    return metric && metric->lower_is_better;
}

bool is_share(std::string_view name) {
    const Metric* metric = find_metric(name);
    return metric && metric->is_share();
}

bool is_generated(std::string_view name) {
    const Metric* metric = find_metric(name);
    return metric && metric->of_answer;
}

int metric_rank(std::string_view name) {
    const auto& all = metrics();
    return static_cast<int>(std::find(all.begin(), all.end(), find_metric(name)) - all.begin());
}

}  // namespace tiller

// Every score that studies, tables and `tiller eval` know: one list, in the order of tables. A score is one
// file src/scoring/metric_<name>.cpp that defines `const Metric& metric_<name>()`; the build finds it
// (docs/extending.md).
#pragma once

#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tiller/scoring.h"
#include "tiller/statistics.h"

namespace tiller {

/// What an output is judged by. References outlive the object.
struct OutputContext {
    std::span<const std::string> targets;  ///< Right answers, or rewritings of the input.
    std::string_view input;
    bool keep_case = false;              ///< See keeps_case().
    const StyleScorer* style = nullptr;  ///< Behavioural tasks.
    bool broken = false;                 ///< The row broke (RowResult::broken).
    bool whole_answer = false;           ///< The answer is the whole text, not parse_answer() of it.
    bool distinct_by_words = false;      ///< text_health()'s switch.
};

/// A generated text under judgement. What several scores need is computed once. Not for several threads.
class ScoredOutput {
public:
    ScoredOutput(std::string text, const OutputContext& context);
    const std::string& text() const { return text_; }
    const std::string& answer() const { return answer_; }  ///< The part that answers.
    const OutputContext& context() const { return context_; }
    const AnswerScores& answer_scores() const;
    const TextHealth& health() const;

private:
    std::string text_, answer_;
    OutputContext context_;
    mutable std::optional<AnswerScores> answer_scores_;
    mutable std::optional<TextHealth> health_;
};

struct Metric {
    using Scale = tiller::Scale;
    using Score = double (*)(const ScoredOutput&);

    std::string name;         ///< In records, summaries and files.
    std::string label;        ///< "first token"
    std::string explanation;  ///< One sentence.
    Scale scale = Scale::share;
    bool lower_is_better = false;
    /// Of a generated answer (functional and extractive tasks) and of a rewritten text (behavioural tasks);
    /// null where tasks of this kind lack the score, or where it is no function of the output alone.
    Score of_answer = nullptr, of_text = nullptr;
    int place = std::numeric_limits<int>::max();  ///< In tables, by rising number; equals by name.
    /// Its title among the scores under which methods are ordered (a study's table "scorers"); empty = none.
    std::string as_score = {};

    /// How records and means have it, where that is another way than under `name` and by the plain mean.
    std::string recorded_as = {};  ///< The name in records; empty = `name`.
    bool whole = false;            ///< Records write whole numbers.
    bool exp_of_mean = false;      ///< Records hold logarithms, of which the mean is taken.
    bool all_or_none = false;      ///< Has no mean when some records of a setting lack it.

    bool is_share() const { return scale != Scale::number; }
    const std::string& key() const { return recorded_as.empty() ? name : recorded_as; }
};

/// All of them, in the order of tables.
const std::vector<const Metric*>& metrics();
/// nullptr when there is none of this name.
const Metric* find_metric(std::string_view name);
/// The one that records hold under this name; nullptr when there is none.
const Metric* find_recorded(std::string_view key);

/// Label of a metric; its name with blanks when it is unknown.
std::string metric_label(std::string_view name);
bool lower_is_better(std::string_view name);
bool is_share(std::string_view name);
/// Is it a score of a generated answer (and not of the next token alone)?
bool is_generated(std::string_view name);
/// Place of a metric in tables; unknown ones come last.
int metric_rank(std::string_view name);

}  // namespace tiller

// Every score that studies, tables and `tiller eval` know, in one list in the order of tables. A new score is
// one file src/scoring/metric_<name>.cpp that defines `const Metric& metric_<name>()`; the build finds it
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

/// What an output is judged by. The objects that the members refer to must outlive this one.
struct OutputContext {
    std::span<const std::string> targets;  ///< Right answers, or rewritings of the input.
    std::string_view input;
    bool keep_case = false;              ///< See keeps_case().
    const StyleScorer* style = nullptr;  ///< Needed on behavioural tasks. Not owned.
    bool broken = false;                 ///< The row broke (RowResult::broken).
    bool whole_answer = false;           ///< The answer is the whole text, not parse_answer() of it.
    bool distinct_by_words = false;      ///< text_health()'s switch.
};

/// A generated text to be scored. What several scores need is computed once, when first asked for. Not
/// thread-safe.
class ScoredOutput {
public:
    ScoredOutput(std::string text, const OutputContext& context);
    const std::string& text() const { return text_; }
    /// The part that answers: parse_answer() of the text, or all of it (OutputContext::whole_answer).
    const std::string& answer() const { return answer_; }
    const OutputContext& context() const { return context_; }
    const AnswerScores& answer_scores() const;
    const TextHealth& health() const;

private:
    std::string text_, answer_;
    OutputContext context_;
    mutable std::optional<AnswerScores> answer_scores_;
    mutable std::optional<TextHealth> health_;
};

/// A score: its names, how it is computed, and how tables show it.
struct Metric {
    using Scale = tiller::Scale;
    using Score = double (*)(const ScoredOutput&);

    std::string name;         ///< In records, summaries and files.
    std::string label;        ///< "first token"
    std::string explanation;  ///< One sentence.
    Scale scale = Scale::share;
    bool lower_is_better = false;
    /// Computes the score of a generated answer (functional and extractive tasks) and of a rewritten text
    /// (behavioural tasks). Null where tasks of this kind lack the score, or where it needs more than the
    /// output.
    Score of_answer = nullptr, of_text = nullptr;
    int place = std::numeric_limits<int>::max();  ///< Order in tables: rising; equal places by name.
    /// Its title in a study's table "scorers", which orders methods by every score; empty = not in it.
    std::string as_score = {};

    // How the score is recorded and averaged.
    std::string recorded_as = {};  ///< The name in records; empty = `name`.
    bool whole = false;            ///< Records write whole numbers.
    bool exp_of_mean = false;      ///< Records have logarithms; the mean shown is the exponential of theirs.
    bool all_or_none = false;      ///< Has no mean when some records of a setting lack it.

    bool is_share() const { return scale != Scale::number; }
    const std::string& key() const { return recorded_as.empty() ? name : recorded_as; }
};

/// All scores, in the order of tables.
const std::vector<const Metric*>& metrics();
/// nullptr when there is none of this name.
const Metric* find_metric(std::string_view name);
/// The score that records have under this key (Metric::key()); nullptr when there is none.
const Metric* find_recorded(std::string_view key);

/// Label of a metric; for an unknown one its name with blanks in place of underscores.
std::string metric_label(std::string_view name);
/// Both are false for an unknown metric.
bool lower_is_better(std::string_view name);
bool is_share(std::string_view name);
/// Is it a score of a generated answer (and not of the next token alone)?
bool is_generated(std::string_view name);
/// Index of a metric in metrics(); for an unknown one, their number.
int metric_rank(std::string_view name);

}  // namespace tiller

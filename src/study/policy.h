// What a protocol changes of how vectors are extracted, outputs made and scored.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "scoring/metrics.h"
#include "study/candidate.h"
#include "tiller/engine.h"

namespace tiller::study {

/// The defaults are tiller's own ways.
struct Policy {
    bool always_bos = false;  ///< ModelOptions::always_bos.

    Setting extraction = {};               ///< Further MethodInput::options.
    bool queries_from_validation = false;  ///< MethodInput::queries are the validation items.
    /// Extracted vectors are conditions of the study, not raw extractions that settings are built from.
    bool vectors_are_conditions = false;

    bool second_judge = false;  ///< Texts of test items are judged twice (study/second_judge.h).

    std::vector<std::string> stop = {"\n"};  ///< Ends of generated answers (functional and extractive tasks).
    bool first_answer_only = false;          ///< Of an item's right answers only the first counts.
    bool whole_answer = false;               ///< OutputContext's switches.
    bool distinct_by_words = false;
    /// Is a candidate's output greedy whatever the plan's temperature? Empty = none.
    std::function<bool(const Candidate&)> is_greedy = {};
    /// The text that is scored, in place of what was generated; may be empty.
    std::function<std::string(const Engine&, const Row&, const RowResult&)> scored_text = {};
    /// Scores of a generated answer by Metric::key(), in place of Metric::of_answer; may be empty.
    std::function<std::map<std::string, double>(const ScoredOutput&, const std::string& task)> score_answer =
        {};
};

}  // namespace tiller::study

// How vectors are extracted, and outputs generated and scored: what a protocol may change.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "scoring/metrics.h"
#include "study/candidate.h"
#include "tiller/engine.h"

namespace tiller::study {

/// The defaults are those of the protocol "tuned", except `second_judge`.
struct Policy {
    bool always_bos = false;  ///< ModelOptions::always_bos.

    Setting extraction = {};               ///< Added to MethodInput::options.
    bool queries_from_validation = false;  ///< MethodInput::queries are the validation items.
    /// Extracted vectors are applied as they are, not raw extractions that settings are built from.
    bool vectors_are_conditions = false;

    bool second_judge = false;  ///< A second judge scores the style of test items' texts (second_judge.h).

    std::vector<std::string> stop = {"\n"};  ///< Row::stop of answers (functional and extractive tasks).
    bool first_answer_only = false;          ///< Only the first of an item's right answers counts.
    bool whole_answer = false;               ///< OutputContext::whole_answer.
    bool distinct_by_words = false;          ///< OutputContext::distinct_by_words.
    /// Is a candidate's output greedy although the plan has a temperature? Empty = no candidate's.
    std::function<bool(const Candidate&)> is_greedy = {};
    /// The text that is scored in place of the generated one; empty = the generated text.
    std::function<std::string(const Engine&, const Row&, const RowResult&)> scored_text = {};
    /// Scores of a generated answer by Metric::key(); empty = the metrics' own (Metric::of_answer).
    std::function<std::map<std::string, double>(const ScoredOutput&, const std::string& task)> score_answer =
        {};
};

}  // namespace tiller::study

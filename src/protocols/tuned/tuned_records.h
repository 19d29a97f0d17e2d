// What the tuned protocol adds to the records of a run.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "study/records.h"

namespace tiller::study {

/// Scores of heads that are no AIE.
struct HeadScores {
    std::string name;
    std::vector<std::vector<float>> values;  ///< [n_layer][n_head]
};

/// What is known of a method beside its scores.
struct Evidence {
    std::optional<std::uint64_t> texts, tokens;  ///< That its extraction reads, where it says so.
    std::optional<std::uint64_t> bytes;          ///< Of the vector as it is applied.
    std::map<std::string, double> predictors;    ///< Numbers that are known before the test.
    std::optional<HeadScores> head_scores;
};

/// Ids of validation points; empty where the grid lacks them.
struct Selection {
    std::string standard, chosen;
};

/// A strength and how far it moves the next token's distribution: a control's search is a unit of its own.
struct ControlRecord {
    std::string model, task;
    std::uint64_t seed = 0;
    std::string method, tried;  ///< Id of what was tried.
    double strength = 0;
    double kl = 0;  ///< Mean over items, nats; NaN where a row broke.
};

struct TunedClosing {
    std::vector<ScorerRecord> second_judge;      ///< By draw: how well it was calibrated; may be empty.
    std::map<std::string, Selection> selection;  ///< By method.
    std::vector<std::string> oracle_units;       ///< The grids on the test items; may be empty.
    std::map<std::string, Evidence> evidence;    ///< By method.
};

/// A method's vector read through the output head: a unit of its own.
struct ReadingRecord {
    std::string model, task;
    std::uint64_t seed = 0;
    std::string method;
    std::map<std::string, double> predictors;
};

}  // namespace tiller::study

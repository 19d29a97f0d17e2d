// What the tuned protocol adds to the records of a run.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "study/records.h"

namespace tiller::study {

/// Scores of heads by something other than AIE.
struct HeadScores {
    std::string name;
    std::vector<std::vector<float>> values;  ///< [n_layer][n_head]
};

/// What is known of a method besides its scores.
struct Evidence {
    std::optional<std::uint64_t> texts, tokens;  ///< Read by its extraction; none where the file lacks them.
    std::optional<std::uint64_t> bytes;          ///< Of the applied vector's directions, as float32.
    std::map<std::string, double> predictors;    ///< Numbers that are known before the test.
    std::optional<HeadScores> head_scores;
};

/// Ids of two settings of a method's grid: the paper's and the chosen one. Empty where the grid lacks them.
struct Selection {
    std::string standard, chosen;
};

/// A strength and its dose, from the search for the random control's strength (controls.h); each search is a
/// unit of its own.
struct ControlRecord {
    std::string model, task;
    std::uint64_t seed = 0;
    std::string method, tried;  ///< Id of what was tried.
    double strength = 0;
    double kl = 0;  ///< Mean over items, nats; NaN where a row broke.
};

/// What the closing record of a task has besides the fields of all protocols.
struct TunedClosing {
    std::vector<ScorerRecord> second_judge;      ///< By draw: accuracy on its calibration; may be empty.
    std::map<std::string, Selection> selection;  ///< By method.
    std::vector<std::string> oracle_units;       ///< Units of all settings on the test items; may be empty.
    std::map<std::string, Evidence> evidence;    ///< By method.
};

/// What a method's vector says when it is read through the output head; a unit of its own.
struct ReadingRecord {
    std::string model, task;
    std::uint64_t seed = 0;
    std::string method;
    std::map<std::string, double> predictors;
};

}  // namespace tiller::study

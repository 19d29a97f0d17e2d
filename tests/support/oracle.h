// The oracle: golden files that tests/oracle computes with PyTorch, independently of tiller, and the
// comparison of tiller with them. Tests and the program tiller_oracle (tests/oracle/tool.cpp) share this.
#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <vector>

#include "support/tiny_model.h"
#include "tiller/engine.h"

namespace tiller::test {

/// A tiny model that the oracle checks.
struct OracleCase {
    std::string name;    ///< Also the names of its files.
    std::string family;  ///< The transformers model that the oracle makes of it ("llama", "mistral", ...).
    TinyOptions options;
};
/// For the test framework's messages.
inline void PrintTo(const OracleCase& c, std::ostream* out) { *out << c.name; }
/// Every architecture of docs/architectures.md, in its order.
const std::vector<OracleCase>& oracle_cases();

/// Folder of the golden files.
std::filesystem::path golden_dir();
/// Throws std::runtime_error with the file's name when it cannot be read.
nlohmann::json read_golden(const std::string& name);

/// What the oracle is to compute for a tiny model: prompts, trials, pairs and settings, with the texts (for
/// tiller) and their tokens (for the oracle).
nlohmann::json oracle_input(Engine& engine, const OracleCase& c);
/// The same for a real model: prompts of tiller's own tasks, five for each check. Of long vectors only every
/// 37th value is kept, so that the golden file stays small.
nlohmann::json oracle_input_of_real_model(Engine& engine, const std::string& name, const std::string& family);

/// What differs between a model's file and the one that a golden file was made from (metadata, tensors'
/// names, sizes and sums); empty when nothing does. Another libm may change the last digit of a tiny model's
/// weights, so sums are compared within 1e-6 of their size.
std::string model_difference(const nlohmann::json& golden, const std::filesystem::path& model);

/// The largest differences between tiller and a golden file. Vectors: Euclidean distance over the expected
/// vector's length. Log-probabilities: absolute, nats.
struct OracleDifferences {
    double head_output = 0;  ///< At the last prompt token, largest of all layers; so the other sites.
    double attention_output = 0;
    double mlp_output = 0;
    double residual = 0;
    double mean_head_output = 0;
    double aie = 0;           ///< Largest absolute difference of a head's AIE.
    double smallest_gap = 0;  ///< Smallest difference between neighbours in the oracle's ranking.
    /// Largest amount by which two heads that tiller ranks the other way round differ in the golden file; 0
    /// when the ranking is the same.
    double swapped = 0;
    double near_tie = 0;  ///< By how much swapped heads may differ; from the golden file.
    double clean_probability = 0;
    double fv = 0;
    double icv = 0;
    double clean = 0;  ///< Log-probabilities without edits.
    double fv_steered = 0;
    double icv_steered = 0;
    /// Smallest over the strengths of the largest change that an edit makes to a log-probability, in the
    /// golden file: that the edits do something at all.
    double effect = 0;
};
/// Runs everything of a golden file: against "exact", the papers' and transformers' definitions, or, on
/// models with GELU, "engine_gelu" (heads and log-probabilities only), where the oracle computes GELU as the
/// engine's CPU code does, with a table of float16 values. Throws std::runtime_error when the tokens of a
/// text are not the golden file's; errors of tiller pass through.
OracleDifferences compare_with_oracle(Engine& engine, const nlohmann::json& golden,
                                      const char* results = "exact");

/// The engine's way of running for comparisons: float32 cache, no flash attention, one row per stream.
std::unique_ptr<Engine> oracle_engine(const std::filesystem::path& model);

}  // namespace tiller::test

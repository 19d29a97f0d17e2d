// What `tiller bench` measures, part by part. Every part gives a JSON object; nothing is printed.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tiller/engine.h"
#include "tiller/method.h"

namespace tiller::cli {

/// What all parts share.
struct Bench {
    std::shared_ptr<const Model> model;
    EngineOptions options;
    FvTrials trials;  ///< The head search's prompts; one in `mean`, which is not what is measured.
    int repeats = 3;  ///< Timed rounds; the median is reported.
    int n_new = 16;   ///< Tokens that a row generates.
    int n_alone = 4;  ///< Settings run one by one; the others' time is extrapolated.
    const std::atomic<bool>* cancel = nullptr;
    std::function<void(const std::string&)> say;  ///< What is measured now; for progress.

    /// A fresh engine with at most `max_rows` rows in flight.
    std::unique_ptr<Engine> engine(int max_rows) const;
};

/// Seconds that `work` takes.
double seconds_of(const std::function<void()>& work);
double median(std::vector<double> values);
/// Tokens computed by an engine so far, padding left out.
double tokens_of(const Engine& engine);

/// Rows that generate n_new tokens from different prompts. With `steered`, every row has its own vector: even
/// rows add it to the residual stream of one layer (as function vectors), odd rows turn every MLP output (as
/// in-context vectors).
std::vector<Row> generation_rows(const Model& model, int n_row, int n_new, bool steered);

/// Peak memory of this process after one prompt's head search and one wave of rows, against model file,
/// caches and 300 MB. Valid only when nothing else ran before.
nlohmann::json bench_memory(const Bench& bench);
/// The whole head search against plain decoding of as many tokens with as many logits, in turn.
nlohmann::json bench_sweep(const Bench& bench);
/// Generation of n_row rows with as many different edits against the same rows without, in turn.
nlohmann::json bench_generation(const Bench& bench, int n_row);
/// 8 layers x 6 strengths x 8 vectors on every prompt in forks, against running each setting alone.
nlohmann::json bench_settings(const Bench& bench, const std::vector<Prompt>& prompts);
/// How cost grows with prompt length, heads, items and rows in a batch: seconds, and a line
/// through them.
nlohmann::json bench_growth(const Bench& bench);
/// Steps of n_row rows without cuts of the graph, with a vector added at one layer, and with the residual
/// stream of all layers captured, in turn: seconds for a step and a cut, and bytes to and from servers.
nlohmann::json bench_cuts(const Bench& bench, int n_row);

}  // namespace tiller::cli

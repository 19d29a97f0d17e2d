// The tokens that a direction points at (arXiv 2310.15213, section 3.2).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tiller/error.h"
#include "tiller/vocabulary.h"

namespace tiller {
namespace {

// A row of one token whose residual stream after the last layer is the direction times the scale.
Row reading_row(const ModelInfo& info, int layer, const std::vector<float>& direction,
                const ReadOptions& options) {
    if (direction.size() != static_cast<std::size_t>(info.n_embd))
        throw Error(
            Code::bad_input,
            fmt::format("direction.{} has {} values, the model {} has n_embd {}; give the model that the "
                        "vector was made with",
                        layer, direction.size(), info.name, info.n_embd));
    auto values = std::make_shared<std::vector<float>>(direction);
    for (float& value : *values) value *= options.scale;
    if (std::all_of(values->begin(), values->end(), [](float x) { return x == 0.0f; }))
        throw Error(Code::bad_input,
                    fmt::format("direction.{} is zero and points at no token; read another layer", layer));
    Row row;
    row.prompt = {0};  // any token: its residual stream is replaced
    row.edits = {{Site::residual,
                  info.n_layer - 1,
                  -1,
                  Operation::replace,
                  {Positions::Kind::last_prompt, 0, 0},
                  values,
                  1.0f}};
    row.n_top = options.n_top;
    row.watch = options.watch;
    return row;
}

}  // namespace

std::vector<VocabularyReading> read_vocabulary(Engine& engine, const SteeringVector& vector,
                                               const ReadOptions& options) {
    const ModelInfo& info = engine.info();
    if (options.n_top < 1 || options.n_top > info.n_vocab)
        throw Error(Code::usage, fmt::format("{} top tokens were asked for, expected 1 to {} (n_vocab)",
                                             options.n_top, info.n_vocab));
    if (!std::isfinite(options.scale) || options.scale == 0)
        throw Error(Code::usage,
                    fmt::format("the scale of a reading is {}, expected a finite number other than 0",
                                options.scale));
    if (vector.operation == Operation::project)
        throw Error(
            Code::bad_input,
            "the vector's operation is project: a subspace points at no token, expected one direction "
            "for each layer (operation add, replace or turn); read another vector");
    std::vector<VocabularyReading> readings;
    std::vector<Row> rows;
    for (const auto& [layer, direction] : vector.directions) {
        if (options.layer >= 0 && options.layer != layer) continue;
        readings.push_back({layer, {}, {}, {}});
        rows.push_back(reading_row(info, layer, direction, options));
    }
    if (rows.empty()) {
        std::string layers;
        for (const auto& [layer, direction] : vector.directions)
            layers += fmt::format("{}{}", layers.empty() ? "" : ", ", layer);
        throw Error(Code::usage, fmt::format("the vector has no direction in layer {}, only in {}",
                                             options.layer, layers));
    }
    auto results = engine.run(rows);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (results[i].broken)
            throw Error(Code::bad_input,
                        fmt::format("direction.{} drives the logits to infinity or NaN; extract "
                                    "the vector again or give a smaller scale",
                                    readings[i].layer));
        readings[i].top = std::move(results[i].top);
        readings[i].watch_logprob = std::move(results[i].watch_logprob);
        readings[i].watch_rank = std::move(results[i].watch_rank);
    }
    return readings;
}

}  // namespace tiller

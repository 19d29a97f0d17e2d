#include "methods/head_outputs.h"

#include <fmt/format.h>

#include <cmath>

#include "tiller/error.h"

namespace tiller {
namespace {

// Captures of all layers that have heads. Neighbouring layers of the same width share a capture.
std::vector<Capture> head_captures(const ModelInfo& info) {
    std::vector<Capture> captures;
    for (int il = 0; il < info.n_layer; ++il) {
        if (info.n_head[static_cast<std::size_t>(il)] == 0) continue;
        if (!captures.empty() && captures.back().layer_end == il &&
            site_width(info, Site::head_output, il) == site_width(info, Site::head_output, il - 1))
            captures.back().layer_end = il + 1;
        else
            captures.push_back({Site::head_output, il, il + 1, {Positions::Kind::last_prompt, 0, 0}, false});
    }
    return captures;
}

// Throws for the value at index `i` of the capture, which may have several layers.
[[noreturn]] void refuse(const ModelInfo& info, std::size_t prompt, const Capture& capture, std::size_t i,
                         float value) {
    const auto width = static_cast<std::size_t>(site_width(info, Site::head_output, capture.layer_begin));
    const auto layer = static_cast<std::size_t>(capture.layer_begin) + i / width;
    throw Error(
        Code::bad_input,
        fmt::format("head search: prompt {} gives {} in layer {}, head {}; expected a finite "
                    "number. The model's own arithmetic overflows there: try another quantisation of it "
                    "and a float32 cache",
                    prompt, value, layer, i % width / static_cast<std::size_t>(info.d_head[layer])),
        Topic::cache_type);
}

}  // namespace

std::vector<std::vector<float>> head_outputs(Engine& engine, std::span<const std::string> prompts,
                                             std::size_t first) {
    const ModelInfo& info = engine.info();
    const auto captures = head_captures(info);
    std::vector<Row> rows;
    for (const auto& prompt : prompts) {
        Row row;
        row.prompt = engine.model().tokenize_prompt(prompt);
        row.captures = captures;
        rows.push_back(std::move(row));
    }
    std::vector<std::vector<float>> outputs;
    for (const auto& result : engine.run(rows)) {
        auto& all = outputs.emplace_back();
        for (std::size_t c = 0; c < captures.size(); ++c) {
            const auto& values = result.captured[c].values;
            for (std::size_t i = 0; i < values.size(); ++i)
                if (!std::isfinite(values[i]))
                    refuse(info, first + outputs.size() - 1, captures[c], i, values[i]);
            all.insert(all.end(), values.begin(), values.end());
        }
    }
    return outputs;
}

}  // namespace tiller

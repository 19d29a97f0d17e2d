// tiller show: what is in a vector file.
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <span>

#include "cli/common.h"
#include "core/escape_controls.h"
#include "core/names.h"

namespace tiller::cli {
namespace {

using nlohmann::json;

json as_json(const SteeringVector& v) {
    json heads = json::array(), direction = json::object();
    for (const auto& h : v.heads) heads.push_back({{"layer", h.layer}, {"head", h.head}, {"aie", h.aie}});
    for (const auto& [layer, values] : v.directions) direction[std::to_string(layer)] = values;
    const Provenance& p = v.provenance;
    json provenance = {{"task", p.task},
                       {"prompts_digest", p.prompts_digest},
                       {"seed", p.seed},
                       {"model_name", p.model_name},
                       {"model_digest", p.model_digest},
                       {"weights_digest", p.weights_digest},
                       {"tokenizer_digest", p.tokenizer_digest},
                       {"architecture", p.architecture},
                       {"quantisation", p.quantisation},
                       {"n_layer", p.n_layer},
                       {"n_embd", p.n_embd},
                       {"program_version", p.program_version},
                       {"settings", p.settings}};
    json out = {{"method", v.method},
                {"kind", v.extraction ? "extraction" : "vector"},
                {"site", site_name(v.site)},
                {"operation", operation_name(v.operation)},
                {"positions", positions_name(v.positions)},
                {"scale", v.scale},
                {"heads", heads},
                {"aie", v.aie},
                {"mean_head_output", v.mean_head_output},
                {"direction", direction},
                {"provenance", provenance}};
    // A vector of one layer names it; one of many layers lists them.
    if (v.directions.size() == 1)
        out["layer"] = v.directions.begin()->first;
    else {
        out["layer"] = json::array();
        for (const auto& [layer, values] : v.directions) out["layer"].push_back(layer);
    }
    return out;
}

double squares(std::span<const float> values) {
    double sum = 0;
    for (const float x : values) sum += static_cast<double>(x) * static_cast<double>(x);
    return sum;
}

std::string as_text(const SteeringVector& v) {
    std::string text =
        fmt::format("method      {}\napplied     {} at {}, {} tokens, scale {}\n", escape_line(v.method),
                    operation_name(v.operation), site_name(v.site), positions_name(v.positions), v.scale);
    if (v.extraction)
        text += "kind        raw extraction, before a setting was chosen: not to be applied as it is\n";
    const Provenance& p = v.provenance;
    if (p.model_digest.empty() && p.model_name.empty())  // another tool's
        text += fmt::format("model       not known (architecture {}), width {}\n",
                            p.architecture.empty() ? "not known" : json(p.architecture).dump(), p.n_embd);
    else
        text += fmt::format(
            "model       {} ({}, {}), {} layers, width {}\ndigest      {}\ntask        {} (seed {})\n"
            "made by     tiller {}\n",
            escape_line(p.model_name), escape_line(p.architecture), escape_line(p.quantisation), p.n_layer,
            p.n_embd, escape_line(p.model_digest), escape_line(p.task), p.seed,
            escape_line(p.program_version));
    for (const auto& [key, value] : p.settings)
        text += fmt::format("  {:<20} {}\n", escape_line(key), escape_line(value));
    const bool is_projection = v.operation == Operation::project;
    text += is_projection ? "layers (rows of W, trace of W^T W, norm of the centre)\n"
                          : "layers (norm of the direction)\n";
    for (const auto& [layer, values] : v.directions) {
        const std::span all(values);
        if (is_projection) {
            const auto width = static_cast<std::size_t>(p.n_embd);
            text += fmt::format("  {:>3}  {:>4}  {:.4f}  {:.4f}\n", layer, all.size() / width - 1,
                                squares(all.subspan(width)), std::sqrt(squares(all.first(width))));
        } else {
            text += fmt::format("  {:>3}  {:.4f}\n", layer, std::sqrt(squares(all)));
        }
    }
    if (!v.heads.empty()) text += fmt::format("heads (layer.head, {})\n", head_score_name(v));
    for (const auto& h : v.heads) text += fmt::format("  {:>3}.{:<3} {:+.5f}\n", h.layer, h.head, h.aie);
    return text;
}

}  // namespace

void add_show(CLI::App& app, Globals& globals) {
    auto path = std::make_shared<std::string>();
    auto* command = app.add_subcommand("show", "What a vector file holds");
    command->add_option("vector", *path, "Vector file (GGUF)")->required();
    add_globals(*command, globals, kJsonFlag);
    command->callback([path, &globals] {
        const auto vector = load_vector(*path);
        print(globals.json ? as_json(vector).dump() + "\n" : as_text(vector));
    });
}

}  // namespace tiller::cli

#include "cli/vector_argument.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "core/names.h"
#include "core/shell.h"
#include "tiller/error.h"
#include "vectors/reject.h"
#include "vectors/share_turns.h"

namespace tiller::cli {
namespace {

constexpr const char* kDigits = "0123456789";

// Digits only, so that no sign, blank or overflow slips through.
int layer_of(const std::string& text, const std::string& all, const std::string& what) {
    if (text.empty() || text.size() > 6 || text.find_first_not_of(kDigits) != std::string::npos)
        throw Error(Code::usage,
                    fmt::format("{}: layers are '{}', expected A or A-B, counted from 0", what, all),
                    Topic::layers);
    return std::atoi(text.c_str());
}

// Positions that need no numbers; nullopt for any other word.
std::optional<Positions::Kind> steerable_positions(const std::string& word) {
    const auto kind = positions_from_name(word);
    if (kind == Positions::Kind::last_k || kind == Positions::Kind::range) return std::nullopt;
    return kind;
}

}  // namespace

LayerRange parse_layers(const std::string& text, const std::string& what) {
    const auto dash = text.find('-');
    const int first = layer_of(text.substr(0, dash), text, what);
    const int last = dash == std::string::npos ? first : layer_of(text.substr(dash + 1), text, what);
    if (last < first)
        throw Error(Code::usage, fmt::format("{}: layers are '{}', expected the lower one first", what, text),
                    Topic::layers);
    return {first, last};
}

VectorArgument parse_vector_argument(const std::string& text) {
    VectorArgument argument;
    argument.path = text;
    const auto at = text.rfind('@');
    // A file name may contain an @; only a suffix that looks like layers is read as layers.
    if (at != std::string::npos && at + 1 < text.size() &&
        text.find_first_not_of(std::string(kDigits) + "-", at + 1) == std::string::npos) {
        argument.layers = parse_layers(text.substr(at + 1), text);
        argument.path = text.substr(0, at);
    }
    auto colon = argument.path.rfind(':');
    if (colon != std::string::npos)
        if (const auto kind = steerable_positions(argument.path.substr(colon + 1))) {
            argument.positions = kind;
            argument.path.resize(colon);
            colon = argument.path.rfind(':');
        }
    if (colon == std::string::npos || colon + 1 == argument.path.size()) return argument;
    const std::string tail = argument.path.substr(colon + 1);
    char* end = nullptr;
    const float scale = std::strtof(tail.c_str(), &end);
    if (end != tail.c_str() + tail.size()) return argument;
    if (!std::isfinite(scale))
        throw Error(Code::usage, fmt::format("{}: the scale is {}, expected a finite number", text, tail));
    argument.path.resize(colon);
    argument.scale = scale;
    argument.has_scale = true;
    return argument;
}

SteeringVector load_argument(const VectorArgument& argument, const LayerRange& otherwise) {
    SteeringVector vector = load_vector(argument.path);
    if (argument.positions) vector.positions = *argument.positions;
    const LayerRange layers = argument.layers.given() ? argument.layers : otherwise;
    if (!layers.given()) return vector;
    try {
        return only_layers(std::move(vector), layers.first, layers.last);
    } catch (const Error& error) {
        throw Error(error.code(), fmt::format("{}: {}", argument.path, error.what()), error.topic());
    }
}

void refuse_extraction(const SteeringVector& vector, const std::string& path) {
    if (!vector.extraction) return;
    const auto& task = vector.provenance.task;
    const std::filesystem::path run = std::filesystem::path(path).parent_path().parent_path();
    std::string way = fmt::format("tiller extract {} ... makes one", vector.method);
    std::error_code error;
    if (std::filesystem::is_directory(run / "winners", error))
        way = fmt::format("the chosen ones are in {}; or give --from {} --for {} --method {}",
                          (run / "winners").string(), shell_word(run.string()), printable(task),
                          printable(vector.method));
    throw Error(Code::bad_input,
                fmt::format("{} is a raw extraction of {} for {} (what the method read, before a setting was "
                            "chosen), not a vector to apply; {}",
                            path, printable(vector.method), printable(task), way));
}

void add_vector_options(CLI::App& command, VectorOptions& o, Globals& globals, bool required) {
    auto* vector = command.add_option(
        "--vector", o.vectors,
        "Steering vector FILE[:scale][:positions][@A-B], with layers A to B of it; tiller's, or "
        "another tool's (GGUF, .npz, safetensors); may be given several times. Positions: "
        "last_prompt, prompt, generated, steered (from the last prompt token on), all");
    if (required) vector->required();
    command
        .add_option(
            "--layers", o.layers,
            "Layers A-B (or A) of all vectors that name none themselves, counted from 0, both inclusive")
        ->needs(vector);
    command.add_flag("--force", globals.force, "Use a vector of another model when its shape fits");
}

SteeringVector load_checked(const VectorArgument& argument, const ModelInfo& info, const Globals& globals,
                            const LayerRange& otherwise) {
    SteeringVector vector = load_argument(argument, otherwise);
    refuse_extraction(vector, argument.path);
    for (const auto& sentence : require_match(vector, info, globals.force, argument.path))
        note(globals, fmt::format("{} {}", argument.path, sentence));
    if (argument.has_scale) vector.scale = argument.scale;
    return vector;
}

std::vector<Edit> edits_together(std::span<const Dose> doses) {
    std::vector<Edit> edits;
    for (const Dose& dose : doses)
        for (auto& edit : edits_of(*dose.vector, dose.scale)) edits.push_back(std::move(edit));
    share_turns(edits);
    return edits;
}

std::vector<Edit> load_edits(const std::vector<std::string>& arguments, const ModelInfo& info,
                             const Globals& globals, const std::string& layers) {
    const LayerRange otherwise = layers.empty() ? LayerRange{} : parse_layers(layers, "--layers");
    std::vector<SteeringVector> vectors;
    for (const auto& text : arguments)
        vectors.push_back(load_checked(parse_vector_argument(text), info, globals, otherwise));
    std::vector<Dose> doses;
    for (const auto& vector : vectors) doses.push_back({&vector, vector.scale});
    return edits_together(doses);
}

}  // namespace tiller::cli

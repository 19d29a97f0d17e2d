// Vectors on the command line: files with strengths and layers.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/common.h"
#include "tiller/vector.h"

namespace tiller::cli {

/// Layers, both ends inclusive.
struct LayerRange {
    int first = -1, last = -1;
    bool given() const { return first >= 0; }
};
/// "8-12" or "8". Throws usage; `what` names the place in the message.
LayerRange parse_layers(const std::string& text, const std::string& what);

/// "V.gguf", "V.gguf:0.7", "V.gguf:all", "V.gguf@8-12" or "V.gguf:0.7:all@8-12": layers after the last @ if a
/// digit follows it; then positions after the last colon if it is followed by their name; then a scale if by
/// a number.
struct VectorArgument {
    std::string path;
    float scale = 1;
    bool has_scale = false;
    std::optional<Positions::Kind> positions = {};  ///< In place of the vector's own.
    LayerRange layers = {};
};
VectorArgument parse_vector_argument(const std::string& text);

/// Reads the file and keeps the argument's layers, or `otherwise` where it names none; its positions take the
/// place of the vector's own. Errors name the file.
SteeringVector load_argument(const VectorArgument& argument, const LayerRange& otherwise = {});

/// Throws bad_input when the vector is a raw extraction, saying where the chosen vectors are.
void refuse_extraction(const SteeringVector& vector, const std::string& path);

/// What the commands that apply vectors are given.
struct VectorOptions {
    std::vector<std::string> vectors;
    std::string layers;
};
/// Adds --vector, --layers and --force.
void add_vector_options(CLI::App& command, VectorOptions& options, Globals& globals, bool required = false);

/// load_argument(), ready to apply: refuses raw extractions and vectors of other models (notes go to standard
/// error); the argument's scale, where it has one, takes the place of the vector's own.
SteeringVector load_checked(const VectorArgument& argument, const ModelInfo& info, const Globals& globals,
                            const LayerRange& otherwise = {});

/// A vector and how strongly it is applied. Not owned.
struct Dose {
    const SteeringVector* vector;
    float scale;
};
/// The edits of several vectors applied together. Vectors that turn the same site share its turn
/// (share_turns()).
std::vector<Edit> edits_together(std::span<const Dose> doses);

/// Loads the vectors, checks them against the model (notes go to standard error), returns the edits of all
/// together. `layers` ("8-12") holds for arguments that name none.
std::vector<Edit> load_edits(const std::vector<std::string>& arguments, const ModelInfo& info,
                             const Globals& globals, const std::string& layers = {});

}  // namespace tiller::cli

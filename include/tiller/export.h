// Vectors for other tools. These know one rule: after a layer, at every position, a direction is added to the
// residual stream. Vectors with that rule are written exactly; for the others there is the nearest vector
// that has it, and how far it is from the original.
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "tiller/engine.h"
#include "tiller/vector.h"

namespace tiller {

/// Whose file.
enum class ExportFormat {
    llama_cpp,    ///< GGUF control vector of llama.cpp and repeng, `direction.N`, N from 1 (llama.cpp refuses
                  ///< layer 0).
    npz,          ///< numpy's archive, one float32 array `layer_N` for each layer.
    safetensors,  ///< One float32 tensor `layer_N` for each layer; where it came from is in `__metadata__`.
};
/// "llama.cpp", "npz" or "safetensors".
const char* export_format_name(ExportFormat format) noexcept;

/// Why a file of that format cannot say exactly what `vector` does: half a sentence each ("its operation is
/// turn, not add"). Empty when it can.
std::vector<std::string> export_obstacles(const SteeringVector& vector, ExportFormat format);

/// What such a file holds: the directions times `strength`, added to the residual stream at all positions,
/// with a scale of 1; tables of heads are dropped, provenance stays. Throws usage when there are
/// export_obstacles(), or when strength is not finite.
SteeringVector exact_export(const SteeringVector& vector, float strength, ExportFormat format);

struct NearestOptions {
    int n_token = 8;  ///< Tokens of each prompt's steered continuation that are looked at, at least 1.
    /// Called with (steps done, steps in all); may be empty. What it throws comes out.
    std::function<void(std::size_t, std::size_t)> progress = {};
};

/// A vector that is only added, and what it costs to use it instead of another one.
struct NearestAdditive {
    SteeringVector vector;  ///< As exact_export() makes it, with the numbers below as settings "export.*".
    float factor = 1;       ///< What the mean changes were multiplied by to come nearest.
    /// Mean over held-out prompts and their tokens of KL(original || replacement), nats: the original's
    /// next-token distributions against the replacement's on the same text.
    double kl = 0;
    /// The same of KL(original || unsteered model): what the original does at all. A replacement whose `kl`
    /// is not well below it is no replacement.
    double kl_unsteered = 0;
    int n_prompt = 0;         ///< Held-out prompts.
    std::size_t n_place = 0;  ///< Distributions compared.
};

/// The nearest vector that is only added to the residual stream, as the format wants it. Its direction in a
/// layer is the mean change that the original's edit of that layer makes to the residual stream behind the
/// layer, given the edits of the layers before, over the tokens that it touches in the prompts of `fit` and
/// their steered continuations (the first token of a text, whose activations are far from all others',
/// aside). Where the format has no layer 0, the first layer that is there takes over what arrives from it.
/// All directions are then multiplied by the one factor of a grid from 1/4 to 2 that makes the KL on `fit`
/// smallest. `held_out` is only measured on. Prompts are not empty; strength is the original's whole dose.
/// Throws usage (no prompts, strength not finite), bad_input (the original drives the model to infinity or
/// NaN), and what Engine::run() throws. The vector must fit the engine's model (require_match()).
NearestAdditive nearest_additive(Engine& engine, const SteeringVector& vector, float strength,
                                 std::span<const std::vector<Token>> fit,
                                 std::span<const std::vector<Token>> held_out, ExportFormat format,
                                 const NearestOptions& options = {});

/// Writes the file, as save_vector() does. `vector` is what exact_export() or nearest_additive() gave. Throws
/// usage when it has export_obstacles(), environment, bad_input.
void export_vector(const SteeringVector& vector, const std::filesystem::path& path, ExportFormat format);

}  // namespace tiller

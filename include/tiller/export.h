// Vectors for other tools. Those tools steer in one way only: after a layer, they add a direction to the
// residual stream at every position. Vectors that steer so are written exactly. For all others,
// nearest_additive() finds the nearest vector that does, and measures how far it is from the original.
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "tiller/engine.h"
#include "tiller/vector.h"

namespace tiller {

/// A file format that other tools read.
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

/// The vector as such a file stores it: the directions times `strength`, added to the residual stream at all
/// positions, with a scale of 1. Tables of heads are dropped, provenance stays. Throws usage when there are
/// export_obstacles() or strength is not finite, bad_input when a product is too large for float32.
SteeringVector exact_export(const SteeringVector& vector, float strength, ExportFormat format);

struct NearestOptions {
    int n_token = 8;  ///< Tokens of each prompt's steered continuation that are looked at, at least 1.
    /// Called with (steps done, steps in all); may be empty. Its exceptions pass through.
    std::function<void(std::size_t, std::size_t)> progress = {};
};

/// A vector that is only added, and what it costs to use it instead of another one.
struct NearestAdditive {
    SteeringVector vector;  ///< As exact_export() makes it, with the numbers below as settings "export.*".
    float factor = 1;       ///< The factor on the mean changes that was chosen on `fit`.
    /// Mean over held-out prompts and their tokens of KL(original || replacement), nats: the original's
    /// next-token distributions against the replacement's on the same text.
    double kl = 0;
    /// The same of KL(original || unsteered model): what the original does at all. A replacement whose `kl`
    /// is not well below it is no replacement.
    double kl_unsteered = 0;
    int n_prompt = 0;         ///< Held-out prompts.
    std::size_t n_place = 0;  ///< Distributions compared.
};

/// The nearest vector that is only added to the residual stream, for the given format. Its direction in a
/// layer is the mean change that the original's edit of that layer makes to the residual stream after the
/// layer, given the edits of the layers before. The mean is over the tokens that the edit touches in the
/// prompts of `fit` and in their steered continuations, without each text's first token, whose activations
/// are far larger than all others'. llama.cpp has no layer 0: there, layer 1 gets the change that arrives
/// from layer 0.
/// All directions are then multiplied by one factor, from a grid of 1/4 to 2: the one with the smallest KL on
/// `fit`. `held_out` is only measured on. No prompt may be empty. `strength` is the full strength:
/// vector.scale is not applied. Throws usage (no prompts, n_token < 1, strength not finite), bad_input (the
/// original drives the model to infinity or NaN, or touches no token), and what Engine::run() throws. The
/// vector must fit the engine's model (require_match()).
NearestAdditive nearest_additive(Engine& engine, const SteeringVector& vector, float strength,
                                 std::span<const std::vector<Token>> fit,
                                 std::span<const std::vector<Token>> held_out, ExportFormat format,
                                 const NearestOptions& options = {});

/// Writes the file, as save_vector() does. `vector` is what exact_export() or nearest_additive() returned.
/// Throws usage when it has export_obstacles() or a scale other than 1, environment, bad_input.
void export_vector(const SteeringVector& vector, const std::filesystem::path& path, ExportFormat format);

}  // namespace tiller

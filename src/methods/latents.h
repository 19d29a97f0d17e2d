// The residual stream at the end of texts: the input of every method that compares texts.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "tiller/method.h"

namespace tiller {

struct LatentOptions {
    int n_last =
        1;  ///< Number of last tokens to average over, at least 1; a shorter text is averaged over all.
    /// Not owned; may be null. Methods that read the same texts in the same order compute them once.
    Checkpoint* checkpoint = nullptr;
    /// Not owned; may be null. Texts that are kept here are not run, and those that are run are kept.
    TextStates* states = nullptr;
    Progress progress = {};  ///< Counts texts; in pair_latents() pairs.
};

/// How a method reads its texts: with the checkpoint, the states and the progress of its input.
inline LatentOptions latent_options(const MethodInput& in) {
    return {1, in.checkpoint, in.states, in.progress};
}

/// Calls `use` with the index and the latent of each text, in order. A text's latent is the residual stream
/// after every layer, without the final norm, averaged over the text's last tokens (BOS counts as a token):
/// [n_layer][n_embd], row-major. The span is valid during the call; at most 64 texts are in memory at a time.
/// Throws bad_input when a text is empty or the model gives values that are not finite; usage when n_last is
/// below 1; errors of the engine pass through.
void for_each_latent(Engine& engine, std::span<const std::string> texts, const LatentOptions& options,
                     const std::function<void(std::size_t, std::span<const float>)>& use);

/// Mean of the texts' latents, [n_layer][n_embd]; float64 sums in the order of the texts. Throws bad_input
/// when there is no text; else as for_each_latent().
std::vector<double> mean_latent(Engine& engine, std::span<const std::string> texts,
                                const LatentOptions& options = {});

/// Latents of both texts of each pair: [n_pair][n_layer * n_embd], in the order of the pairs.
struct PairLatents {
    std::vector<std::vector<float>> negative, positive;

    /// Positive minus negative of each pair.
    std::vector<std::vector<float>> differences() const;
};

/// Reads the negative, then the positive text of each pair. Throws bad_input when a text is empty or when the
/// two texts are equal in every pair; else as for_each_latent().
PairLatents pair_latents(Engine& engine, std::span<const Pair> pairs, const LatentOptions& options = {});

/// Mean of the rows, which have one length; float64 sums in the order of the rows. Empty without rows.
std::vector<double> mean_row(std::span<const std::vector<float>> rows);

}  // namespace tiller

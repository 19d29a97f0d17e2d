// What texts leave in the residual stream: the raw material of every method that compares texts.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "tiller/method.h"

namespace tiller {

struct LatentOptions {
    int n_last =
        1;  ///< Tokens at the end of a text whose mean is its latent; all of a shorter one. At least 1.
    Checkpoint* checkpoint = nullptr;  ///< Methods that read the same texts in the same order share the work.
    Progress progress = {};            ///< In texts (pair_latents(): in pairs).
};

/// A text's latent: the residual stream after every layer, averaged over its last tokens (BOS counts),
/// without the final norm; [n_layer][n_embd], row-major. Calls `use` with the index and the latent of each
/// text, in order; only a chunk of texts is in memory at a time. Throws bad_input when a text is empty or the
/// model gives values that are not finite; usage when n_last is below 1; errors of the engine pass through.
void for_each_latent(Engine& engine, std::span<const std::string> texts, const LatentOptions& options,
                     const std::function<void(std::size_t, std::span<const float>)>& use);

/// Mean latent of texts, float64 sums in their order; [n_layer][n_embd]. Throws bad_input when there is no
/// text.
std::vector<double> mean_latent(Engine& engine, std::span<const std::string> texts,
                                const LatentOptions& options = {});

/// Latents of both texts of each pair: [n_pair][n_layer * n_embd].
struct PairLatents {
    std::vector<std::vector<float>> negative, positive;

    /// Positive minus negative of each pair.
    std::vector<std::vector<float>> differences() const;
};

/// Throws bad_input when a text is empty; else as for_each_latent().
PairLatents pair_latents(Engine& engine, std::span<const Pair> pairs, const LatentOptions& options = {});

/// Column means of rows of one length, float64 sums in their order; empty without rows.
std::vector<double> mean_row(std::span<const std::vector<float>> rows);

}  // namespace tiller

// In-context vectors (arXiv 2311.06668, in the form of arXiv 2411.07213's code).
#pragma once

#include <span>
#include <vector>

#include "tiller/checkpoint.h"
#include "tiller/engine.h"
#include "tiller/task.h"
#include "tiller/text_states.h"
#include "tiller/vector.h"

namespace tiller {

struct IcvOptions {
    int n_last = 4;      ///< Tokens at the end of a text whose mean is its latent state.
    float alpha = 1.0f;  ///< Default strength kept in the vector.
    /// States of texts that were read before with the same engine; texts that are read now are added. Not
    /// owned; may be null.
    TextStates* states = nullptr;
};

/// The in-context vector. Each pair gives a difference, positive minus negative, of the latent states of all
/// layers. The vector is the first principal direction of these differences (unit length over all layers
/// together) plus their mean, stored by layer. It is applied to every MLP output at every token with the
/// norm-preserving turn (Operation::turn). From one or two pairs it is the mean only, and the provenance says
/// so: with two, the sign of the principal direction is left to rounding.
/// Throws bad_input when there is no pair or a text is empty, usage when n_last is below 1.
SteeringVector in_context_vector(Engine& engine, std::span<const Pair> pairs, const IcvOptions& options = {},
                                 const Progress& progress = {});

/// The vectors of the first n pairs for each n in `sizes` (each from 1 to the number of pairs), in that
/// order: every text is run once, however many of the sets it is part of. Errors as in_context_vector(), and
/// usage when a size is out of range.
std::vector<SteeringVector> in_context_vectors(Engine& engine, std::span<const Pair> pairs,
                                               std::span<const int> sizes, const IcvOptions& options = {},
                                               const Progress& progress = {});

/// First principal direction (unit length, sign as sklearn's svd_flip: the largest entry of U positive) of
/// the centred rows of a [n][d] matrix, plus their mean: [d], computed in float64. With fewer than three
/// rows, or equal ones, the mean only. `explained` gets the direction's share of the variance (0 for the mean
/// only); may be null. Throws bad_input when there is no row or they differ in length.
std::vector<float> principal_direction_plus_mean(const std::vector<std::vector<float>>& rows,
                                                 double* explained);

}  // namespace tiller

// Figures that predict how well a direction steers, before it is applied: from the latents that it is made
// of, and from the indirect effects of heads.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tiller/vector.h"

namespace tiller {

/// A figure that is computed for each layer. Empty where no layer has one.
struct LayerFigure {
    std::optional<double> mean, best;  ///< Mean and highest value over the layers that have one.
};

/// Figures of the direction between the two texts of pairs. By arXiv 2505.22637 agreement and separability
/// tell how well a task can be steered.
struct PairPredictors {
    /// Mean over pairs of the cosine between a pair's difference and the mean difference of the *other*
    /// pairs, in [-1, 1]. About 0 for unrelated pairs, also for few of them. Needs two pairs or more.
    LayerFigure agreement;
    /// d' = (mean of positives - mean of negatives) / sqrt((variance of positives + of negatives) / 2) of
    /// projections on a mean difference. Even pairs are projected on the mean difference of the odd ones, odd
    /// pairs on that of the even ones; the two d' are averaged. Needs four pairs or more.
    LayerFigure separability;
    /// Share of the differences' variance along their first principal component, in (0, 1]. Of the first 200
    /// pairs at most; needs three pairs or more.
    LayerFigure pca_share;
};
/// The figures of two lists of latents, each [n_pair][n_layer * n_embd], as in PairLatents.
PairPredictors pair_predictors(std::span<const std::vector<float>> negative,
                               std::span<const std::vector<float>> positive, int n_embd);

/// Writes the figures that are there into provenance.settings: the mean over layers as "predictor.agreement",
/// the best layer's value as "predictor.agreement_best", and likewise "separability" and "pca_share".
void set_predictors(SteeringVector& vector, const PairPredictors& predictors);

/// How concentrated the indirect effects are in few heads.
struct AiePredictors {
    double top_share = 0;  ///< The ten largest effects' share of the sum of all positive ones, [0, 1].
    double gini = 0;       ///< Gini coefficient of max(AIE, 0): 0 = all heads equal, near 1 = one head only.
};
/// The figures of a table `aie` [n_layer][n_head]. Empty when no head has a positive effect.
std::optional<AiePredictors> aie_predictors(const std::vector<std::vector<float>>& aie);

}  // namespace tiller

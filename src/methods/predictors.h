// Numbers about a direction that are known before it is tried: of the latents it is made from, and of the
// effects of heads.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tiller/vector.h"

namespace tiller {

/// A figure of every layer: its mean and its highest value. Empty where no layer has one.
struct LayerFigure {
    std::optional<double> mean, best;
};

/// What pairs of texts say about the direction between them (arXiv 2505.22637: agreement and separability
/// tell how well a task can be steered).
struct PairPredictors {
    /// Mean over pairs of the cosine between a pair's difference and the mean difference of the *other*
    /// pairs, in [-1, 1]: 0 where pairs have nothing in common, however few they are. Two pairs or more.
    LayerFigure agreement;
    /// d' = (mean of positives - mean of negatives) / sqrt((variance of positives + of negatives) / 2) of the
    /// projections on the mean difference of other pairs: even pairs on that of odd ones and the other way
    /// round, averaged. Four pairs or more.
    LayerFigure separability;
    /// Share of variance of the differences' first principal component, in (0, 1]. Three pairs or more; the
    /// first 200 at most.
    LayerFigure pca_share;
};
/// Of rows [n_pair][n_layer * n_embd], as PairLatents has them.
PairPredictors pair_predictors(std::span<const std::vector<float>> negative,
                               std::span<const std::vector<float>> positive, int n_embd);

/// Writes what there is into provenance.settings: "predictor.agreement", "predictor.agreement_best", and so
/// on.
void set_predictors(SteeringVector& vector, const PairPredictors& predictors);

/// How few heads carry the effects, of a table [n_layer][n_head] of AIE.
struct AiePredictors {
    double top_share = 0;  ///< Share of all positive effects that the ten highest heads have, [0, 1].
    double gini = 0;  ///< Gini coefficient of the positive parts: 0 = all heads alike, near 1 = one head.
};
/// Empty when no head has a positive effect.
std::optional<AiePredictors> aie_predictors(const std::vector<std::vector<float>>& aie);

}  // namespace tiller

// First principal direction of a few long rows.
#pragma once

#include <span>
#include <vector>

namespace tiller {

struct PrincipalDirection {
    std::vector<double> mean;       ///< Of the rows.
    std::vector<double> component;  ///< Of the centred rows, unit length; empty when they do not vary. Its
                                    ///< sign is svd_flip's: the largest entry of U is positive.
    double explained = 0;           ///< Share of variance.
};

/// Float64 inside. Throws bad_input when there is no row or their lengths differ.
PrincipalDirection principal_direction(std::span<const std::span<const float>> rows);

}  // namespace tiller

// The first principal direction of a matrix with few, long rows.
#pragma once

#include <span>
#include <vector>

namespace tiller {

struct PrincipalDirection {
    std::vector<double> mean;       ///< Mean of the rows, [d].
    std::vector<double> component;  ///< [d], of the centred rows, unit length; empty when all rows are equal.
                                    ///< Sign as sklearn's svd_flip: the entry of the left singular vector
                                    ///< with the largest absolute value is positive.
    double explained = 0;           ///< Share of the variance along `component`, [0, 1].
};

/// Of rows [n][d]. Float64 inside. Throws bad_input when there is no row or their lengths differ.
PrincipalDirection principal_direction(std::span<const std::span<const float>> rows);

}  // namespace tiller

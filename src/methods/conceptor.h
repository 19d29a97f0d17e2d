// Conceptors (arXiv 2410.16314, section 3) as scaled eigenvectors instead of [width][width] matrices: a
// conceptor made from n activations has a rank of at most n.
#pragma once

#include <span>
#include <vector>

namespace tiller {

/// A conceptor C = R (R + alpha^-2 I)^-1 of the rows x of a matrix X about a centre m, with R = (X - m)^T
/// (X - m) / n. The aperture here is the dimensionless a = alpha * sqrt(trace R), where sqrt(trace R) is the
/// root mean square length of x - m. So one value means the same for every model and layer.
struct Conceptor {
    /// W with C = W^T W, [n_row][width], n_row >= 1. Row k is sqrt(c_k) u_k, with the eigenvalue c_k of C and
    /// its eigenvector u_k of unit length, by falling c_k. One row of zeros when R is zero.
    std::vector<float> rows;
    /// Share of trace R that the rows cover, in [0, 1]; below 1 when max_row left out eigenvectors.
    double kept = 1;
};

/// The conceptor of aperture 1 of the rows `x` about `centre` [width]: c_k = lambda_k / (lambda_k + trace R),
/// at most 1/2, for the eigenvalues lambda_k of R. Keeps at most `max_row` eigenvectors, those with the
/// largest lambda_k. Eigenvalues of at most 1e-9 of the largest count as rounding errors and are left out.
/// Float64 inside. Throws bad_input when there is no row or a row's length differs from the centre's.
Conceptor make_conceptor(std::span<const std::span<const float>> x, std::span<const float> centre,
                         int max_row);

/// The rows of beta * C at `aperture`, computed from `rows`, those of C at aperture 1: c_k becomes
/// beta * c_k / (c_k + (1 - c_k) / aperture^2). Both are [n_row][width], in the same order. `aperture` and
/// `beta` are above 0.
std::vector<float> rescale_conceptor(std::span<const float> rows, std::size_t width, double aperture,
                                     double beta);

}  // namespace tiller

// The algebra of conceptors (arXiv 2410.16314, section 3), without their matrices: a conceptor of n rows
// has a rank of n at most, so it is kept as its eigenvectors.
#pragma once

#include <span>
#include <vector>

namespace tiller {

/// A conceptor C = R (R + alpha^-2 I)^-1 of the rows x of a matrix X about a centre m, with R = (X - m)^T
/// (X - m) / n. Its aperture is the dimensionless a = alpha * sqrt(trace R): alpha in units of the root mean
/// square length of x - m, so that one value means the same for every model and layer.
struct Conceptor {
    /// sqrt(c_k) u_k for eigenvectors u_k (unit length) and eigenvalues c_k of C, by falling c_k: C = W^T W.
    /// [n_row][width], n_row >= 1; one row of zeros when R is zero.
    std::vector<float> rows;
    /// Share of trace R within the rows, [0, 1]: below 1 when there were more than max_row.
    double kept = 1;
};

/// The conceptor of aperture 1, where c_k = lambda_k / (lambda_k + trace R) is at most 1/2. Eigenvectors of
/// R whose eigenvalues are rounding (below 1e-9 of the largest) are left out. Float64 inside. Throws
/// bad_input when there is no row or a length differs from the centre's.
Conceptor make_conceptor(std::span<const std::span<const float>> x, std::span<const float> centre,
                         int max_row);

/// Rows of beta * C at another aperture, of the rows of C at aperture 1: c_k becomes c_k / (c_k + (1 - c_k) /
/// aperture^2), in [0, 1). `rows` is [n_row][width]; aperture and beta above 0.
std::vector<float> rescale_conceptor(std::span<const float> rows, std::size_t width, double aperture,
                                     double beta);

}  // namespace tiller

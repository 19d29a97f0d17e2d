// In-context vectors (arXiv 2311.06668, as arXiv 2411.07213's code computes them).
#include <fmt/format.h>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

#include "tiller/error.h"
#include "tiller/method.h"

namespace tiller {

std::vector<float> principal_direction_plus_mean(const std::vector<std::vector<float>>& rows,
                                                 double* explained) {
    if (rows.empty()) throw Error(Code::bad_input, "a principal direction needs at least one row");
    const auto n = static_cast<Eigen::Index>(rows.size());
    const auto d = static_cast<Eigen::Index>(rows[0].size());
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (rows[i].size() != rows[0].size())
            throw Error(Code::bad_input,
                        fmt::format("row {} of the matrix has {} values, expected {}", i, rows[i].size(), d));
    Eigen::MatrixXd x(n, d);
    for (Eigen::Index i = 0; i < n; ++i)
        for (Eigen::Index j = 0; j < d; ++j)
            x(i, j) = static_cast<double>(rows[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)]);
    const Eigen::RowVectorXd mean = x.colwise().mean();
    x.rowwise() -= mean;
    Eigen::RowVectorXd direction = mean;
    if (explained) *explained = 0;
    if (n >= 3) {
        // d is layers x width and n a hundred or so: the n x n Gram matrix has the same left singular
        // vectors.
        const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(x * x.transpose());
        Eigen::VectorXd u = solver.eigenvectors().col(n - 1);
        const double variance = std::max(0.0, solver.eigenvalues()(n - 1));
        const double total = solver.eigenvalues().cwiseMax(0.0).sum();
        if (variance > 0 && total > 0) {
            Eigen::Index largest = 0;
            u.cwiseAbs().maxCoeff(&largest);
            if (u(largest) < 0) u = -u;  // svd_flip
            const Eigen::RowVectorXd component = u.transpose() * x / std::sqrt(variance);
            direction += component / component.norm();
            if (explained) *explained = variance / total;
        }
    }
    std::vector<float> out(static_cast<std::size_t>(d));
    for (Eigen::Index j = 0; j < d; ++j) out[static_cast<std::size_t>(j)] = static_cast<float>(direction(j));
    return out;
}

namespace {

SteeringVector vector_of(const ModelInfo& info, const std::vector<std::vector<float>>& differences,
                         const IcvOptions& options) {
    double explained = 0;
    const auto reference = principal_direction_plus_mean(differences, &explained);
    SteeringVector v;
    v.method = "icv";
    v.site = Site::mlp_output;
    v.operation = Operation::turn;
    v.positions = Positions::Kind::all;
    v.scale = options.alpha;
    const auto width = static_cast<std::size_t>(info.n_embd);
    for (int il = 0; il < info.n_layer; ++il) {
        auto& direction = v.directions[il];
        for (std::size_t e = 0; e < width; ++e)
            direction.push_back(-reference[static_cast<std::size_t>(il) * width + e]);
    }
    v.provenance.settings["pairs"] = std::to_string(differences.size());
    v.provenance.settings["n_last"] = std::to_string(options.n_last);
    v.provenance.settings["explained_variance"] = fmt::format("{:.6g}", explained);
    v.provenance.settings["direction"] =
        differences.size() >= 3 ? "first principal direction + mean" : "mean only (fewer than three pairs)";
    return v;
}

}  // namespace

std::vector<SteeringVector> in_context_vectors(Engine& engine, std::span<const Pair> pairs,
                                               std::span<const int> sizes, const IcvOptions& options,
                                               const Progress& progress) {
    if (pairs.empty())
        throw Error(Code::bad_input, "no pairs; give at least one {\"negative\", \"positive\"}");
    if (options.n_last < 1)
        throw Error(Code::usage, fmt::format("--n-last {}: expected at least 1 token", options.n_last));
    for (const int n : sizes)
        if (n < 1 || static_cast<std::size_t>(n) > pairs.size())
            throw Error(Code::usage,
                        fmt::format("in_context_vectors: a set of {} pairs; expected 1 to {}, which is how "
                                    "many pairs there are",
                                    n, pairs.size()));
    // Latents are bounded: a chunk of pairs at a time.
    constexpr std::size_t chunk = 32;
    std::vector<std::vector<float>> differences;
    for (std::size_t begin = 0; begin < pairs.size(); begin += chunk) {
        const auto part = pairs.subspan(begin, std::min(chunk, pairs.size() - begin));
        std::vector<Row> rows;
        for (const Pair& pair : part)
            for (const std::string* text : {&pair.negative, &pair.positive}) {
                Row row;
                row.prompt = engine.model().tokenize(*text);
                if (row.prompt.empty() || text->empty())
                    throw Error(Code::bad_input,
                                fmt::format("pair {} has an empty text", begin + rows.size() / 2));
                row.captures.push_back(
                    {Site::residual, 0, -1, {Positions::Kind::last_k, 0, options.n_last}, true});
                rows.push_back(std::move(row));
            }
        const auto results = engine.run(rows);
        for (std::size_t p = 0; p < part.size(); ++p) {
            const auto& negative = results[2 * p].captured[0].values;
            const auto& positive = results[2 * p + 1].captured[0].values;
            // The reference's order (negative minus positive): it decides the sign that svd_flip picks.
            auto& difference = differences.emplace_back(negative.size());
            for (std::size_t i = 0; i < negative.size(); ++i) difference[i] = negative[i] - positive[i];
        }
        if (progress) progress(std::min(begin + chunk, pairs.size()), pairs.size());
    }
    std::vector<SteeringVector> vectors;
    for (const int n : sizes)
        vectors.push_back(vector_of(engine.info(), {differences.begin(), differences.begin() + n}, options));
    return vectors;
}

SteeringVector in_context_vector(Engine& engine, std::span<const Pair> pairs, const IcvOptions& options,
                                 const Progress& progress) {
    const int all = static_cast<int>(pairs.size());
    return in_context_vectors(engine, pairs, std::span(&all, 1), options, progress).front();
}

}  // namespace tiller

// random_like(): the null hypothesis has the norms of the vector and nothing else of it.
#include <gtest/gtest.h>

#include <Eigen/SVD>
#include <algorithm>
#include <cmath>

#include "support/engine_rows.h"
#include "tiller/method.h"

using namespace tiller;
using namespace tiller::test;

namespace {

double dot(const std::vector<float>& a, const std::vector<float>& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    return sum;
}
double norm(const std::vector<float>& a) { return std::sqrt(dot(a, a)); }

SteeringVector vector_of_layers() {
    SteeringVector v;
    v.method = "icv";
    v.site = Site::mlp_output;
    v.operation = Operation::turn;
    v.positions = Positions::Kind::all;
    v.scale = 0.7f;
    for (int il : {0, 1, 5})
        v.directions[il] =
            *random_vector(640, static_cast<unsigned>(il), 0.01f * static_cast<float>(1 + 40 * il));
    v.directions[6].assign(640, 0.0f);
    v.heads = {{0, 0, 0.5f}};
    v.aie = {{0.5f}};
    v.mean_head_output = {{1.0f, 2.0f}};
    v.provenance.task = "antonym";
    return v;
}

TEST(MethodsRandom, KeepsNormsSiteAndOperation) {
    const SteeringVector v = vector_of_layers(), random = random_like(v, 3);
    EXPECT_EQ(random.method, "random");
    EXPECT_EQ(random.site, v.site);
    EXPECT_EQ(random.operation, v.operation);
    EXPECT_EQ(random.positions, v.positions);
    EXPECT_EQ(random.scale, v.scale);
    EXPECT_EQ(random.provenance.seed, 3u);
    EXPECT_EQ(random.provenance.task, "antonym");
    EXPECT_EQ(random.provenance.settings.at("norms_of"), "icv");
    EXPECT_TRUE(random.heads.empty() && random.aie.empty() && random.mean_head_output.empty());
    ASSERT_EQ(random.directions.size(), v.directions.size());
    for (const auto& [il, direction] : v.directions) {
        ASSERT_EQ(random.directions.at(il).size(), direction.size());
        EXPECT_NEAR(norm(random.directions.at(il)), norm(direction), 1e-6 * norm(direction))
            << "layer " << il;
    }
    EXPECT_EQ(norm(random.directions.at(6)), 0);
}

// Rows that are not orthogonal: the singular values are those of W, not the lengths of its rows.
TEST(MethodsRandom, ProjectionsKeepTheirSingularValuesAndTheirCentre) {
    constexpr int width = 40, n_row = 5;
    using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    const auto rows_of = [](const std::vector<float>& values) -> Eigen::MatrixXd {
        return Eigen::Map<const Matrix>(values.data() + width, n_row, width).cast<double>();
    };
    SteeringVector v;
    v.method = "conceptor";
    v.operation = Operation::project;
    v.provenance.n_embd = width;
    v.directions[2] = *random_projection(width, n_row, 5);
    for (std::size_t i = 0; i < width; ++i)  // the last row is nearly the first
        v.directions[2][n_row * width + i] = v.directions[2][width + i] + 0.01f * v.directions[2][i];
    const SteeringVector random = random_like(v, 3);
    EXPECT_EQ(random.operation, Operation::project);
    const auto &a = v.directions.at(2), &b = random.directions.at(2);
    ASSERT_EQ(a.size(), b.size());
    EXPECT_TRUE(std::equal(a.begin(), a.begin() + width, b.begin())) << "the centre";
    const Eigen::MatrixXd w = rows_of(a), drawn = rows_of(b);
    const Eigen::VectorXd expected = Eigen::JacobiSVD<Eigen::MatrixXd>(w).singularValues();
    const Eigen::MatrixXd gram = drawn * drawn.transpose();
    for (Eigen::Index k = 0; k < n_row; ++k)
        for (Eigen::Index l = 0; l < n_row; ++l)
            EXPECT_NEAR(gram(k, l), k == l ? expected(k) * expected(k) : 0, 1e-5) << k << " " << l;
    // Where they point is the seed's choice alone.
    EXPECT_EQ(random_like(v, 3).directions, random.directions);
    EXPECT_GT((drawn - rows_of(random_like(v, 4).directions.at(2))).norm(), 0.1);
    // Random rows of 40 numbers hold an eighth of a direction's length, squared, on average.
    const Eigen::JacobiSVD<Eigen::MatrixXd> own(w, Eigen::ComputeThinV);
    EXPECT_LT((drawn.row(0).normalized() * own.matrixV()).squaredNorm(), 0.5);
}

TEST(MethodsRandom, DirectionsAreNormalNumbersOfTheSeed) {
    const SteeringVector v = vector_of_layers(), a = random_like(v, 3), b = random_like(v, 4);
    EXPECT_EQ(random_like(v, 3).directions, a.directions);
    // 640 dimensions: cosines of independent directions have the standard deviation 0.04.
    for (int il : {0, 1, 5}) {
        const auto& x = a.directions.at(il);
        EXPECT_LT(std::fabs(dot(x, b.directions.at(il)) / norm(x) / norm(x)), 0.2) << "seeds, layer " << il;
        EXPECT_LT(std::fabs(dot(x, v.directions.at(il)) / norm(x) / norm(x)), 0.2)
            << "the vector itself, layer " << il;
        double fourth = 0, sum = 0;
        for (float e : x) {
            const double z = e * std::sqrt(640.0) / norm(x);
            fourth += z * z * z * z / 640;
            sum += z / 640;
        }
        EXPECT_NEAR(sum, 0, 0.2) << "layer " << il;
        EXPECT_NEAR(fourth, 3, 1.2) << "kurtosis of a normal variable, layer " << il;
    }
    const auto& x = a.directions.at(0);
    const auto& y = a.directions.at(1);
    EXPECT_LT(std::fabs(dot(x, y) / norm(x) / norm(y)), 0.2) << "layers must not share a direction";
}

}  // namespace

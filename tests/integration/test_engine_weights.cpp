// What weights are computed with: kernels of quantised weights against the same weights as float32, and
// float32 against a float32 file of the same values.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "support/engine_rows.h"

using namespace tiller;
using namespace tiller::test;

namespace {

ModelOptions as(Weights weights) {
    ModelOptions options;
    options.weights = weights;
    return options;
}

// Widths of 256, which all quantised types fit; an output of 300 tokens does not fill whole tiles.
std::filesystem::path wide_model() {
    TinyOptions o;
    o.n_embd = 256, o.n_ff = 512, o.d_head = 64, o.n_layer = 2;
    return make_tiny_model(o);
}

std::vector<Row> rows_of(int n) {
    std::vector<Row> rows;
    for (int i = 0; i < n; ++i)
        rows.push_back(logits_row(random_prompt(3 + i % 40, static_cast<unsigned>(i))));
    return rows;
}

std::vector<RowResult> run(const std::filesystem::path& file, Weights weights, const std::vector<Row>& rows) {
    Engine engine(Model::load(file, as(weights)), exact(64, 2));
    return engine.run(rows);
}

double relative_difference(const std::vector<float>& a, const std::vector<float>& b) {
    double difference = 0, size = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        difference += (a[i] - b[i]) * (a[i] - b[i]);
        size += a[i] * a[i];
    }
    return std::sqrt(difference / size);
}

class EngineWeights : public testing::TestWithParam<const char*> {};

// The kernels of quantised weights round activations to 8 bits and nothing else: a wrong one gives other
// numbers altogether.
TEST_P(EngineWeights, QuantisedKernelsComputeTheSameProducts) {
    const auto file = quantise_tiny_model(wide_model(), GetParam());
    const auto rows = rows_of(70);
    const double bound = std::string(GetParam()).back() == 'K' ? 0.06 : 0.03;
    const auto quantised = run(file, Weights::file, rows), floats = run(file, Weights::float32, rows);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        ASSERT_EQ(quantised[i].logits.size(), floats[i].logits.size());
        const double difference = relative_difference(floats[i].logits, quantised[i].logits);
        EXPECT_LT(difference, bound) << GetParam() << ", prompt of " << rows[i].prompt.size() << " tokens";
        EXPECT_GT(difference, 0) << "these were not the quantised kernels";
    }
}

TEST_P(EngineWeights, Float32IsAFileOfTheSameValues) {
    const auto file = quantise_tiny_model(wide_model(), GetParam());
    const auto rows = rows_of(9);
    const auto made = run(file, Weights::float32, rows);
    const auto read = run(quantise_tiny_model(file, "F32"), Weights::file, rows);
    for (std::size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(made[i].logits, read[i].logits);
}

INSTANTIATE_TEST_SUITE_P(Types, EngineWeights,
                         testing::Values("F16", "Q4_0", "Q4_1", "Q5_0", "Q8_0", "Q4_K", "Q5_K", "Q6_K"),
                         [](const auto& of) { return std::string(of.param); });

TEST(EngineWeightsInfo, SaysWhatItComputesWith) {
    const auto file = quantise_tiny_model(wide_model(), "Q8_0");
    const auto plain = Model::load(file), floats = Model::load(file, as(Weights::float32));
    EXPECT_EQ(plain->info().weights, Weights::file);
    EXPECT_EQ(floats->info().weights, Weights::float32);
    EXPECT_EQ(plain->info().digest, floats->info().digest) << "it is the same model";
    EXPECT_EQ(plain->info().quantisation, floats->info().quantisation) << "of the file";
}

TEST(EngineWeightsInfo, ASplitModelBecomesOneOfFloats) {
    const auto file = quantise_tiny_model(wide_model(), "Q8_0");
    const auto whole = run(file, Weights::float32, rows_of(3));
    const auto split = run(split_tiny_model(file), Weights::float32, rows_of(3));
    for (std::size_t i = 0; i < whole.size(); ++i) EXPECT_EQ(whole[i].logits, split[i].logits);
}

}  // namespace

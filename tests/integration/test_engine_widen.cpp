// Widening Q5_0 to Q8_0 must not change a value.
#include <ggml.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "engine/widen.h"

namespace tiller::engine {
namespace {

std::vector<float> dequantised(ggml_type type, const std::vector<std::uint8_t>& bytes, std::size_t n) {
    std::vector<float> out(n);
    ggml_get_type_traits(type)->to_float(bytes.data(), out.data(), static_cast<std::int64_t>(n));
    return out;
}

TEST(Widen, KeepsEveryValueBitForBit) {
    constexpr std::int64_t n_row = 64, width = 640;
    std::mt19937 random(7);
    std::normal_distribution<float> normal(0.0f, 0.3f);
    std::vector<float> weights(n_row * width);
    for (float& w : weights) w = normal(random);
    std::vector<std::uint8_t> q5(ggml_row_size(GGML_TYPE_Q5_0, width) * n_row);
    ggml_quantize_chunk(GGML_TYPE_Q5_0, weights.data(), q5.data(), 0, n_row, width, nullptr);

    const auto q8 = widen_q5_0(q5);
    ASSERT_EQ(q8.size(), ggml_row_size(GGML_TYPE_Q8_0, width) * n_row);
    const auto before = dequantised(GGML_TYPE_Q5_0, q5, weights.size());
    const auto after = dequantised(GGML_TYPE_Q8_0, q8, weights.size());
    EXPECT_EQ(std::memcmp(before.data(), after.data(), before.size() * sizeof(float)), 0);
}

TEST(Widen, EveryLevelAndBothHighBits) {
    // One block that holds all 32 levels, with scale 1.
    std::vector<std::uint8_t> block(22);
    const std::uint16_t one = 0x3c00;
    std::memcpy(block.data(), &one, 2);
    std::uint32_t high = 0;
    for (unsigned j = 0; j < 16; ++j) {
        block[6 + j] = static_cast<std::uint8_t>(j | (15 - j) << 4);
        high |= 1u << (j + 16);  // the upper half of the block has the high bit
    }
    std::memcpy(block.data() + 2, &high, 4);
    const auto wide = widen_q5_0(block);
    ASSERT_EQ(wide.size(), 34u);
    for (int j = 0; j < 16; ++j) {
        EXPECT_EQ(static_cast<std::int8_t>(wide[static_cast<std::size_t>(2 + j)]), j - 16);
        EXPECT_EQ(static_cast<std::int8_t>(wide[static_cast<std::size_t>(18 + j)]), 15 - j);
    }
}

}  // namespace
}  // namespace tiller::engine

// The engine's operations row by row (cmake/engine/row_operations.patch) against what ggml computes value by
// value, to the bit. On processors without AVX2 they are ggml's own.
#include <ggml-cpu.h>
#include <ggml.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <iterator>
#include <limits>
#include <memory>
#include <random>
#include <tuple>
#include <vector>

namespace tiller {
namespace {

std::vector<float> random_values(std::size_t n, unsigned seed, float spread = 2) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0, spread);
    std::vector<float> out(n);
    for (float& x : out) x = normal(random);
    return out;
}

float as_half(float x) { return ggml_fp16_to_fp32(ggml_fp32_to_fp16(x)); }

struct Free {
    void operator()(ggml_context* p) const { ggml_free(p); }
};

// Computes one graph with two threads: `build` makes its tensors and gives back the result.
class Graph {
public:
    explicit Graph(const std::function<ggml_tensor*(ggml_context*)>& build)
        : context_(ggml_init({.mem_size = 32u << 20, .mem_buffer = nullptr, .no_alloc = false})) {
        ggml_tensor* result = build(context_.get());
        ggml_cgraph* graph = ggml_new_graph(context_.get());
        ggml_build_forward_expand(graph, result);
        EXPECT_EQ(ggml_graph_compute_with_ctx(context_.get(), graph, 2), GGML_STATUS_SUCCESS);
        const auto* values = static_cast<const float*>(result->data);
        if (result->type == GGML_TYPE_F32) floats.assign(values, values + ggml_nelements(result));
        const auto* halves = static_cast<const ggml_fp16_t*>(result->data);
        if (result->type == GGML_TYPE_F16) bits.assign(halves, halves + ggml_nelements(result));
    }
    std::vector<float> floats;
    std::vector<ggml_fp16_t> bits;

private:
    std::unique_ptr<ggml_context, Free> context_;
};

ggml_tensor* tensor_of(ggml_context* context, const std::vector<float>& values, std::int64_t n0,
                       std::int64_t n1, std::int64_t n2) {
    ggml_tensor* t = ggml_new_tensor_3d(context, GGML_TYPE_F32, n0, n1, n2);
    std::copy(values.begin(), values.end(), static_cast<float*>(t->data));
    return t;
}

void expect_same(const std::vector<float>& got, const std::vector<float>& expected) {
    ASSERT_EQ(got.size(), expected.size());
    for (std::size_t i = 0; i < got.size(); ++i)
        ASSERT_EQ(std::bit_cast<std::uint32_t>(got[i]), std::bit_cast<std::uint32_t>(expected[i]))
            << "value " << i << ": " << got[i] << " for " << expected[i];
}

// A row that K-quants are multiplied with: 256 values in 8 bits, and the sums of sixteen of them each.
struct BlockOfQ8K {
    float d;
    std::int8_t values[256];
    std::int16_t sums[16];
};

// What ggml's quantize_row_q8_K_ref() does: the first of the largest values becomes -127.
BlockOfQ8K rounded(const std::vector<float>& x) {
    BlockOfQ8K out{};
    float largest = 0;
    for (const float v : x)
        if (std::fabs(v) > std::fabs(largest)) largest = v;
    if (largest == 0) return out;
    const float scale = -127.f / largest;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const float scaled = scale * x[i];
        const float whole = std::isnan(scaled) ? 0 : std::nearbyint(scaled);  // ties: to the even one
        out.values[i] = static_cast<std::int8_t>(std::min(127.f, whole));
        out.sums[i / 16] = static_cast<std::int16_t>(out.sums[i / 16] + out.values[i]);
    }
    out.d = 1 / scale;
    return out;
}

TEST(RowOperations, RowsForKQuantsAreThoseOfTheReference) {
    const auto* traits = ggml_get_type_traits_cpu(GGML_TYPE_Q8_K);
    ASSERT_NE(traits->from_float, nullptr);
    constexpr std::size_t n = 256;
    ASSERT_EQ(ggml_row_size(GGML_TYPE_Q8_K, n), sizeof(BlockOfQ8K));
    std::vector<std::vector<float>> rows;
    for (unsigned seed = 0; seed < 200; ++seed)
        rows.push_back(random_values(n, seed, std::pow(10.0f, static_cast<float>(seed % 9) - 4)));
    rows.emplace_back(n, 0.25f);
    rows.emplace_back(n, -1e-3f);
    rows.emplace_back(n, 0.0f);
    rows.push_back(random_values(n, 7));
    rows.back()[100] = 9, rows.back()[37] = -9;  // the first of equal sizes decides on the sign
    rows.push_back(random_values(n, 8));
    rows.back()[100] = -9, rows.back()[37] = 9;
    std::vector<float> halves;
    for (int i = 0; i < static_cast<int>(n); ++i) halves.push_back(static_cast<float>(i - 127) / 2);
    halves[255] = 127;  // a scale of -1, so that half of the values are ties
    rows.push_back(halves);
    rows.push_back(random_values(n, 9));
    rows.back()[255] = std::numeric_limits<float>::quiet_NaN();
    for (std::size_t r = 0; r < rows.size(); ++r) {
        const BlockOfQ8K expected = rounded(rows[r]);
        BlockOfQ8K got{};
        traits->from_float(rows[r].data(), &got, n);
        EXPECT_EQ(std::bit_cast<std::uint32_t>(got.d), std::bit_cast<std::uint32_t>(expected.d))
            << "row " << r;
        EXPECT_TRUE(std::equal(std::begin(got.values), std::end(got.values), expected.values)) << "row " << r;
        EXPECT_TRUE(std::equal(std::begin(got.sums), std::end(got.sums), expected.sums)) << "row " << r;
    }
}

TEST(RowOperations, GatedGeluIsThatOfTheTable) {
    std::vector<float> x = random_values(1003 * 3, 1, 4), g = random_values(1003 * 3, 2, 4);
    x[0] = -10, x[1] = 10, x[2] = -10.01f, x[3] = 10.01f, x[4] = -9.99f, x[5] = 9.99f, x[6] = 0, x[7] = -0.0f;
    x[8] = 1e30f, x[9] = -1e30f, x[10] = 1e-30f;
    const Graph gated([&](ggml_context* c) {
        return ggml_geglu_split(c, tensor_of(c, x, 1003, 3, 1), tensor_of(c, g, 1003, 3, 1));
    });
    // The table, value by value: GELU of every float16 by the same operation without a gate.
    std::vector<float> expected, halves;
    for (const float value : x) halves.push_back(as_half(value));
    const Graph gelu([&](ggml_context* c) { return ggml_gelu(c, tensor_of(c, halves, 1003, 3, 1)); });
    for (std::size_t i = 0; i < x.size(); ++i)
        expected.push_back(x[i] <= -10 ? 0.0f : x[i] >= 10 ? x[i] * g[i] : gelu.floats[i] * g[i]);
    expect_same(gated.floats, expected);
}

TEST(RowOperations, NormsAddUpEachRowInItsOrder) {
    for (const auto& [n, n_head, n_token] :
         {std::tuple{640, 1, 1}, {640, 1, 7}, {640, 64, 1}, {256, 4, 9}, {256, 1, 33}, {17, 3, 5}}) {
        const auto x = random_values(static_cast<std::size_t>(n * n_head * n_token), 3);
        const auto w = random_values(static_cast<std::size_t>(n), 4);
        const Graph normed([&](ggml_context* c) {
            return ggml_mul(c, ggml_rms_norm(c, tensor_of(c, x, n, n_head, n_token), 1e-6f),
                            tensor_of(c, w, n, 1, 1));
        });
        std::vector<float> expected;
        for (std::size_t row = 0; row < x.size() / w.size(); ++row) {
            const float* values = x.data() + row * w.size();
            double sum = 0;
            for (std::size_t i = 0; i < w.size(); ++i) {
                const float square = values[i] * values[i];
                sum += static_cast<double>(square);
            }
            const auto mean = static_cast<float>(sum / static_cast<double>(n));
            const float scale = 1.0f / std::sqrt(mean + 1e-6f);
            for (std::size_t i = 0; i < w.size(); ++i) {
                const float scaled = values[i] * scale;
                expected.push_back(scaled * w[i]);
            }
        }
        expect_same(normed.floats, expected);
    }
}

TEST(RowOperations, RowsOfOneValueGoWhereTheyShould) {
    constexpr std::int64_t n = 300, n_place = 4096;
    const auto x = random_values(n, 5);
    const Graph scattered([&](ggml_context* c) {
        ggml_tensor* to = ggml_new_tensor_2d(c, GGML_TYPE_F16, 1, n_place);
        std::fill_n(static_cast<ggml_fp16_t*>(to->data), n_place, ggml_fp16_t{0});
        ggml_tensor* places = ggml_new_tensor_1d(c, GGML_TYPE_I64, n);
        for (std::int64_t i = 0; i < n; ++i) static_cast<std::int64_t*>(places->data)[i] = i * 13 % n_place;
        return ggml_set_rows(c, to, tensor_of(c, x, 1, n, 1), places);
    });
    std::vector<ggml_fp16_t> expected(n_place);
    for (std::int64_t i = 0; i < n; ++i)
        expected[static_cast<std::size_t>(i * 13 % n_place)] =
            ggml_fp32_to_fp16(x[static_cast<std::size_t>(i)]);
    EXPECT_EQ(scattered.bits, expected);
}

}  // namespace
}  // namespace tiller

#include "engine/vocabulary_pass.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>

// One function for each vector unit that a machine may have, chosen when the program starts. The build says
// whether its compiler and loader can do that.
#ifdef TILLER_TARGET_CLONES
#define TILLER_FOR_EACH_UNIT __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define TILLER_FOR_EACH_UNIT
#endif

namespace tiller::engine {
namespace {

// Sixteen values whatever the machine has: narrower units take them in parts.
constexpr std::size_t kLanes = 16;
using Floats = float __attribute__((vector_size(4 * kLanes)));
using Ints = std::int32_t __attribute__((vector_size(4 * kLanes)));

constexpr std::size_t kBlock = 32 * kLanes;
constexpr float kLowest = -std::numeric_limits<float>::infinity();

// The largest of a block of at most kBlock values.
TILLER_FOR_EACH_UNIT float block_peak(const float* values, std::size_t n) {
    Floats best = kLowest - Floats{};
    std::size_t i = 0;
    for (; i + kLanes <= n; i += kLanes) {
        Floats x;
        std::memcpy(&x, values + i, sizeof x);
        best = x > best ? x : best;
    }
    float peak = kLowest;
    for (std::size_t lane = 0; lane < kLanes; ++lane) peak = best[lane] > peak ? best[lane] : peak;
    for (; i < n; ++i) peak = values[i] > peak ? values[i] : peak;
    return peak;
}

// Values of a block of at most kBlock that are above `limit`, or, with `equal`, that are the same.
TILLER_FOR_EACH_UNIT std::size_t block_count(const float* values, std::size_t n, float limit, bool equal) {
    Ints counts{};
    std::size_t i = 0;
    for (; i + kLanes <= n; i += kLanes) {
        Floats x;
        std::memcpy(&x, values + i, sizeof x);
        counts -= equal ? x == limit : x > limit;  // true is -1
    }
    std::size_t count = 0;
    for (std::size_t lane = 0; lane < kLanes; ++lane) count += static_cast<std::size_t>(counts[lane]);
    for (; i < n; ++i) count += equal ? values[i] == limit : values[i] > limit;
    return count;
}

std::size_t count(std::span<const float> values, float limit, bool equal) {
    std::size_t n = 0;
    for (std::size_t begin = 0; begin < values.size(); begin += kBlock)
        n += block_count(values.data() + begin, std::min(kBlock, values.size() - begin), limit, equal);
    return n;
}

// Replaces x by e^x, for x at most 0, and by 0 where that is tiny. By Cephes' expf: 2^n times a polynomial on
// half an octave to both sides of zero. Says where it is tiny.
__attribute__((always_inline)) inline void exponentiate(Floats& x, Ints& is_tiny) {
    constexpr float log2_e = 1.44269504088896341f, ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;
    constexpr float to_integer = 12582912.0f;  // 1.5 * 2^23: a sum with it has no room for a fraction
    constexpr float least = -87.0f;            // e^least is the last that is not subnormal
    is_tiny = x < least;
    x = is_tiny ? Floats{} : x;
    const Floats shifted = x * log2_e + to_integer;
    const Floats whole = shifted - to_integer;
    Ints bits;
    std::memcpy(&bits, &shifted, sizeof bits);
    std::int32_t zero = 0;
    std::memcpy(&zero, &to_integer, sizeof zero);
    const Ints power_bits = (bits - zero + 127) << 23;
    Floats power;
    std::memcpy(&power, &power_bits, sizeof power);
    x = x - whole * ln2_high - whole * ln2_low;
    Floats p = x * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * x + 8.3334519073e-3f;
    p = p * x + 4.1665795894e-2f;
    p = p * x + 1.6666665459e-1f;
    p = p * x + 5.0000001201e-1f;
    p = p * (x * x) + x + 1.0f;
    x = is_tiny ? Floats{} : p * power;
}

// Reads values i to i + kLanes of n; minus infinity stands for those that are not there.
__attribute__((always_inline)) inline void read(Floats& x, const float* values, std::size_t i,
                                                std::size_t n) {
    if (i + kLanes <= n) {
        std::memcpy(&x, values + i, sizeof x);
    } else {
        x = kLowest - Floats{};
        std::memcpy(&x, values + i, (n - i) * sizeof(float));
    }
}

__attribute__((always_inline)) inline double total(const Floats& sums) {
    double sum = 0;
    for (std::size_t lane = 0; lane < kLanes; ++lane) sum += static_cast<double>(sums[lane]);
    return sum;
}

// Sum over a block of at most kBlock values.
TILLER_FOR_EACH_UNIT double block_sum(const float* values, std::size_t n, float largest) {
    Floats sums{}, x;
    Ints is_tiny;
    for (std::size_t i = 0; i < n; i += kLanes) {
        read(x, values, i, n);
        x -= largest;
        exponentiate(x, is_tiny);
        sums += x;
    }
    return total(sums);
}

// The same in float64, eight values at a time: divergences are small differences of large sums.
constexpr std::size_t kWideLanes = 8;
using Doubles = double __attribute__((vector_size(8 * kWideLanes)));
using Longs = std::int64_t __attribute__((vector_size(8 * kWideLanes)));

// Replaces x by e^x, for x at most 0, and by 0 where that is tiny, by the series on half an octave to both
// sides of zero. Says where it is tiny.
__attribute__((always_inline)) inline void exponentiate(Doubles& x, Longs& is_tiny) {
    constexpr double log2_e = 1.44269504088896340736, ln2_high = 0.693145751953125;
    constexpr double ln2_low = 1.42860682030941723212e-6;
    constexpr double to_integer = 6755399441055744.0;  // 1.5 * 2^52
    constexpr double least = -708.0;                   // e^least is the last that is not subnormal
    is_tiny = x < least;
    x = is_tiny ? Doubles{} : x;
    const Doubles shifted = x * log2_e + to_integer;
    const Doubles whole = shifted - to_integer;
    Longs bits;
    std::memcpy(&bits, &shifted, sizeof bits);
    std::int64_t zero = 0;
    std::memcpy(&zero, &to_integer, sizeof zero);
    const Longs power_bits = (bits - zero + 1023) << 52;
    Doubles power;
    std::memcpy(&power, &power_bits, sizeof power);
    x = x - whole * ln2_high - whole * ln2_low;
    Doubles p = x * (1.0 / 6227020800.0) + 1.0 / 479001600.0;
    p = p * x + 1.0 / 39916800.0;
    p = p * x + 1.0 / 3628800.0;
    p = p * x + 1.0 / 362880.0;
    p = p * x + 1.0 / 40320.0;
    p = p * x + 1.0 / 5040.0;
    p = p * x + 1.0 / 720.0;
    p = p * x + 1.0 / 120.0;
    p = p * x + 1.0 / 24.0;
    p = p * x + 1.0 / 6.0;
    p = p * x + 0.5;
    p = p * (x * x) + x + 1.0;
    x = is_tiny ? Doubles{} : p * power;
}

__attribute__((always_inline)) inline void read(Doubles& x, const float* values, std::size_t i,
                                                std::size_t n) {
    using Floats8 = float __attribute__((vector_size(4 * kWideLanes)));
    Floats8 some = kLowest - Floats8{};
    if (i + kWideLanes <= n)
        std::memcpy(&some, values + i, sizeof some);
    else
        std::memcpy(&some, values + i, (n - i) * sizeof(float));
    x = __builtin_convertvector(some, Doubles);
}

__attribute__((always_inline)) inline double total(const Doubles& sums) {
    double sum = 0;
    for (std::size_t lane = 0; lane < kWideLanes; ++lane) sum += sums[lane];
    return sum;
}

// Adds the sums over a block of at most kBlock values.
TILLER_FOR_EACH_UNIT void add_block_shift(ShiftSums& sums, const float* a, double largest_a, const float* b,
                                          double largest_b, std::size_t n) {
    Doubles of_exp{}, of_exp_b{}, of_value{}, of_difference{}, x{}, y{};
    Longs is_tiny, is_tiny_b;
    for (std::size_t i = 0; i < n; i += kWideLanes) {
        read(x, a, i, n);
        read(y, b, i, n);
        x -= largest_a;
        y -= largest_b;
        const Doubles difference = x - y;
        Doubles e = x;
        exponentiate(e, is_tiny);
        exponentiate(y, is_tiny_b);
        of_exp += e;
        of_exp_b += y;
        of_value += is_tiny ? Doubles{} : e * x;  // 0 times infinity is not a number
        of_difference += is_tiny ? Doubles{} : e * difference;
    }
    sums.exp += total(of_exp);
    sums.exp_b += total(of_exp_b);
    sums.value += total(of_value);
    sums.difference += total(of_difference);
}

}  // namespace

Peak find_peak(std::span<const float> values) {
    Peak peak{values.size(), kLowest};
    std::size_t first = 0;
    for (std::size_t begin = 0; begin < values.size(); begin += kBlock) {
        const float value = block_peak(values.data() + begin, std::min(kBlock, values.size() - begin));
        if (value > peak.value) {
            peak.value = value;
            first = begin;
        }
    }
    if (peak.value > kLowest)
        peak.index = static_cast<std::size_t>(
            std::find(values.begin() + static_cast<std::ptrdiff_t>(first), values.end(), peak.value) -
            values.begin());
    return peak;
}

std::size_t count_before(std::span<const float> values, std::size_t index) {
    return count(values, values[index], false) + count(values.first(index), values[index], true);
}

double sum_exp(std::span<const float> values, float largest) {
    double sum = 0;
    for (std::size_t begin = 0; begin < values.size(); begin += kBlock)
        sum += block_sum(values.data() + begin, std::min(kBlock, values.size() - begin), largest);
    return sum;
}

ShiftSums sum_shift(std::span<const float> a, float largest_a, std::span<const float> b, float largest_b) {
    ShiftSums sums;
    for (std::size_t begin = 0; begin < a.size(); begin += kBlock)
        add_block_shift(sums, a.data() + begin, static_cast<double>(largest_a), b.data() + begin,
                        static_cast<double>(largest_b), std::min(kBlock, a.size() - begin));
    return sums;
}

}  // namespace tiller::engine

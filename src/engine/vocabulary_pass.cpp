#include "engine/vocabulary_pass.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
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

// Exponentials in float32 and, for divergences, which are small differences of large sums, in float64: what
// the passes below need to know of each. A vector has 64 bytes.
template <class Number>
struct Exponential;

template <>
struct Exponential<float> {  // Cephes' expf
    using Values = Floats;
    using Integers = Ints;
    using Read = Floats;
    static constexpr int kBias = 127, kMantissaBits = 23;
    static constexpr float kHalfway = 12582912.0f;  // 1.5 * 2^23: a sum with it has no room for a fraction
    static constexpr float kLeast = -87.0f;         // e^kLeast is the last that is not subnormal
    static constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
    static constexpr float kSeries[] = {1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f,
                                        4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f};
};

template <>
struct Exponential<double> {  // 1/13! to 1/2!
    using Values = double __attribute__((vector_size(64)));
    using Integers = std::int64_t __attribute__((vector_size(64)));
    using Read = float __attribute__((vector_size(32)));
    static constexpr int kBias = 1023, kMantissaBits = 52;
    static constexpr double kHalfway = 6755399441055744.0;
    static constexpr double kLeast = -708.0;
    static constexpr double kLn2High = 0.693145751953125, kLn2Low = 1.42860682030941723212e-6;
    static constexpr double kSeries[] = {1.0 / 6227020800.0, 1.0 / 479001600.0, 1.0 / 39916800.0,
                                         1.0 / 3628800.0,    1.0 / 362880.0,    1.0 / 40320.0,
                                         1.0 / 5040.0,       1.0 / 720.0,       1.0 / 120.0,
                                         1.0 / 24.0,         1.0 / 6.0,         0.5};
};

template <class Number>
using Values = typename Exponential<Number>::Values;
template <class Number>
using Integers = typename Exponential<Number>::Integers;
template <class Number>
constexpr std::size_t kLanesOf = 64 / sizeof(Number);

// Replaces x by e^x, for x at most 0, and by 0 where that is tiny: 2^n times a polynomial on half an octave
// to both sides of zero. Says where it is tiny.
template <class Number>
__attribute__((always_inline)) inline void exponentiate(Values<Number>& x, Integers<Number>& is_tiny) {
    using E = Exponential<Number>;
    constexpr auto log2_e = static_cast<Number>(1.44269504088896340736);
    is_tiny = x < E::kLeast;
    x = is_tiny ? Values<Number>{} : x;
    const Values<Number> shifted = x * log2_e + E::kHalfway;
    const Values<Number> whole = shifted - E::kHalfway;
    Integers<Number> bits, zero;
    const Values<Number> halfway = Values<Number>{} + E::kHalfway;
    std::memcpy(&bits, &shifted, sizeof bits);
    std::memcpy(&zero, &halfway, sizeof zero);
    const Integers<Number> power_bits = (bits - zero + E::kBias) << E::kMantissaBits;
    Values<Number> power;
    std::memcpy(&power, &power_bits, sizeof power);
    x = x - whole * E::kLn2High - whole * E::kLn2Low;
    Values<Number> p = Values<Number>{} + E::kSeries[0];
    for (std::size_t i = 1; i < std::size(E::kSeries); ++i) p = p * x + E::kSeries[i];
    p = p * (x * x) + x + Number{1};
    x = is_tiny ? Values<Number>{} : p * power;
}

// Reads values from i on; minus infinity stands for those beyond n.
template <class Number>
__attribute__((always_inline)) inline void read(Values<Number>& x, const float* values, std::size_t i,
                                                std::size_t n) {
    typename Exponential<Number>::Read some = kLowest - typename Exponential<Number>::Read{};
    if (i + kLanesOf<Number> <= n)
        std::memcpy(&some, values + i, sizeof some);
    else
        std::memcpy(&some, values + i, (n - i) * sizeof(float));
    x = __builtin_convertvector(some, Values<Number>);
}

template <class Number>
__attribute__((always_inline)) inline double total(const Values<Number>& sums) {
    double sum = 0;
    for (std::size_t lane = 0; lane < kLanesOf<Number>; ++lane) sum += static_cast<double>(sums[lane]);
    return sum;
}

// Sum over a block of at most kBlock values.
TILLER_FOR_EACH_UNIT double block_sum(const float* values, std::size_t n, float largest) {
    Floats sums{}, x{};
    Ints is_tiny;
    for (std::size_t i = 0; i < n; i += kLanes) {
        read<float>(x, values, i, n);
        x -= largest;
        exponentiate<float>(x, is_tiny);
        sums += x;
    }
    return total<float>(sums);
}

// Adds the sums over a block of at most kBlock values.
TILLER_FOR_EACH_UNIT void add_block_shift(ShiftSums& sums, const float* a, double largest_a, const float* b,
                                          double largest_b, std::size_t n) {
    Values<double> of_exp{}, of_exp_b{}, of_value{}, of_difference{}, x{}, y{};
    Integers<double> is_tiny, is_tiny_b;
    for (std::size_t i = 0; i < n; i += kLanesOf<double>) {
        read<double>(x, a, i, n);
        read<double>(y, b, i, n);
        x -= largest_a;
        y -= largest_b;
        const Values<double> difference = x - y;
        Values<double> e = x;
        exponentiate<double>(e, is_tiny);
        exponentiate<double>(y, is_tiny_b);
        of_exp += e;
        of_exp_b += y;
        of_value += is_tiny ? Values<double>{} : e * x;  // 0 times infinity is not a number
        of_difference += is_tiny ? Values<double>{} : e * difference;
    }
    sums.exp += total<double>(of_exp);
    sums.exp_b += total<double>(of_exp_b);
    sums.value += total<double>(of_value);
    sums.difference += total<double>(of_difference);
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

// Random numbers for whatever has to come out the same again: splits, prompts, resamples, controls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace tiller {

/// Random numbers that are the same on every machine and standard library (splitmix64 / xoshiro256**).
class Random {
public:
    /// Streams with different names or seeds are independent.
    Random(std::uint64_t seed, std::string_view stream);
    /// Uniform over all 64-bit numbers.
    std::uint64_t next();
    /// Uniform in [0, n), without modulo bias. Throws usage when n is 0.
    std::uint64_t below(std::uint64_t n);
    /// Uniform in [0, 1).
    double uniform();
    /// Standard normal (Box-Muller).
    double normal();
    /// Fisher-Yates.
    template <class T>
    void shuffle(std::vector<T>& values) {
        for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[below(i)]);
    }
    /// k different values of [0, n), in random order. Throws usage unless 0 <= k <= n.
    std::vector<int> sample(int n, int k);

private:
    std::uint64_t state_[4];
};

}  // namespace tiller

#include "tiller/random.h"

#include <cmath>
#include <numbers>
#include <numeric>

#include "tiller/error.h"

namespace tiller {
namespace {

/// FNV-1a over the seed's eight bytes (least first) and the stream's name.
std::uint64_t hash_of(std::uint64_t seed, std::string_view stream) {
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    const auto add = [&](unsigned char byte) { hash = (hash ^ byte) * 0x100000001b3ULL; };
    for (int i = 0; i < 8; ++i) add(static_cast<unsigned char>(seed >> (8 * i)));
    for (const char c : stream) add(static_cast<unsigned char>(c));
    return hash;
}

std::uint64_t splitmix64(std::uint64_t& state) {
    std::uint64_t z = (state += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

constexpr std::uint64_t rotl(std::uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

}  // namespace

Random::Random(std::uint64_t seed, std::string_view stream) {
    std::uint64_t state = hash_of(seed, stream);
    for (auto& word : state_) word = splitmix64(state);
}

// xoshiro256** 1.0 (Blackman and Vigna).
std::uint64_t Random::next() {
    const std::uint64_t result = rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = rotl(state_[3], 45);
    return result;
}

std::uint64_t Random::below(std::uint64_t n) {
    if (n == 0) throw Error(Code::usage, "Random::below(0): expected n > 0; there is no number below 0");
    const std::uint64_t reject =
        (0 - n) % n;  // 2^64 mod n: the numbers below it would come up too often; mutation: same
    for (;;)
        if (const std::uint64_t r = next(); r >= reject) return r % n;  // mutation: same
}

double Random::uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

double Random::normal() {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));  // 1 - u is never 0
    return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

std::vector<int> Random::sample(int n, int k) {
    if (k < 0 || n < 0 || k > n)
        throw Error(Code::usage, "Random::sample: asked for " + std::to_string(k) + " different values of " +
                                     std::to_string(n) + "; expected 0 <= k <= n");
    std::vector<int> values(static_cast<std::size_t>(n));
    std::iota(values.begin(), values.end(), 0);
    const auto count = static_cast<std::size_t>(k);
    for (std::size_t i = 0; i < count; ++i) std::swap(values[i], values[i + below(values.size() - i)]);
    values.resize(count);
    return values;
}

}  // namespace tiller

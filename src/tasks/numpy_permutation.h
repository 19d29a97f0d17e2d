// The random permutation of numpy's legacy generator, by which the paper's code splits tasks.
#pragma once

#include <cstdint>
#include <vector>

namespace tiller {

/// numpy.random.RandomState(seed).permutation(n): the numbers [0, n), shuffled. Mersenne Twister (MT19937)
/// with numpy's bounded whole numbers (masked to the bound's bits, drawn again when above it) and its
/// Fisher-Yates shuffle from the end. The same on every machine. n >= 0.
std::vector<int> numpy_permutation(std::uint32_t seed, int n);

}  // namespace tiller

// The random permutation of numpy's legacy generator, which the paper's splits come from.
#pragma once

#include <cstdint>
#include <vector>

namespace tiller {

/// numpy.random.RandomState(seed).permutation(n): a shuffled [0, n). Mersenne Twister (MT19937) with numpy's
/// bounded whole numbers (a mask of all ones, values above the bound drawn again) and its Fisher-Yates from
/// the end. The same on every machine. n >= 0.
std::vector<int> numpy_permutation(std::uint32_t seed, int n);

}  // namespace tiller

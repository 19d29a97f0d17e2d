#include "tasks/numpy_permutation.h"

#include <bit>
#include <numeric>
#include <random>
#include <utility>

namespace tiller {

std::vector<int> numpy_permutation(std::uint32_t seed, int n) {
    // The C++ standard fixes the seeding and output of mt19937; both are the same as in numpy's RandomState.
    std::mt19937 random(seed);
    std::vector<int> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), 0);
    for (std::size_t i = order.size(); i-- > 1;) {
        const auto bound = static_cast<std::uint32_t>(i);
        const std::uint32_t mask = ~std::uint32_t{0} >> std::countl_zero(bound);
        std::uint32_t j = 0;
        do j = static_cast<std::uint32_t>(random()) & mask;
        while (j > bound);
        std::swap(order[i], order[j]);
    }
    return order;
}

}  // namespace tiller

// The logarithm of a sum of exponentials, in double precision and without overflow. The engine has a faster
// one for a vocabulary's logits (engine/distribution.h).
#pragma once

#include <algorithm>
#include <cmath>
#include <span>

namespace tiller {

/// log(sum(exp(x))) of at least one finite number; x minus it is log softmax(x).
template <class T>
double log_sum_exp(std::span<const T> x) {
    const auto largest = static_cast<double>(*std::max_element(x.begin(), x.end()));
    double sum = 0;
    for (const T value : x) sum += std::exp(static_cast<double>(value) - largest);
    return largest + std::log(sum);
}

}  // namespace tiller

#include "statistics/shift.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tiller/error.h"

namespace tiller {
namespace {

// Logarithm of the sum of exponentials.
double log_sum(std::span<const float> logits) {
    const auto most = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
    double sum = 0;
    for (const float l : logits) sum += std::exp(static_cast<double>(l) - most);
    return most + std::log(sum);
}

}  // namespace

Shift shift_of(std::span<const float> steered, std::span<const float> unsteered) {
    if (steered.empty() || steered.size() != unsteered.size())
        throw Error(Code::usage,
                    fmt::format("distributions over {} and {} tokens cannot be compared; give logits over "
                                "the same vocabulary",
                                steered.size(), unsteered.size()));
    const double of_steered = log_sum(steered), of_unsteered = log_sum(unsteered);
    Shift out;
    for (std::size_t i = 0; i < steered.size(); ++i) {
        const double log_p = static_cast<double>(steered[i]) - of_steered, p = std::exp(log_p);
        if (p == 0) continue;  // its logarithm may be infinite
        out.kl += p * (log_p - (static_cast<double>(unsteered[i]) - of_unsteered));
        out.entropy -= p * log_p;
    }
    out.kl = std::max(out.kl, 0.0);  // rounding
    return out;
}

}  // namespace tiller

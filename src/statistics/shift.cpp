#include "statistics/shift.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "statistics/log_sum_exp.h"
#include "tiller/error.h"

namespace tiller {

Shift shift_of(std::span<const float> steered, std::span<const float> unsteered) {
    if (steered.empty() || steered.size() != unsteered.size())
        throw Error(Code::usage,
                    fmt::format("distributions over {} and {} tokens cannot be compared; give logits over "
                                "the same vocabulary",
                                steered.size(), unsteered.size()));
    const double of_steered = log_sum_exp(steered), of_unsteered = log_sum_exp(unsteered);
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

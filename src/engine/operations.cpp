#include "engine/operations.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

namespace tiller::engine {
namespace {

using Values = Eigen::Map<Eigen::ArrayXf>;
using ConstValues = Eigen::Map<const Eigen::ArrayXf>;

// ICV's update with v = positive - negative (the paper's code keeps -v, hence the signs). The small
// constants are PyTorch's: cosine_similarity divides by max(|x| |v|, 1e-8), normalize by max(|x|, 1e-12).
void turn(Values x, ConstValues v, float strength) {
    const float norm_x = std::sqrt(x.square().sum());
    const float norm_v = std::sqrt(v.square().sum());
    const float cosine = -(x * v).sum() / std::max(norm_x * norm_v, 1e-8f);
    const float lambda = 1.0f + std::max(0.0f, cosine);
    const float step = 0.1f * strength * lambda / std::max(norm_v, 1e-12f);
    x = x / std::max(norm_x, 1e-12f) + step * v;
    x *= norm_x / std::max(std::sqrt(x.square().sum()), 1e-12f);
}

}  // namespace

void apply(Operation operation, std::span<float> x_span, std::span<const float> v_span, float strength) {
    if (strength == 0.0f) return;
    Values x(x_span.data(), static_cast<Eigen::Index>(x_span.size()));
    ConstValues v(v_span.data(), static_cast<Eigen::Index>(v_span.size()));
    switch (operation) {
        case Operation::add: x += strength * v; break;
        case Operation::replace:
            if (strength == 1.0f)
                x = v;
            else
                x += strength * (v - x);
            break;
        case Operation::turn: turn(x, v, strength); break;
    }
}

}  // namespace tiller::engine

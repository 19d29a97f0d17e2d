#include "engine/operations.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

namespace tiller::engine {
namespace {

using Values = Eigen::Map<Eigen::ArrayXf>;
using ConstValues = Eigen::Map<const Eigen::ArrayXf>;

// The small constants of ICV's update are PyTorch's: cosine_similarity divides by max(|x| |v|, 1e-8),
// normalize by max(|x|, 1e-12).
float norm(const Eigen::Ref<const Eigen::ArrayXf>& x) { return std::sqrt(x.square().sum()); }

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
        case Operation::turn: {
            const Term term{v_span, strength};
            turn(x_span, std::span(&term, 1));
            break;
        }
        case Operation::project: {
            const auto centre = v.head(x.size());
            const Eigen::ArrayXf offset = x - centre;
            Eigen::ArrayXf y = centre;
            for (Eigen::Index at = x.size(); at < v.size(); at += x.size()) {
                const auto row = v.segment(at, x.size());
                y += (row * offset).sum() * row;
            }
            if (strength == 1.0f)
                x = y;
            else
                x += strength * (y - x);
            break;
        }
    }
}

void turn(std::span<float> x_span, std::span<const Term> terms) {
    Values x(x_span.data(), static_cast<Eigen::Index>(x_span.size()));
    const float norm_x = norm(x);
    Eigen::ArrayXf turned = x / std::max(norm_x, 1e-12f);
    bool changed = false;
    for (const Term& term : terms) {
        if (term.strength == 0.0f) continue;
        // v = positive - negative; the paper's code keeps -v, hence the sign of the cosine.
        const ConstValues v(term.v.data(), static_cast<Eigen::Index>(term.v.size()));
        const float norm_v = norm(v);
        const float cosine = -(x * v).sum() / std::max(norm_x * norm_v, 1e-8f);
        const float lambda = 1.0f + std::max(0.0f, cosine);
        turned += 0.1f * term.strength * lambda / std::max(norm_v, 1e-12f) * v;
        changed = true;
    }
    if (changed) x = turned * (norm_x / std::max(norm(turned), 1e-12f));
}

}  // namespace tiller::engine

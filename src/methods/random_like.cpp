#include <cmath>

#include "tiller/method.h"
#include "tiller/task.h"

namespace tiller {

SteeringVector random_like(const SteeringVector& vector, std::uint64_t seed) {
    SteeringVector out = vector;
    out.method = "random";
    out.heads.clear();
    out.aie.clear();
    out.mean_head_output.clear();
    out.provenance.seed = seed;
    out.provenance.settings["norms_of"] = vector.method;
    Random random(seed, "random direction");
    for (auto& [layer, direction] : out.directions) {
        double norm = 0, drawn = 0;
        for (float v : direction) norm += static_cast<double>(v) * static_cast<double>(v);
        std::vector<double> values;
        for (std::size_t i = 0; i < direction.size(); ++i) {
            values.push_back(random.normal());
            drawn += values.back() * values.back();
        }
        const double factor = drawn > 0 ? std::sqrt(norm / drawn) : 0;
        for (std::size_t i = 0; i < direction.size(); ++i)
            direction[i] = static_cast<float>(values[i] * factor);
    }
    return out;
}

}  // namespace tiller

#include "tiller/method.h"

namespace tiller {

std::vector<SteeringVector> Method::extract_sizes(const MethodInput& input,
                                                  std::span<const int> n_pairs) const {
    std::vector<SteeringVector> vectors;
    for (const int n : n_pairs) {
        MethodInput one = input;
        one.options["n_pairs"] = n;
        one.checkpoint = nullptr;  // its keys belong to one extraction
        vectors.push_back(extract(one));
    }
    return vectors;
}

}  // namespace tiller

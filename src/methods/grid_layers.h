// Layers that methods with one edit layer try on the validation split.
#pragma once

#include <set>

#include "tiller/method.h"

namespace tiller {

/// Layers of a model of n_layer layers, each in [0, n_layer). Few when `behavioural`: text is generated for
/// every setting. Otherwise densest around the middle, where function vectors of small models work in our
/// runs; tasks that need facts want them early.
inline std::set<int> grid_layers(int n_layer, bool behavioural) {
    const int n = n_layer;
    if (behavioural) return {n / 3, n / 2, 2 * n / 3};
    return {n / 8, n / 4, n / 3, 4 * n / 9, n / 2, 5 * n / 9, 11 * n / 18, 2 * n / 3};
}

/// Every layer.
inline Axis layer_axis(int n_layer) {
    Axis axis;
    for (int layer = 0; layer < n_layer; ++layer) axis.push_back({{"layer", layer}});
    return axis;
}

}  // namespace tiller

// The layers that methods which edit one layer try on the validation split.
#pragma once

#include <set>

#include "tiller/method.h"

namespace tiller {

/// Layers to try on a model of n_layer layers, each in [0, n_layer). Three when `behavioural`, because text
/// is generated for every setting. Otherwise up to eight, most of them around the middle, where function
/// vectors of small models worked best, and some in early layers for tasks that need facts.
inline std::set<int> grid_layers(int n_layer, bool behavioural) {
    const int n = n_layer;
    if (behavioural) return {n / 3, n / 2, 2 * n / 3};
    return {n / 8, n / 4, n / 3, 4 * n / 9, n / 2, 5 * n / 9, 11 * n / 18, 2 * n / 3};
}

/// An axis "layer" with every layer, [0, n_layer).
inline Axis layer_axis(int n_layer) {
    Axis axis;
    for (int layer = 0; layer < n_layer; ++layer) axis.push_back({{"layer", layer}});
    return axis;
}

}  // namespace tiller

// Settings that a search with a budget tries.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tiller/method_interface.h"

namespace tiller {

/// `first` and up to n - 1 other settings: `first` with one choice of every axis. A Latin hypercube sample
/// (McKay, Beckman, Conover 1979): each axis' choices are used equally often, in an order drawn with `seed`
/// and `stream`. All different; all that there are when the axes' product holds no more than n. A method that
/// has more axes thus gets no more trials than one that has few. Throws usage when n is below 1 or an axis is
/// empty.
std::vector<Setting> sample_settings(const Setting& first, const std::vector<Axis>& axes, int n,
                                     std::uint64_t seed, const std::string& stream);

/// Settings at most one step away from `setting` on each axis, those with fewer changes first; without
/// `setting` itself. An axis that has not the setting's value is left alone.
std::vector<Setting> neighbours_of(const Setting& setting, const std::vector<Axis>& axes);

}  // namespace tiller

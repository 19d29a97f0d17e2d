// The settings that a search with a limited number of trials tries.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tiller/method_interface.h"

namespace tiller {

/// `first`, then up to n - 1 other settings, all different; each is `first` with one choice of every axis. So
/// a method with many axes gets no more trials than one with few. Where the axes have at most 2 n
/// combinations, these are shuffled and the first ones taken. Otherwise a Latin hypercube sample (McKay,
/// Beckman, Conover 1979): each axis' choices are used equally often but for one, and duplicates are drawn
/// again. `seed` and `stream` fix the result. Throws usage when n is below 1 or an axis is empty.
std::vector<Setting> sample_settings(const Setting& first, const std::vector<Axis>& axes, int n,
                                     std::uint64_t seed, const std::string& stream);

/// All settings that differ from `setting` by at most one step on each axis, without `setting` itself; those
/// that differ on fewer axes come first. An axis that lacks the setting's value is not changed.
std::vector<Setting> neighbours_of(const Setting& setting, const std::vector<Axis>& axes);

}  // namespace tiller

// The small picture of one answer: zero-shot, few-shot and the method on one axis from 0 to 1.
#pragma once

#include <string>

#include "tiller/statistics.h"

namespace tiller::report {

/// Three marks with their 95 % intervals, one below the other, as inline SVG (no script, no style of the
/// page but its colours). Values are shares; those that are NaN are left out. `shown` fills the method's
/// mark. `name` is what a reader who does not see it is told.
std::string answer_picture(const Interval& zero_shot, const Interval& few_shot, const Interval& method,
                           bool shown, const std::string& name);
/// The numbers of the axis that all pictures share.
std::string answer_axis();
/// The marks with their meaning.
std::string answer_legend();

}  // namespace tiller::report

// The small chart of one answer: zero-shot prompt, few-shot prompt and method on an axis from 0 to 1.
#pragma once

#include <string>

#include "tiller/statistics.h"

namespace tiller::report {

/// Inline SVG with three marks and their 95 % intervals, one below the other. Needs no script, and of the
/// page's style only the colours. Values are shares in [0, 1]; a mean that is not finite has no mark. The
/// method's mark is filled when `shown`, else hollow. `name` (plain text) is the label for screen readers.
std::string answer_picture(const Interval& zero_shot, const Interval& few_shot, const Interval& method,
                           bool shown, const std::string& name);
/// Inline SVG with the numbers of the axis, which is the same for all pictures.
std::string answer_axis();
/// HTML of the legend: each mark with its meaning.
std::string answer_legend();

}  // namespace tiller::report

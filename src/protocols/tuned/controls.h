// What stands beside a method's chosen setting: vectors without the task in them.
#pragma once

#include <string>
#include <vector>

#include "protocols/tuned/tuned_records.h"
#include "study/task_context.h"

namespace tiller::study {

/// A random direction in place of the chosen vector, as strong as moves the next token's distribution as far
/// (mean KL to the unsteered model over some of the validation items): a unit of work. What cannot be made
/// stronger (replacements, projections) keeps its own strength.
Candidate random_control(TaskContext& context, const Method& method, const Candidate& chosen,
                         const SteeringVector& vector);

/// Method::control() at the chosen setting; nothing where the method has none.
std::vector<Candidate> shuffled_control(TaskContext& context, const Method& method, const Setting& setting);

/// The strength at which the doses of `strengths` (rising, above 0) pass `target`, on a line through their
/// logarithms; beyond the ends the nearest end's line of slope 2 (a dose grows with the square of a small
/// strength) below, the last strength above. Doses that are no number are left out; without any, `otherwise`.
double strength_of_dose(double target, const std::vector<double>& strengths, const std::vector<double>& doses,
                        double otherwise);

}  // namespace tiller::study

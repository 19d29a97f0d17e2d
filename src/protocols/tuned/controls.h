// Controls of a method's chosen setting: vectors that do not contain the task.
#pragma once

#include <string>
#include <vector>

#include "protocols/tuned/tuned_records.h"
#include "study/task_context.h"

namespace tiller::study {

/// Random directions in place of the chosen vector, another one for each item, at the strength that moves the
/// next-token distribution as far: the same mean KL(steered || unsteered) over up to eight validation items.
/// The search for it is a unit of work. Vectors that replace or project keep the strength of the chosen
/// setting.
Candidate random_control(TaskContext& context, const Method& method, const Candidate& chosen,
                         const SteeringVector& vector);

/// The vector of the method's control (Method::control()) at the chosen setting; empty where it has none.
std::vector<Candidate> shuffled_control(TaskContext& context, const Method& method, const Setting& setting);

/// The strength at which the doses of `strengths` (rising, above 0) first reach `target` (above 0),
/// interpolated between the logarithms of strengths and doses. Below the first dose a dose is taken to grow
/// with the square of the strength. When no dose reaches the target: the last strength. Doses that are not
/// finite or not above 0 are left out; without any, `otherwise`.
double strength_of_dose(double target, const std::vector<double>& strengths, const std::vector<double>& doses,
                        double otherwise);

}  // namespace tiller::study

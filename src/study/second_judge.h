// A second judge of style, which shares nothing with the first: the unsteered model itself.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "study/task_context.h"

namespace tiller::study {

/// How much likelier a text is behind sentences of the wanted style than behind sentences of the other one,
/// in nats per token, and what that says (a logistic curve). Sentences and curve are of training items, which
/// do not overlap. Runs on the task's engine.
class SecondJudge {
public:
    /// Reads the training items of the context's split. With fewer than 20 of them it knows nothing:
    /// is_usable() is false.
    static SecondJudge calibrate(TaskContext& context);

    /// Did it put at least 70 % of the calibrating sentences on the right side?
    bool is_usable() const { return count_ > 0 && accuracy_ >= 0.7; }
    double accuracy() const { return accuracy_; }  ///< On the sentences that its curve was fitted to.
    int count() const { return count_; }           ///< Sentences behind it.
    /// Probability that each text has the wanted style, in [0, 1]; 0.5 of an empty one.
    std::vector<double> score(TaskContext& context, std::span<const std::string> texts) const;

private:
    std::vector<double> ratios(TaskContext& context, std::span<const std::string> texts) const;

    std::string wanted_, other_;  // prompts
    double slope_ = 0, offset_ = 0, accuracy_ = 0;
    int count_ = 0;
};

/// The judge of the context's split, calibrated when it is first asked for.
std::shared_ptr<const SecondJudge> second_judge_of(TaskContext& context);
/// Adds "second_judge" to the records of baselines and chosen settings, where the judge is usable: its
/// probability, 0 where the text is broken. One record for each item and candidate, in that order.
void add_second_judge(TaskContext& context, std::span<const Candidate> candidates,
                      std::vector<ItemRecord>& records);

/// Intercept and slope of the logistic curve of `right` over `x`, by Newton's method with a small ridge on
/// the slope, so that separable values give a finite one. As many values on both sides.
std::pair<double, double> logistic_curve(std::span<const double> x, const std::vector<bool>& right);

}  // namespace tiller::study

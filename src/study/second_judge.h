// A second judge of style, independent of the classifier StyleScorer: the unsteered model itself.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "study/task_context.h"

namespace tiller::study {

/// Measures how much likelier a text is after sentences of the wanted style than after sentences of the other
/// style, in nats per token, and turns that into a probability by a logistic curve. The sentences before the
/// text are those of 8 training items; the curve is fitted to up to 16 other training items. The text is read
/// by the context's engine, without edits.
class SecondJudge {
public:
    /// A judge made from the training items of the context's split. With fewer than 20 of them, is_usable()
    /// is false.
    static SecondJudge calibrate(TaskContext& context);

    /// Did it put at least 70 % of the sentences that its curve was fitted to on the right side?
    bool is_usable() const { return count_ > 0 && accuracy_ >= 0.7; }
    double accuracy() const { return accuracy_; }  ///< On those sentences; 0 when the curve does not rise.
    int count() const { return count_; }           ///< Number of those sentences, two per item.
    /// Probability that each text has the wanted style, in [0, 1] and in the order of `texts`; 0.5 for an
    /// empty text.
    std::vector<double> score(TaskContext& context, std::span<const std::string> texts) const;

private:
    /// Mean log-probability per token after wanted_ minus that after other_; 0 for an empty text.
    std::vector<double> ratios(TaskContext& context, std::span<const std::string> texts) const;

    std::string wanted_, other_;  // prompts
    double slope_ = 0, offset_ = 0, accuracy_ = 0;
    int count_ = 0;
};

/// The judge of the context's split, calibrated at the first call and kept in TaskContext::second_judge.
std::shared_ptr<const SecondJudge> second_judge_of(TaskContext& context);
/// Adds "second_judge" to the records of baselines and chosen settings: the judge's probability, 0 where
/// "broken_text" is above 0. Does nothing when the judge is not usable. `records` is [item][candidate], flat.
void add_second_judge(TaskContext& context, std::span<const Candidate> candidates,
                      std::vector<ItemRecord>& records);

/// Intercept and slope of the logistic regression of `right` on `x` (of equal length), by Newton's method. A
/// small ridge penalty on the slope keeps it finite when a threshold separates the two sides.
std::pair<double, double> logistic_curve(std::span<const double> x, const std::vector<bool>& right);

}  // namespace tiller::study

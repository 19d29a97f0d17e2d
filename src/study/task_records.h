// The records of a finished task, by setting, and the means, differences and tests that tables show of them.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "study/journal.h"
#include "tiller/statistics.h"
#include "tiller/study.h"

namespace tiller::study {

/// Setting id -> its records, one per item.
using BySetting = std::map<std::string, std::vector<ItemRecord>>;

/// The records of the units with these names. Throws bad_input when a unit is missing.
BySetting by_setting(const Units& units, const std::vector<std::string>& names);

/// A finished task's records.
struct TaskRecords {
    ClosedTask closing;
    const Units& units;  ///< All of the run, for the records that a protocol adds. Must outlive the object.
    BySetting test, valid;  ///< Of TaskClosing::test_units and valid_units.
};
/// `closing` is the line of the closing record. Throws bad_input when a unit is missing.
TaskRecords records_of(const Units& units, const std::string& closing);

/// Values by Item::id.
using ByItem = std::map<int, double>;
/// The values of one metric, by its name or its name in records. Items without a finite value are left out.
/// Metrics that records have as logarithms (perplexity) stay logarithms. A metric with Metric::all_or_none
/// has values for all items or for none.
ByItem values_of(const std::vector<ItemRecord>& records, const std::string& metric);
/// The same values in the order of items.
std::vector<double> list_of(const ByItem& values);

/// Values of two settings on the items that both have, by rising item.
struct Paired {
    std::vector<double> first, second;
    std::vector<int> items;  ///< Item::id of each.
};
/// Empty when no item is in both.
Paired common(const ByItem& a, const ByItem& b);
/// The same for one metric of settings a and b. Throws std::out_of_range when one of them has no records.
Paired paired(const BySetting& records, const std::string& a, const std::string& b,
              const std::string& metric);
/// The values of one metric of several settings (at least one) on the items that all of them have:
/// [setting][item], by rising item. Throws std::out_of_range when a setting has no records.
std::vector<std::vector<double>> aligned(const BySetting& records, const std::vector<std::string>& ids,
                                         const std::string& metric);
std::vector<std::vector<double>> aligned(const std::vector<ByItem>& values);

/// Metric::scale; Scale::number when the metric is unknown.
Scale scale_of(const std::string& metric);

/// Means and paired differences over the items of one task with 95 % intervals, over items and, where draws
/// differ, over draws (bootstrap_mean()). Means and differences are NaN throughout where no item has a value,
/// but zeros in pair(). The records must outlive the object.
class Scores {
public:
    /// `n_bootstrap` resamples, drawn with `seed`. Draws are those of the records.
    Scores(const BySetting& records, int n_bootstrap, std::uint64_t seed);

    Interval mean(const ByItem& values, Scale scale) const;
    /// The mean of any numbers, with an interval that takes no account of draws.
    Interval mean(const std::vector<double>& values) const;
    /// First minus second.
    Interval difference(const Paired& values, Scale scale) const;
    double p(const Paired& values, Scale scale) const;  ///< paired_p()
    /// The mean of a metric under a setting; of metrics with Metric::exp_of_mean, the exponential of the
    /// mean. Throws std::out_of_range when the setting has no records, and so do the two functions below.
    Interval mean(const std::string& id, const std::string& metric) const;
    /// Setting a minus setting b.
    Interval difference(const std::string& a, const std::string& b, const std::string& metric) const {
        return difference(paired(records_, a, b, metric), scale_of(metric));
    }
    /// The whole comparison of two settings: difference, numbers of items that differ, draws, and the paired
    /// test. p_holm is p, not yet adjusted (adjust()). Without an item in common: zeros and p = 1.
    PairSummary pair(const std::string& a, const std::string& b, const std::string& metric) const;
    /// The mean under each draw, by rising draw; empty under one split.
    std::vector<double> by_draw(const std::string& id, const std::string& metric) const;

private:
    std::vector<int> draws_of(const std::vector<int>& items) const;

    const BySetting& records_;
    std::map<int, int> draws_;  // by item; empty under one split
    int n_bootstrap_;
    std::uint64_t seed_;
};

/// Numbers of items on which the first value is higher and lower than the second.
std::pair<int, int> changes(const Paired& values);

}  // namespace tiller::study

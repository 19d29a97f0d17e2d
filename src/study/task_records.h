// Records of a finished task by the setting they were made under, and the numbers that tables make of them.
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

/// The records of the units named. Throws bad_input when a unit is missing.
BySetting by_setting(const Units& units, const std::vector<std::string>& names);

/// A finished task's records: the closing one, those of its test and validation units, and all others.
struct TaskRecords {
    ClosedTask closing;
    const Units& units;
    BySetting test, valid;
};
/// `closing` is the line of the closing record. Throws bad_input when a unit is missing.
TaskRecords records_of(const Units& units, const std::string& closing);

/// Values by Item::id.
using ByItem = std::map<int, double>;
/// Values of one metric; items without the value are left out. What records hold as logarithms (perplexity)
/// is given so; a metric that is all or none (Metric::all_or_none) is given for all items or for none.
ByItem values_of(const std::vector<ItemRecord>& records, const std::string& metric);
/// The same values in the order of items.
std::vector<double> list_of(const ByItem& values);

/// Values of two settings on the items that both have, in their order.
struct Paired {
    std::vector<double> first, second;
    std::vector<int> items;  ///< Item::id of each.
};
Paired common(const ByItem& a, const ByItem& b);
/// The values of two settings on the items that both have. Throws std::out_of_range when a setting has no
/// records.
Paired paired(const BySetting& records, const std::string& a, const std::string& b,
              const std::string& metric);
/// A metric of several settings on the items that all of them have: [setting][item].
std::vector<std::vector<double>> aligned(const BySetting& records, const std::vector<std::string>& ids,
                                         const std::string& metric);
std::vector<std::vector<double>> aligned(const std::vector<ByItem>& values);

/// What values a metric can have; any number where it is unknown.
Scale scale_of(const std::string& metric);

/// Means and paired differences over the items of one task, with their intervals (over items, and over draws
/// where they differ: bootstrap_mean()); NaN throughout where no item has a value. References outlive the
/// object.
class Scores {
public:
    Scores(const BySetting& records, int n_bootstrap, std::uint64_t seed);

    Interval mean(const ByItem& values, Scale scale) const;
    /// Of any numbers over items, under one split.
    Interval mean(const std::vector<double>& values) const;
    Interval difference(const Paired& values, Scale scale) const;
    double p(const Paired& values, Scale scale) const;  ///< paired_p()
    /// Of a setting; of logarithms the exponential of the mean. Throws std::out_of_range when a setting has
    /// no records.
    Interval mean(const std::string& id, const std::string& metric) const;
    /// a minus b.
    Interval difference(const std::string& a, const std::string& b, const std::string& metric) const {
        return difference(paired(records_, a, b, metric), scale_of(metric));
    }
    /// With the items that differ and the paired test; p is not adjusted yet.
    PairSummary pair(const std::string& a, const std::string& b, const std::string& metric) const;
    /// Means by draw, in their order; empty under one split.
    std::vector<double> by_draw(const std::string& id, const std::string& metric) const;

private:
    std::vector<int> draws_of(const std::vector<int>& items) const;

    const BySetting& records_;
    std::map<int, int> draws_;  // by item; empty under one split
    int n_bootstrap_;
    std::uint64_t seed_;
};

/// Items on which the first is higher, lower than the second.
std::pair<int, int> changes(const Paired& values);

}  // namespace tiller::study

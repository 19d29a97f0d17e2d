// Records of a task's items by the setting they were made under.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace tiller::study {

/// Setting id -> its records, one per item. Pointers into the journal's units.
using BySetting = std::map<std::string, std::vector<const nlohmann::json*>>;

/// Units of work by name, as the journal has them.
using Units = std::map<std::string, std::vector<nlohmann::json>>;

/// The records of the units named. Throws bad_input when a unit is missing.
BySetting by_setting(const Units& units, const nlohmann::json& names);

/// A finished task's records: the closing one, those of its test and validation units, and all others.
struct TaskRecords {
    const nlohmann::json& closing;
    const Units& units;
    BySetting test, valid;
};
/// Throws bad_input when a unit is missing.
TaskRecords records_of(const Units& units, const nlohmann::json& closing);

/// Values of one metric by Item::id; items without the value are left out. "perplexity" gives the mean
/// negative log-probability per token, of which a mean can be taken. "rouge_l" is given for all items or
/// none: records of versions before it lack it.
std::map<int, double> values_of(const std::vector<const nlohmann::json*>& records, const std::string& metric);

/// The same values in the order of items.
std::vector<double> value_list(const std::vector<const nlohmann::json*>& records, const std::string& metric);

/// The values of two settings on the items that both have, in the order of items. Throws std::out_of_range
/// when a setting has no records.
std::pair<std::vector<double>, std::vector<double>> paired(const BySetting& records, const std::string& a,
                                                           const std::string& b, const std::string& metric);

}  // namespace tiller::study

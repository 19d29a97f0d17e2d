#include "study/by_setting.h"

#include <fmt/format.h>

#include "tiller/error.h"

namespace tiller::study {

using nlohmann::json;

BySetting by_setting(const Units& units, const json& names) {
    BySetting out;
    for (const auto& name : names) {
        const auto it = units.find(name.get<std::string>());
        if (it == units.end())
            throw Error(Code::bad_input,
                        fmt::format("records.jsonl lacks the unit {}", name.get<std::string>()));
        for (const auto& record : it->second) out[record.at("setting").get<std::string>()].push_back(&record);
    }
    return out;
}

TaskRecords records_of(const Units& units, const json& closing) {
    return {closing, units, by_setting(units, closing.at("test_units")),
            by_setting(units, closing.at("valid_units"))};
}

std::map<int, double> values_of(const std::vector<const json*>& records, const std::string& metric) {
    std::map<int, double> values;
    const std::string key = metric == "perplexity" ? "nll" : metric;
    for (const json* record : records)
        if (const auto it = record->find(key); it != record->end() && it->is_number())
            values[record->at("item").get<int>()] = it->get<double>();
    // Where an older version began the run, the mean would be over the items that were left to this one.
    if (metric == "rouge_l" && values.size() < records.size()) values.clear();
    return values;
}

std::vector<double> value_list(const std::vector<const json*>& records, const std::string& metric) {
    std::vector<double> out;
    for (const auto& [item, value] : values_of(records, metric)) out.push_back(value);
    return out;
}

std::pair<std::vector<double>, std::vector<double>> paired(const BySetting& records, const std::string& a,
                                                           const std::string& b, const std::string& metric) {
    const auto va = values_of(records.at(a), metric), vb = values_of(records.at(b), metric);
    std::pair<std::vector<double>, std::vector<double>> out;
    for (const auto& [item, value] : va)
        if (const auto it = vb.find(item); it != vb.end()) {
            out.first.push_back(value);
            out.second.push_back(it->second);
        }
    return out;
}

}  // namespace tiller::study

#include "study/task_records.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "scoring/metrics.h"
#include "tiller/error.h"

namespace tiller::study {

BySetting by_setting(const Units& units, const std::vector<std::string>& names) {
    BySetting out;
    for (const auto& name : names) {
        const auto it = units.find(name);
        if (it == units.end())
            throw Error(Code::bad_input, fmt::format("records.jsonl lacks the unit {}", name));
        for (auto& record : read_records<ItemRecord>(it->second))
            out[record.setting].push_back(std::move(record));
    }
    return out;
}

TaskRecords records_of(const Units& units, const std::string& closing) {
    ClosedTask closed(closing);
    auto test = by_setting(units, closed.task.test_units), valid = by_setting(units, closed.task.valid_units);
    return {std::move(closed), units, std::move(test), std::move(valid)};
}

ByItem values_of(const std::vector<ItemRecord>& records, const std::string& metric) {
    const Metric* known = find_metric(metric);
    const std::string& key = known ? known->key() : metric;
    ByItem values;
    for (const ItemRecord& record : records)
        if (const auto it = record.scores.find(key); it != record.scores.end() && std::isfinite(it->second))
            values[record.item] = it->second;
    if (known && known->all_or_none && values.size() < records.size()) values.clear();
    return values;
}

std::vector<double> list_of(const ByItem& values) {
    std::vector<double> out;
    for (const auto& [item, value] : values) out.push_back(value);
    return out;
}

Paired common(const ByItem& a, const ByItem& b) {
    Paired out;
    for (const auto& [item, value] : a)
        if (const auto it = b.find(item); it != b.end()) {
            out.items.push_back(item);
            out.first.push_back(value);
            out.second.push_back(it->second);
        }
    return out;
}

Paired paired(const BySetting& records, const std::string& a, const std::string& b,
              const std::string& metric) {
    return common(values_of(records.at(a), metric), values_of(records.at(b), metric));
}

std::vector<std::vector<double>> aligned(const std::vector<ByItem>& values) {
    std::vector<std::vector<double>> out(values.size());
    for (const auto& of_first : values.front()) {
        const int item = of_first.first;
        if (std::all_of(values.begin(), values.end(), [&](const ByItem& v) { return v.contains(item); }))
            for (std::size_t k = 0; k < values.size(); ++k) out[k].push_back(values[k].at(item));
    }
    return out;
}

std::vector<std::vector<double>> aligned(const BySetting& records, const std::vector<std::string>& ids,
                                         const std::string& metric) {
    std::vector<ByItem> values;
    for (const auto& id : ids) values.push_back(values_of(records.at(id), metric));
    return aligned(values);
}

Scale scale_of(const std::string& metric) {
    const Metric* known = find_metric(metric);
    return known ? known->scale : Scale::number;
}

Scores::Scores(const BySetting& records, int n_bootstrap, std::uint64_t seed)
    : records_(records), n_bootstrap_(n_bootstrap), seed_(seed) {
    for (const auto& [id, of_setting] : records)
        for (const ItemRecord& record : of_setting)
            if (record.draw) draws_[record.item] = *record.draw;
}

std::vector<int> Scores::draws_of(const std::vector<int>& items) const {
    std::vector<int> draws;
    if (draws_.empty()) return draws;
    for (const int item : items) draws.push_back(draws_.at(item));
    return draws;
}

Interval Scores::mean(const ByItem& values, Scale scale) const {
    if (values.empty()) return no_number();
    std::vector<int> items;
    for (const auto& [item, value] : values) items.push_back(item);
    return bootstrap_mean(list_of(values), scale, n_bootstrap_, seed_, draws_of(items));
}

Interval Scores::mean(const std::vector<double>& values) const {
    return values.empty() ? no_number() : bootstrap_mean(values, Scale::number, n_bootstrap_, seed_);
}

Interval Scores::difference(const Paired& values, Scale scale) const {
    if (values.items.empty()) return no_number();
    return bootstrap_difference(values.first, values.second, scale, n_bootstrap_, seed_,
                                draws_of(values.items));
}

double Scores::p(const Paired& values, Scale scale) const {
    return paired_p(values.first, values.second, scale, seed_, draws_of(values.items));
}

Interval Scores::mean(const std::string& id, const std::string& metric) const {
    const Interval i = mean(values_of(records_.at(id), metric), scale_of(metric));
    // One improbable text would decide a mean of perplexities, so the mean is taken over the logarithms.
    const Metric* known = find_metric(metric);
    return known && known->exp_of_mean ? Interval{std::exp(i.mean), std::exp(i.low), std::exp(i.high)} : i;
}

PairSummary Scores::pair(const std::string& a, const std::string& b, const std::string& metric) const {
    PairSummary pair;
    pair.a = a, pair.b = b;
    const Paired values = paired(records_, a, b, metric);
    const Scale scale = scale_of(metric);
    const std::vector<int> draws = draws_of(values.items);
    pair.difference = bootstrap_difference(values.first, values.second, scale, n_bootstrap_, seed_, draws);
    std::tie(pair.n_better, pair.n_worse) = changes(values);
    pair.p = pair.p_holm = p(values, scale);
    std::map<int, double> ahead;
    for (std::size_t i = 0; i < draws.size(); ++i) ahead[draws[i]] += values.first[i] - values.second[i];
    for (const auto& [draw, sum] : ahead)
        ++pair.n_draw, pair.n_draw_better += sum > 0, pair.n_draw_worse += sum < 0;
    return pair;
}

std::vector<double> Scores::by_draw(const std::string& id, const std::string& metric) const {
    std::map<int, std::vector<double>> values;
    if (!draws_.empty())
        for (const auto& [item, value] : values_of(records_.at(id), metric))
            values[draws_.at(item)].push_back(value);
    std::vector<double> means;
    for (const auto& [draw, of_draw] : values) means.push_back(mean_of(of_draw));
    return means;
}

std::pair<int, int> changes(const Paired& values) {
    std::pair<int, int> out{0, 0};
    for (std::size_t i = 0; i < values.first.size(); ++i) {
        out.first += values.first[i] > values.second[i];
        out.second += values.first[i] < values.second[i];
    }
    return out;
}

}  // namespace tiller::study

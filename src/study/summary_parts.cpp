#include "study/summary_parts.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "tiller/statistics.h"

namespace tiller::study {

const AnalysisSummary* find_analysis(const std::vector<AnalysisSummary>& analyses, const std::string& id) {
    for (const auto& analysis : analyses)
        if (analysis.id == id) return &analysis;
    return nullptr;
}

const SettingSummary* find_setting(const TaskSummary& t, const std::string& id) {
    for (const auto& s : t.test)
        if (s.id == id) return &s;
    for (const auto& table : t.tables)
        for (const auto& s : table.settings)
            if (s.id == id) return &s;
    return nullptr;
}

Settings of_kind(const TaskSummary& t, const std::string& kind) {
    Settings out;
    for (const auto& s : t.test)
        if (s.kind == kind) out.push_back(&s);
    return out;
}

const Interval* metric_of(const SettingSummary& s, const std::string& name) {
    const auto it = s.metrics.find(name);
    return it == s.metrics.end() ? nullptr : &it->second;
}

double mean_of(const SettingSummary& s, const std::string& name) {
    const Interval* i = metric_of(s, name);
    return i ? i->mean : std::nan("");
}

Settings by_score(const TaskSummary& t, Settings settings) {
    std::stable_sort(settings.begin(), settings.end(), [&](const auto* a, const auto* b) {
        return mean_of(*a, t.primary) > mean_of(*b, t.primary);
    });
    return settings;
}

std::pair<int, int> changes(const std::vector<double>& x, const std::vector<double>& y) {
    std::pair<int, int> out{0, 0};
    for (std::size_t i = 0; i < x.size(); ++i) {
        out.first += x[i] > y[i];
        out.second += x[i] < y[i];
    }
    return out;
}

PairSummary compare_pair(const BySetting& records, const std::string& a, const std::string& b,
                         const std::string& metric, int n_bootstrap, std::uint64_t seed) {
    PairSummary pair{a, b, {}, 0, 0, 1, 1};
    const auto [x, y] = paired(records, a, b, metric);
    pair.difference = bootstrap_difference(x, y, n_bootstrap, seed);
    std::tie(pair.n_better, pair.n_worse) = changes(x, y);
    pair.p = pair.p_holm = paired_p(x, y, seed);
    return pair;
}

PairSummary pair_of(const TaskSummary& t, const std::string& a, const std::string& b) {
    for (const auto& p : t.pairs) {
        if (p.a == a && p.b == b) return p;
        if (p.a == b && p.b == a)
            return {a,         b,          {-p.difference.mean, -p.difference.high, -p.difference.low},
                    p.n_worse, p.n_better, p.p,
                    p.p_holm};
    }
    return {};
}

bool better(const PairSummary& p) {
    constexpr double level = 0.05;
    return p.difference.mean > 0 && p.p_holm <= level;
}

}  // namespace tiller::study

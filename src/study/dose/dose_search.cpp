// The dose of a setting, and the strength that gives a dose.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "study/dose/dose.h"

namespace tiller::study {
namespace {

using nlohmann::json;

// Two strengths between which the dose passes a target.
struct Bracket {
    DosePoint low, high;
    double middle() const {
        return low.strength > 0 ? std::sqrt(low.strength * high.strength) : high.strength / 2;
    }
};

const DosePoint& nearer(const DosePoint& a, const DosePoint& b, double target) {
    if (!std::isfinite(b.dose)) return a;
    return std::abs(a.dose - target) <= std::abs(b.dose - target) ? a : b;
}

bool is_hit(const DosePoint& point, double target, double tolerance) {
    return std::isfinite(point.dose) && std::abs(point.dose - target) <= tolerance * target;
}

}  // namespace

void add_doses(std::span<const Candidate> candidates, const std::vector<RowResult>& results,
               std::vector<json>& records) {
    const auto clean = std::find_if(candidates.begin(), candidates.end(),
                                    [](const Candidate& k) { return k.id == "zero-shot"; });
    for (std::size_t r = 0; r < results.size(); ++r) {
        if (!candidates[r % candidates.size()].want_dose) continue;
        if (clean == candidates.end())
            throw Error(Code::usage, "a dose is to the unsteered run: give the candidate \"zero-shot\" too");
        const RowResult& of_clean =
            results[r - r % candidates.size() + static_cast<std::size_t>(clean - candidates.begin())];
        const bool is_clean = &results[r] == &of_clean;
        records[r]["entropy"] = json();
        if (!is_clean) records[r]["kl"] = json();
        if (results[r].broken || of_clean.broken) continue;
        const Shift shift = shift_of(results[r].logits, of_clean.logits);
        if (!is_clean && std::isfinite(shift.kl)) records[r]["kl"] = shift.kl;
        records[r]["entropy"] = shift.entropy;
    }
}

DoseSearch find_doses(std::span<const double> targets, const DoseRange& range, const MeasureDoses& measure) {
    DoseSearch search;
    const auto measured = [&](const std::vector<double>& strengths) {
        const auto doses = measure(strengths);
        std::vector<DosePoint> points;
        for (std::size_t i = 0; i < strengths.size(); ++i) points.push_back({strengths[i], doses.at(i)});
        search.points.insert(search.points.end(), points.begin(), points.end());
        return points;
    };
    std::vector<DosePoint> rungs = {{0, 0}};
    for (double strength = std::min(range.first, range.most);;
         strength = std::min(2 * strength, range.most)) {
        rungs.push_back(measured({strength}).front());
        // A broken row stays broken at every greater strength.
        const double dose = rungs.back().dose;
        if (!std::isfinite(dose) || dose >= targets.back() || strength >= range.most) break;
    }

    std::vector<Bracket> brackets;
    for (const double target : targets) {
        DoseFit fit{target, "saturates", rungs.front()};
        const auto passed =
            std::find_if(rungs.begin(), rungs.end(), [&](const DosePoint& p) { return !(p.dose < target); });
        if (passed != rungs.end()) {
            fit.outcome = "jumps";  // until it is hit
            brackets.push_back({*(passed - 1), *passed});
            fit.point = nearer(brackets.back().low, brackets.back().high, target);
        } else {
            brackets.emplace_back();
            for (const DosePoint& p : rungs) fit.point = nearer(fit.point, p, target);
        }
        if (is_hit(fit.point, target, range.tolerance)) fit.outcome = "reached";
        search.fits.push_back(fit);
    }
    for (int round = 0; round < range.n_bisection; ++round) {
        std::set<double> middles;  // targets in one bracket share a measurement
        for (std::size_t t = 0; t < targets.size(); ++t)
            if (search.fits[t].outcome == "jumps") middles.insert(brackets[t].middle());
        if (middles.empty()) break;
        for (const DosePoint& point : measured({middles.begin(), middles.end()}))
            for (std::size_t t = 0; t < targets.size(); ++t) {
                DoseFit& fit = search.fits[t];
                Bracket& bracket = brackets[t];
                if (fit.outcome != "jumps" || point.strength <= bracket.low.strength ||
                    point.strength >= bracket.high.strength)
                    continue;
                (point.dose < fit.target ? bracket.low : bracket.high) = point;
                fit.point = nearer(fit.point, point, fit.target);
                if (is_hit(fit.point, fit.target, range.tolerance)) fit.outcome = "reached";
            }
    }
    return search;
}

double least_squares_slope(std::span<const double> x, std::span<const double> y) {
    if (x.size() != y.size() || x.size() < 2)
        throw Error(Code::usage, fmt::format("a slope needs as many x as y and at least two: found {} and {}",
                                             x.size(), y.size()));
    const auto n = static_cast<double>(x.size());
    double mean_x = 0, mean_y = 0, cross = 0, square = 0;
    for (std::size_t i = 0; i < x.size(); ++i) mean_x += x[i] / n, mean_y += y[i] / n;
    for (std::size_t i = 0; i < x.size(); ++i) {
        cross += (x[i] - mean_x) * (y[i] - mean_y);
        square += (x[i] - mean_x) * (x[i] - mean_x);
    }
    if (!(square > 0)) throw Error(Code::usage, "a slope needs two different x; all given are equal");
    return cross / square;
}

}  // namespace tiller::study

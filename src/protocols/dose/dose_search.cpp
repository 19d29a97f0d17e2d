// The search for the strength that gives a dose.
#include <algorithm>
#include <cmath>
#include <set>

#include "protocols/dose/dose.h"

namespace tiller::study {
namespace {

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
        // A row that broke is taken to break at every greater strength as well.
        const double dose = rungs.back().dose;
        if (!std::isfinite(dose) || dose >= targets.back() || strength >= range.most) break;
    }

    std::vector<Bracket> brackets;
    for (const double target : targets) {
        DoseFit fit{target, DoseOutcome::saturates, rungs.front()};
        const auto passed =
            std::find_if(rungs.begin(), rungs.end(), [&](const DosePoint& p) { return !(p.dose < target); });
        if (passed != rungs.end()) {
            fit.outcome = DoseOutcome::jumps;  // for as long as no point is within tolerance
            brackets.push_back({*(passed - 1), *passed});
            fit.point = nearer(brackets.back().low, brackets.back().high, target);
        } else {
            brackets.emplace_back();
            for (const DosePoint& p : rungs) fit.point = nearer(fit.point, p, target);
        }
        if (is_hit(fit.point, target, range.tolerance)) fit.outcome = DoseOutcome::reached;
        search.fits.push_back(fit);
    }
    for (int round = 0; round < range.n_bisection; ++round) {
        std::set<double> middles;  // targets in one bracket share a measurement
        for (std::size_t t = 0; t < targets.size(); ++t)
            if (search.fits[t].outcome == DoseOutcome::jumps) middles.insert(brackets[t].middle());
        if (middles.empty()) break;
        for (const DosePoint& point : measured({middles.begin(), middles.end()}))
            for (std::size_t t = 0; t < targets.size(); ++t) {
                DoseFit& fit = search.fits[t];
                Bracket& bracket = brackets[t];
                if (fit.outcome != DoseOutcome::jumps || point.strength <= bracket.low.strength ||
                    point.strength >= bracket.high.strength)
                    continue;
                (point.dose < fit.target ? bracket.low : bracket.high) = point;
                fit.point = nearer(fit.point, point, fit.target);
                if (is_hit(fit.point, fit.target, range.tolerance)) fit.outcome = DoseOutcome::reached;
            }
    }
    return search;
}

}  // namespace tiller::study

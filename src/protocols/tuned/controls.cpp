#include "protocols/tuned/controls.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>

#include "core/names.h"
#include "study/evaluate.h"
#include "study/method_vectors.h"
#include "study/units.h"
#include "tiller/statistics.h"

namespace tiller::study {
namespace {

constexpr std::size_t kItems = 8;  // validation items on which doses are measured, at most
constexpr int kDoublings = 5;      // of the setting's own strength, up and down

// Draws a direction for each item: the control then says what random directions do, where one of them may
// happen to write nothing but praise, or to break every text.
std::function<std::vector<Edit>(int)> random_edits(const std::shared_ptr<const SteeringVector>& like,
                                                   std::uint64_t seed, double strength) {
    return [=](int item) {
        return edits_of(random_like(*like, seed_of(seed, "item", item)), static_cast<float>(strength));
    };
}

double mean_kl(const std::vector<ItemRecord>& records, const std::string& setting) {
    double sum = 0;
    int n = 0;
    for (const ItemRecord& record : records)
        if (record.setting == setting) sum += record.scores.at("kl"), ++n;
    return sum / n;  // NaN where a row broke, since its kl is
}

// The dose of the chosen vector at its own strength `own`, then the doses of random ones at rising strengths.
std::vector<ControlRecord> measure(TaskContext& c, const Candidate& chosen,
                                   const std::shared_ptr<const SteeringVector>& vector, double own) {
    std::vector<Candidate> tried = {zero_shot(), chosen};
    std::vector<double> strengths = {own};
    for (int doubling = -kDoublings; doubling <= kDoublings; ++doubling) {
        strengths.push_back(own * std::pow(2.0, doubling));
        Candidate& k =
            tried.emplace_back(Candidate{fmt::format("random {}", doubling), "", "random", Kind::control});
        k.item_edits = random_edits(vector, c.draw_seed(), strengths.back());
    }
    for (Candidate& k : tried) k.want_shift = true;
    const auto items = std::span(c.valid).first(std::min(kItems, c.valid.size()));
    const auto records = evaluate(c, items, tried, Phase::valid, chosen.method + ": equal dose", false);
    std::vector<ControlRecord> out;
    for (std::size_t k = 1; k < tried.size(); ++k)
        out.push_back({c.model_name, c.task.name, c.seed, chosen.method, tried[k].id, strengths[k - 1],
                       mean_kl(records, tried[k].id)});
    return out;
}

}  // namespace

double strength_of_dose(double target, const std::vector<double>& strengths, const std::vector<double>& doses,
                        double otherwise) {
    double strength = 0, dose = 0;  // of the last point below the target; 0 = none yet
    for (std::size_t i = 0; i < strengths.size(); ++i) {
        if (!(doses[i] > 0) || !std::isfinite(doses[i])) continue;
        if (doses[i] >= target) {
            const double slope =
                strength > 0 ? std::log(strengths[i] / strength) / std::log(doses[i] / dose) : 0.5;
            return strengths[i] * std::pow(target / doses[i], slope);
        }
        strength = strengths[i], dose = doses[i];
    }
    return strength > 0 ? strength : otherwise;
}

Candidate random_control(TaskContext& c, const Method& method, const Candidate& chosen,
                         const SteeringVector& vector) {
    const auto like = std::make_shared<const SteeringVector>(vector);
    const auto own = static_cast<double>(method.strength(chosen.setting));
    double strength = own;
    if (vector.operation != Operation::replace && vector.operation != Operation::project && own > 0) {
        std::vector<std::string> ignored;
        const auto records = unit<ControlRecord>(c, "control/" + method.name(), {method.name()}, "tune",
                                                 ignored, [&] { return measure(c, chosen, like, own); });
        std::vector<double> strengths, doses;
        for (std::size_t i = 1; i < records.size(); ++i)
            strengths.push_back(records[i].strength), doses.push_back(records[i].kl);
        if (const double target = records[0].kl; target > 0)
            strength = strength_of_dose(target, strengths, doses, own);
    }
    Candidate control{
        random_id(method.name()),
        fmt::format("Random directions in place of the {}, equally far from the unsteered model",
                    method_title(method.name())),
        "random", Kind::control, chosen.setting};
    control.item_edits = random_edits(like, c.draw_seed(), strength);
    return control;
}

std::vector<Candidate> shuffled_control(TaskContext& c, const Method& method, const Setting& setting) {
    if (method.control().empty()) return {};
    const MethodVectors vectors(c, find_method(method.control()), {});
    Candidate k =
        vectors.candidate(setting, shuffled_id(method.name()),
                          fmt::format("{} of shuffled labels", method_title(method.name())), Kind::control);
    k.method = "random";
    return {k};
}

}  // namespace tiller::study

#include "study/broken_texts.h"

#include <cmath>
#include <limits>

#include "study/evaluate.h"
#include "study/units.h"
#include "tiller/scoring.h"
#include "tiller/statistics.h"

namespace tiller::study {
namespace {

// Nats per token above the mean of the zero-shot outputs: a perplexity 20 times as high. Few-shot outputs
// stay within 2 (tests/unit/broken_texts.jsonl).
constexpr double kFarAbove = 3.0;

double limit_of(TaskContext& c) {
    std::vector<std::string> ignored;
    const Candidate plain[] = {zero_shot()};
    auto records = unit<ItemRecord>(c, "plain", {plain[0].method}, "tune", ignored, [&] {
        return evaluate(c, c.valid, plain, Phase::valid, "zero-shot texts", true);
    });
    std::vector<double> nll;
    for (const ItemRecord& record : records)
        if (const auto it = record.scores.find("nll"); it != record.scores.end() && std::isfinite(it->second))
            nll.push_back(it->second);
    for (auto& record : records) c.tried.push_back(std::move(record));
    return perplexity_limit(nll);
}

}  // namespace

void find_perplexity_limit(TaskContext& c) {
    if (c.nll_limit) return;
    // evaluate() needs a limit for the zero-shot texts too: an infinite one, so that their nll breaks none.
    c.nll_limit = std::numeric_limits<double>::infinity();
    c.nll_limit = limit_of(c);
}

double perplexity_limit(std::span<const double> zero_shot) {
    return zero_shot.empty() ? std::numeric_limits<double>::infinity() : mean_of(zero_shot) + kFarAbove;
}

void add_whole_style(const TaskContext& c, std::vector<ItemRecord>& records) {
    for (ItemRecord& record : records) {
        auto& scores = record.scores;
        const bool broken = scores.at("collapsed") > 0 || repeats_phrases(record.generated.value_or("")) ||
                            scores.at("nll") > *c.nll_limit;
        scores["broken_text"] = broken ? 1 : 0;
        scores["whole_style"] = broken ? 0 : scores.at("style");
    }
}

}  // namespace tiller::study

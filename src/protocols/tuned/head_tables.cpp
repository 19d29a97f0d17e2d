// The table "heads": the heads that different scores rank first, compared with those of the highest AIE.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/names.h"
#include "protocols/tuned/evidence.h"
#include "tiller/function_vector.h"
#include "tiller/statistics.h"

namespace tiller::study {
namespace {

using Effects = std::vector<std::vector<float>>;

constexpr std::size_t kTop = 10;

std::vector<HeadEffect> top_of(const Effects& scores) {
    auto ranked = rank_heads(scores);
    ranked.resize(std::min(ranked.size(), kTop));
    return ranked;
}

std::vector<double> flat(const Effects& scores) {
    std::vector<double> all;
    for (const auto& layer : scores) all.insert(all.end(), layer.begin(), layer.end());
    return all;
}

AnalysisRow row_of(const std::string& id, const std::string& label, const Effects& scores,
                   const Effects& effects) {
    const auto top = top_of(scores), strongest = top_of(effects);
    const double unknown = std::nan("");
    double shared = 0, layers = 0;
    std::string names;
    for (const auto& head : top) {
        layers += head.layer;
        shared += std::any_of(strongest.begin(), strongest.end(), [&](const HeadEffect& other) {
            return other.layer == head.layer && other.head == head.head;
        });
        names += fmt::format("{}{}.{}", names.empty() ? "" : " ", head.layer, head.head);
    }
    const auto all = flat(scores);
    const auto n = static_cast<double>(top.size());
    const bool beside = !effects.empty() && &effects != &scores;
    AnalysisRow row{id, label, {}, names};
    for (const double value :
         {beside ? shared : unknown, beside ? n * n / static_cast<double>(all.size()) : unknown,
          beside ? spearman(all, flat(effects)) : unknown, layers / n})
        row.values.push_back(plain_number(value));
    return row;
}

}  // namespace

std::optional<AnalysisSummary> head_table(const TaskRecords& records, const TaskSummary& task) {
    Effects effects;
    for (const auto& layer : task.aie) effects.emplace_back(layer.begin(), layer.end());
    AnalysisSummary out{"heads",
                        "Heads picked in different ways",
                        "Every way ranks all heads of the model; the first ten (all, where there are fewer) "
                        "are named as layer.head. Shared: how many of them are among the ten of highest AIE, "
                        "and how many would be if heads were drawn. The rank correlation is over all heads.",
                        "ranked by",
                        {{"shared", "shared with AIE"},
                         {"by_chance", "by chance"},
                         {"correlation", "rank correlation with AIE"},
                         {"layer", "mean layer"}},
                        {}};
    for (const auto& [method, of] : records.closing.part<TunedClosing>().evidence)
        if (of.head_scores)
            out.rows.push_back(row_of(method,
                                      fmt::format("{} ({})", of.head_scores->name, method_title(method)),
                                      of.head_scores->values, effects));
    if (!out.rows.empty() && !effects.empty())
        out.rows.insert(out.rows.begin(), row_of("aie", "AIE", effects, effects));
    return filled(std::move(out));
}

}  // namespace tiller::study

// Numbers that are known before the test, and how well they predict its outcome.
#include <fmt/format.h>

#include <cmath>
#include <map>
#include <tuple>

#include "core/names.h"
#include "protocols/tuned/evidence.h"
#include "study/candidate.h"
#include "tiller/statistics.h"

namespace tiller::study {
namespace {

struct Predictor {
    const char* key;    // in the closing record, and the id of its row
    const char* title;  // of its row
};

constexpr Predictor predictors[] = {
    {"agreement", "Agreement of pairs, mean of layers"},
    {"agreement_best", "Agreement of pairs, best layer"},
    {"separability", "Separability d', mean of layers"},
    {"separability_best", "Separability d', best layer"},
    {"pca_share", "First principal component's share, mean of layers"},
    {"pca_share_best", "First principal component's share, best layer"},
    {"aie_top", "Share of positive AIE in the top 10 heads"},
    {"aie_gini", "Gini coefficient of positive AIE"},
    {"lens_gain", "Log-probability gain of answers, read from the vector"},
    {"lens_rank", "Median rank of answers, read from the vector"},
};
constexpr const char* outcome = "outcome";  // the row's id
constexpr std::size_t kTasks = 4;           // a correlation needs at least so many

// A predictor and the outcome of one method on one task, summed over its n seeds.
struct Sums {
    double predictor = 0, outcome = 0;
    int n = 0;
};

// Model, whether the task is behavioural, the method's title and id, index into `predictors`.
using Key = std::tuple<std::string, bool, std::string, std::string, std::size_t>;

void collect(const TaskSummary& task, std::map<Key, std::map<std::string, Sums>>& all) {
    const auto* table = task.analysis("predictors");
    if (!table) return;
    for (std::size_t p = 0; p < std::size(predictors); ++p)
        for (const auto& method : table->columns) {
            const double value = table->at(predictors[p].key, method.id).mean,
                         effect = table->at(outcome, method.id).mean;
            if (!std::isfinite(value) || !std::isfinite(effect)) continue;
            Sums& sums = all[{task.model, task.behavioural(), method.label, method.id, p}][task.name];
            sums.predictor += value;
            sums.outcome += effect;
            ++sums.n;
        }
}

}  // namespace

std::optional<AnalysisSummary> predictor_table(const TaskRecords& records, const TaskSummary& t) {
    const auto evidence = records.closing.part<TunedClosing>().evidence;
    const auto chosen = of_kind(t, Kind::chosen);
    if (evidence.empty() || chosen.empty()) return {};
    AnalysisSummary out{
        "predictors",
        "Known before the test",
        "Agreement: mean cosine between a pair's difference and the mean difference of the other pairs. "
        "Separability: d' of positives and negatives along the mean difference of the pairs that are not "
        "judged. Both, and the principal component of the differences, layer by layer in the latents that "
        "the method reads. AIE: of the head search. Read from the vector: each direction through the final "
        "norm and the output head; right answers' first tokens of up to 100 training items, gain (nats) "
        "against the opposite direction; the layer where it is best.",
        "predictor",
        {},
        {}};
    for (const auto* s : chosen) out.columns.push_back({s->method, method_title(s->method)});
    for (const auto& predictor : predictors) {
        AnalysisRow row{predictor.key, predictor.title, {}};
        bool any = false;
        for (const auto* s : chosen) {
            const auto of = evidence.find(s->method);
            const auto known = of == evidence.end() ? nullptr : &of->second.predictors;
            row.values.push_back(known && known->contains(predictor.key)
                                     ? plain_number(known->at(predictor.key))
                                     : no_number());
            any = any || std::isfinite(row.values.back().mean);
        }
        if (any) out.rows.push_back(std::move(row));
    }
    if (out.rows.empty()) return {};
    AnalysisRow last{outcome, "Outcome: chosen setting minus zero-shot", {}};
    for (const auto* s : chosen) {
        const auto it = s->difference.find(zero_shot_id);
        last.values.push_back(it == s->difference.end() ? no_number() : it->second);
    }
    out.rows.push_back(std::move(last));
    return out;
}

std::optional<AnalysisSummary> predictor_correlation(const Plan& plan, const Summary& summary) {
    std::map<Key, std::map<std::string, Sums>> all;
    for (const auto& task : summary.tasks) collect(task, all);
    AnalysisSummary out{
        "predictor_correlation",
        "Do these numbers tell the outcome?",
        "Spearman's rank correlation over tasks between a number known before the test and what the chosen "
        "setting adds to zero-shot, with a 95 % bootstrap interval over tasks from six on; precise-answer "
        "and behavioural tasks apart. A low median rank is good, so its correlation should be negative. Many "
        "numbers are tried on few tasks: one interval that leaves out 0 is no finding.",
        "method and predictor",
        {{"correlation", "rank correlation"}, {"tasks", "tasks"}},
        {}};
    for (const auto& [key, tasks] : all) {
        if (tasks.size() < kTasks) continue;
        const auto& [model, behavioural, title, method, place] = key;
        std::vector<double> x, y;
        for (const auto& [name, sums] : tasks) {
            x.push_back(sums.predictor / sums.n);
            y.push_back(sums.outcome / sums.n);
        }
        std::string label = fmt::format("{}: {}", title, predictors[place].title);
        if (behavioural) label += ", behavioural tasks";
        if (summary.models.size() > 1) label += fmt::format(" ({})", model);
        const Interval rho = bootstrap_spearman(x, y, plan.n_bootstrap, 0);
        out.rows.push_back(
            {fmt::format("{} {} {} {}", model, family_word(behavioural), method, predictors[place].key),
             label,
             {rho, plain_number(static_cast<double>(x.size()))},
             std::isfinite(rho.mean) ? "" : "the same on all tasks"});
    }
    return filled(std::move(out));
}

}  // namespace tiller::study

// What each method costs, counted from its inputs: the same on every machine and after an interruption.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/names.h"
#include "protocols/tuned/evidence.h"
#include "study/candidate.h"

namespace tiller::study {
namespace {

enum Column { texts, tokens, settings, bytes, extra, queries, n_column };

std::vector<AnalysisColumn> columns() {
    return {
        {"texts", "texts read"},      {"tokens", "tokens read"},           {"settings", "settings tried"},
        {"bytes", "bytes of vector"}, {"extra", "extra tokens per query"}, {"queries", "cheaper from query"}};
}

// Mean length of the prompts in tokens; NaN where a record lacks it.
double prompt_length(const std::vector<ItemRecord>& records) {
    double sum = 0;
    for (const ItemRecord& r : records) sum += r.n_prompt ? static_cast<double>(*r.n_prompt) : std::nan("");
    return sum / static_cast<double>(records.size());
}

// How many tokens a setting's prompts have more than the zero-shot prompts, on average. NaN where that is not
// known for all items.
double extra_tokens(const TaskRecords& records, const std::string& id) {
    const auto these = records.test.find(id), zero = records.test.find(zero_shot_id);
    if (these == records.test.end() || zero == records.test.end()) return std::nan("");
    if (these->second.size() != zero->second.size()) return std::nan("");
    return prompt_length(these->second) - prompt_length(zero->second);
}

double number(const std::optional<std::uint64_t>& count) {
    return count ? static_cast<double>(*count) : std::nan("");
}

const char* how_to_read_costs() {
    return "Texts that the method's own extraction reads and their tokens, as if it were the only method "
           "(methods share a head search); each head's run in the head search counts one token. Settings: "
           "points of the validation split, whose runs are not part of the tokens. Bytes: float32 directions "
           "of the chosen setting. Extra tokens: prompt beyond the zero-shot prompt, mean over test items. "
           "Cheaper from query: the first number of queries at which the extraction's tokens are fewer than "
           "the extra tokens of the few-shot prompt.";
}

}  // namespace

double break_even(double extraction, double extra) {
    if (!(extra > 0) || !std::isfinite(extraction)) return std::nan("");
    return std::floor(extraction / extra) + 1;
}

std::optional<AnalysisSummary> cost_table(const Plan& plan, const TaskRecords& records,
                                          const TaskSummary& t) {
    const auto evidence = records.closing.part<TunedClosing>().evidence;
    if (evidence.empty()) return {};
    const double few_shot = extra_tokens(records, few_shot_id(plan.of(t.family).n_shot));
    AnalysisSummary out{"cost", "What the methods cost", how_to_read_costs(), "method", columns(), {}};
    for (const auto& s : t.test) {
        const bool is_chosen = s.kind == Kind::chosen;
        if (!is_chosen && s.method != "prompt") continue;
        AnalysisRow row{is_chosen ? s.method : s.id, is_chosen ? method_title(s.method) : s.label,
                        std::vector<Interval>(n_column, no_number())};
        row.values[extra] = plain_number(extra_tokens(records, s.id));
        if (const auto known = evidence.find(s.method); is_chosen) {
            const Evidence of = known == evidence.end() ? Evidence{} : known->second;
            row.values[texts] = plain_number(number(of.texts));
            row.values[tokens] = plain_number(number(of.tokens));
            row.values[bytes] = plain_number(number(of.bytes));
            row.values[settings] = plain_number(
                static_cast<double>(std::count_if(t.grid.begin(), t.grid.end(), [&](const SettingSummary& g) {
                    return g.method == s.method;
                })));
            row.values[queries] = plain_number(break_even(number(of.tokens), few_shot));
        }
        out.rows.push_back(std::move(row));
    }
    return filled(std::move(out));
}

std::optional<AnalysisSummary> cost_over_tasks(const Summary& summary) {
    AnalysisSummary out{"cost",
                        "What the methods cost, mean over tasks",
                        std::string(how_to_read_costs()) + " Tasks of all models and seeds count alike.",
                        "method",
                        columns(),
                        {}};
    std::vector<std::vector<std::vector<double>>> values;  // [row][column][task], tasks with a number only
    for (const auto& task : summary.tasks) {
        const auto* table = task.analysis("cost");
        if (!table) continue;
        for (const auto& row : table->rows) {
            // Cue and instruction differ by task: rows with the same id but other labels are kept separate.
            std::size_t at = 0;
            while (at < out.rows.size() && (out.rows[at].id != row.id || out.rows[at].label != row.label))
                ++at;
            if (at == out.rows.size()) {
                out.rows.push_back({row.id, row.label, {}});
                values.emplace_back(n_column);
            }
            for (std::size_t k = 0; k < row.values.size(); ++k)
                if (std::isfinite(row.values[k].mean)) values[at][k].push_back(row.values[k].mean);
        }
    }
    for (std::size_t r = 0; r < out.rows.size(); ++r)
        for (const auto& column : values[r]) out.rows[r].values.push_back(plain_number(mean_of(column)));
    return filled(std::move(out));
}

}  // namespace tiller::study

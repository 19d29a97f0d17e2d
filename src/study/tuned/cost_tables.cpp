// What each method costs, counted from its inputs: the same on every machine and after an interruption.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "core/names.h"
#include "study/tuned/evidence.h"

namespace tiller::study {
namespace {

using nlohmann::json;

enum Column { texts, tokens, settings, bytes, extra, queries };

std::vector<std::string> columns() {
    return {"texts read",        "tokens read", "settings tried", "bytes of vector", "extra tokens per query",
            "cheaper from query"};
}

double mean_of(const std::map<int, double>& values) {
    double sum = 0;
    for (const auto& [item, v] : values) sum += v;
    return sum / static_cast<double>(values.size());
}

// Mean length of a setting's prompts beyond the zero-shot prompts'; NaN where records do not say.
double extra_tokens(const TaskRecords& records, const std::string& id) {
    const auto these = records.test.find(id), zero = records.test.find("zero-shot");
    if (these == records.test.end() || zero == records.test.end()) return std::nan("");
    const auto a = values_of(these->second, "n_prompt"), b = values_of(zero->second, "n_prompt");
    if (a.empty() || a.size() != b.size()) return std::nan("");
    return mean_of(a) - mean_of(b);
}

const char* how_to_read() {
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
    const json evidence = records.closing.value("evidence", json::object());
    if (evidence.empty()) return {};
    const double few_shot = extra_tokens(records, few_shot_id(plan, t.family == "behavioural"));
    AnalysisSummary out{"cost", "What the methods cost", how_to_read(), "method", columns(), {}};
    for (const auto& s : t.test) {
        if (s.kind != "chosen" && s.method != "prompt") continue;
        AnalysisRow row{s.kind == "chosen" ? method_title(s.method) : s.label, {}, ""};
        row.values.assign(columns().size(), plain_number(std::nan("")));
        row.values[extra] = plain_number(extra_tokens(records, s.id));
        if (s.kind == "chosen") {
            const json of_method = evidence.value(s.method, json::object());
            const auto number = [&](const char* key) {
                const auto it = of_method.find(key);
                return it != of_method.end() && it->is_number() ? it->get<double>() : std::nan("");
            };
            row.values[texts] = plain_number(number("texts"));
            row.values[tokens] = plain_number(number("tokens"));
            row.values[bytes] = plain_number(number("bytes"));
            const auto n = std::count_if(t.grid.begin(), t.grid.end(),
                                         [&](const SettingSummary& g) { return g.method == s.method; });
            row.values[settings] = plain_number(static_cast<double>(n));
            row.values[queries] = plain_number(break_even(number("tokens"), few_shot));
        }
        out.rows.push_back(std::move(row));
    }
    if (out.rows.empty()) return {};
    return out;
}

std::optional<AnalysisSummary> cost_over_tasks(const Summary& summary) {
    AnalysisSummary out{"cost",
                        "What the methods cost, mean over tasks",
                        std::string(how_to_read()) + " Tasks of all models and seeds count alike.",
                        "method",
                        columns(),
                        {}};
    std::vector<std::vector<int>> counts;
    for (const auto& task : summary.tasks) {
        const auto* table = find_analysis(task.analyses, "cost");
        if (!table) continue;
        for (const auto& row : table->rows) {
            std::size_t at = 0;
            while (at < out.rows.size() && out.rows[at].label != row.label) ++at;
            if (at == out.rows.size()) {
                out.rows.push_back({row.label, std::vector<Interval>(columns().size(), plain_number(0)), ""});
                counts.emplace_back(columns().size(), 0);
            }
            for (std::size_t k = 0; k < row.values.size(); ++k)
                if (std::isfinite(row.values[k].mean)) {
                    out.rows[at].values[k].mean += row.values[k].mean;
                    ++counts[at][k];
                }
        }
    }
    for (std::size_t r = 0; r < out.rows.size(); ++r)
        for (std::size_t k = 0; k < counts[r].size(); ++k)
            out.rows[r].values[k].mean =
                counts[r][k] ? out.rows[r].values[k].mean / counts[r][k] : std::nan("");
    if (out.rows.empty()) return {};
    return out;
}

}  // namespace tiller::study

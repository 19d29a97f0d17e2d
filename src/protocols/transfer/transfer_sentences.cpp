// Sentences of the protocol "transfer", from its tables.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "protocols/transfer/transfer.h"
#include "study/phrases.h"

namespace tiller::study {
namespace {

std::string number(const Interval& i) {
    return fmt::format("{:.2f} [{:.2f}, {:.2f}]", i.mean, i.low, i.high);
}

std::string share(const Interval& i) {
    return fmt::format("{} [{:.0f}, {:.0f}]", percent(i.mean), 100 * i.low, 100 * i.high);
}

// "fv: gain 2.10 [1.80, 2.40] in its own form, 1.70 [1.40, 2.00] in others (81 % [73, 88] kept)"
std::string sentence(const AnalysisSummary& table, const AnalysisRow& row) {
    const Interval own = table.at(row, "own"), other = table.at(row, "other"), kept = table.at(row, "kept");
    if (!std::isfinite(own.mean)) return row.label + ": no form with the task's own words";
    if (!(own.low > 0)) return fmt::format("{}: no clear gain in its own form ({})", row.label, number(own));
    if (!std::isfinite(other.mean)) return fmt::format("{}: gain {} in its own form", row.label, number(own));
    return fmt::format("{}: gain {} in its own form, {} in others{}", row.label, number(own), number(other),
                       std::isfinite(kept.mean) ? fmt::format(" ({} kept)", share(kept)) : "");
}

}  // namespace

std::string Transfer::verdict(const Plan&, const TaskSummary& task) const {
    const auto* table = task.analysis("transfer-summary");
    std::vector<std::string> parts;
    if (table)
        for (const auto& row : table->rows) parts.push_back(sentence(*table, row));
    return fmt::format("Log-probability over unsteered, in nats. {}.", fmt::join(parts, "; "));
}

std::vector<std::string> Transfer::findings(const Plan& plan, const Summary& summary) const {
    std::vector<std::string> out;
    std::set<std::string> tasks;
    for (const auto& task : summary.tasks) tasks.insert(task.name);
    if (const auto* table = summary.analysis("transfer-summary"))
        for (const auto& row : table->rows)
            out.push_back(fmt::format("{}, over {}.", sentence(*table, row), n_tasks(tasks.size())));
    const auto* kept = summary.analysis("quantisation-kept");
    if (!kept) return out;
    for (const auto& method : plan.methods) {
        double low = std::numeric_limits<double>::infinity(), high = -low;
        for (const auto& row : kept->rows)
            if (row.about.at("method") == method)
                for (const Interval& value : row.values)
                    if (std::isfinite(value.low))  // a model's own vector has no interval
                        low = std::min(low, value.mean), high = std::max(high, value.mean);
        if (low <= high)
            out.push_back(
                fmt::format("{}: a vector of another quantisation keeps {:.0f} to {:.0f} % of the gain of "
                            "the model's own.",
                            method, 100 * low, 100 * high));
    }
    return out;
}

}  // namespace tiller::study

#include "report/numbers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "core/util.h"

namespace tiller::report {
namespace {

constexpr Metric metrics[] = {
    {"first_token", "first token",
     "Share of items whose right answer's first token is the most likely next token.", true, false},
    {"first_word", "first word",
     "Share of items whose generated answer begins with the right answer's first word.", true, false},
    {"exact", "exact", "Share of items whose generated answer equals a right answer after normalisation.",
     true, false},
    {"f1", "F1", "Overlap of the words of the generated and the right answer (bag-of-words F1).", true,
     false},
    {"contains", "contains", "Share of items whose right answer stands anywhere in the generated text.", true,
     false},
    {"present", "present",
     "Share of items whose right answer's words stand in a row in the generated text (present_score).", true,
     false},
    {"logprob", "log p", "Log-probability of the right answer's first token, natural logarithm.", false,
     false},
    {"rank", "rank", "Rank of the right answer's first token among all tokens; lower is better.", false,
     true},
    {"style", "style",
     "Probability of the wanted style by a classifier trained on the task's own training pairs.", true,
     false},
    {"rouge_l", "ROUGE-L",
     "Overlap with the reference: F1 of the longest common subsequence of words. A copy of the input can "
     "score high.",
     true, false},
    {"collapsed", "collapsed", "Share of texts that fell apart (repetition or no words); lower is better.",
     true, true},
    {"perplexity", "perplexity",
     "Perplexity of the generated text under the unsteered model; lower is more fluent.", false, true},
    {"ngram_entropy", "n-gram entropy",
     "Weighted entropy of 2- and 3-grams in bits; low values mean repetition.", false, false},
    {"distinct_1", "distinct-1", "Different words divided by words.", true, false},
    {"distinct_2", "distinct-2", "Different word pairs divided by word pairs.", true, false},
    {"kl", "KL",
     "Divergence of the next-token distribution from the zero-shot one, KL(it || zero-shot), nats.", false,
     true},
    {"entropy", "entropy", "Entropy of the next-token distribution, nats.", false, false},
    {"damage", "damage",
     "Share of right first tokens lost on an unrelated task under the same edits; lower is better.", false,
     true},
};

}  // namespace

const Metric* find_metric(std::string_view name) {
    const auto* found = std::find_if(std::begin(metrics), std::end(metrics),
                                     [&](const Metric& metric) { return metric.name == name; });
    return found == std::end(metrics) ? nullptr : found;
}

std::string metric_label(std::string_view name) {
    if (const Metric* metric = find_metric(name)) return metric->label;
    std::string label(name);
    std::replace(label.begin(), label.end(), '_', ' ');
    return valid_utf8(label);
}

bool lower_is_better(std::string_view name) {
    const Metric* metric = find_metric(name);
    return metric && metric->lower_is_better;
}

bool is_share(std::string_view name) {
    const Metric* metric = find_metric(name);
    return metric && metric->share;
}

int metric_rank(std::string_view name) {
    const Metric* metric = find_metric(name);
    return static_cast<int>(metric ? metric - std::begin(metrics) : std::ssize(metrics));
}

std::string format_value(double value) {
    if (!std::isfinite(value)) return "n/a";
    const double size = std::abs(value);
    std::string text = size >= 1e6     ? fmt::format("{:.1e}", value)
                       : size >= 999.5 ? fmt::format("{:.0f}", value)
                       : size >= 9.995 ? fmt::format("{:.1f}", value)
                                       : fmt::format("{:.2f}", value);
    if (text == "-0.00") text = "0.00";
    return text;
}

std::string format_plain(double value) {
    const bool whole = std::abs(value) < 1e15 && value == std::floor(value);
    return whole ? fmt::format("{:.0f}", value) : format_value(value);
}

std::string format_range(const Interval& interval) {
    return fmt::format("[{}, {}]", format_value(interval.low), format_value(interval.high));
}

std::string format_interval(const Interval& interval) {
    return fmt::format("{} {}", format_value(interval.mean), format_range(interval));
}

std::string format_exact(double value) { return std::isfinite(value) ? fmt::format("{}", value) : "n/a"; }

std::string format_count(std::uint64_t count) {
    std::string text = fmt::format("{}", count);
    for (int at = static_cast<int>(text.size()) - 3; at > 0; at -= 3)
        text.insert(static_cast<std::size_t>(at), "\u202f");
    return text;
}

std::string format_seconds(double seconds) {
    if (!std::isfinite(seconds)) return "n/a";
    if (seconds < 9.95) return fmt::format("{:.1f} s", seconds);
    if (seconds < 119.5) return fmt::format("{:.0f} s", seconds);
    if (seconds < 119.5 * 60) return fmt::format("{:.0f} min", seconds / 60);
    return fmt::format("{:.1f} h", seconds / 3600);
}

std::string format_bytes(std::uint64_t bytes) {
    const auto value = static_cast<double>(bytes);
    if (value < 1e3) return fmt::format("{} B", bytes);
    if (value < 999.5e3) return fmt::format("{:.0f} kB", value / 1e3);
    if (value < 999.5e6) return fmt::format("{:.0f} MB", value / 1e6);
    return fmt::format("{:.2f} GB", value / 1e9);
}

std::string format_parameters(std::uint64_t count) {
    const auto value = static_cast<double>(count);
    if (value < 999.5e3) return fmt::format("{:.0f} k", value / 1e3);
    if (value < 999.5e6) return fmt::format("{:.0f} M", value / 1e6);
    return fmt::format("{:.2f} B", value / 1e9);
}

std::string format_setting(const std::map<std::string, double>& setting) {
    std::string out;
    for (const auto& [name, value] : setting)
        out += fmt::format("{}{}={}", out.empty() ? "" : " ", valid_utf8(name), format_exact(value));
    return out;
}

}  // namespace tiller::report

// How numbers and metrics are written in every format.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tiller/summary.h"

namespace tiller::report {

/// What a reader needs to know about a metric.
struct Metric {
    const char* name;
    const char* label;        ///< "first token"
    const char* explanation;  ///< One sentence.
    bool share;               ///< In [0, 1].
    bool lower_is_better;
};

/// Known metrics in the order of tables; an unknown one is nullptr.
const Metric* find_metric(std::string_view name);
/// Label of a metric; its name with blanks when it is unknown.
std::string metric_label(std::string_view name);
bool lower_is_better(std::string_view name);
bool is_share(std::string_view name);
/// Place of a metric in tables; unknown ones come last.
int metric_rank(std::string_view name);

/// Two decimals for shares and small numbers, fewer for larger ones; "n/a" when not finite. ASCII.
std::string format_value(double value);
/// A number without an interval: whole ones in full, others as format_value().
std::string format_plain(double value);
/// "0.62 [0.55, 0.70]"
std::string format_interval(const Interval& interval);
/// "[0.55, 0.70]"
std::string format_range(const Interval& interval);
/// Shortest text that reads back as the same number; "n/a" when not finite.
std::string format_exact(double value);
/// 1234567 -> "1 234 567", with narrow no-break spaces (U+202F).
std::string format_count(std::uint64_t count);
/// "0.8 s", "95 s", "12 min", "3.4 h"
std::string format_seconds(double seconds);
/// "512 B", "34.5 MB" (powers of 1000)
std::string format_bytes(std::uint64_t bytes);
/// 270000000 -> "270 M"
std::string format_parameters(std::uint64_t count);
/// "heads=8 layer=6 scale=2"
std::string format_setting(const std::map<std::string, double>& setting);

}  // namespace tiller::report

// How numbers are written in every format.
#pragma once

#include <cstdint>
#include <string>

#include "scoring/metrics.h"
#include "tiller/summary.h"

namespace tiller::report {

using tiller::metric_label;  // scores and what is known of them: scoring/metrics.h

/// Two decimals below 10, one below 1000, none below a million, "1.2e+06" above; "n/a" when not finite.
/// ASCII.
std::string format_value(double value);
/// A number without an interval: whole numbers with all digits, others as format_value().
std::string format_plain(double value);
/// "0.62 [0.55, 0.70]"
std::string format_interval(const Interval& interval);
/// "[0.55, 0.70]"
std::string format_range(const Interval& interval);
/// The shortest text that reads back as the same number; "n/a" when not finite.
std::string format_exact(double value);
/// 1234567 -> "1 234 567", with narrow no-break spaces (U+202F).
std::string format_count(std::uint64_t count);
/// "0.8 s", "95 s", "12 min", "3.4 h"
std::string format_seconds(double seconds);
/// "512 B", "34 kB", "34 MB", "1.25 GB" (powers of 1000)
std::string format_bytes(std::uint64_t bytes);
/// 270000000 -> "270 M", 1240000000 -> "1.24 B"
std::string format_parameters(std::uint64_t count);
/// "heads=8 layer=6 scale=2"
std::string format_setting(const std::map<std::string, double>& setting);

}  // namespace tiller::report

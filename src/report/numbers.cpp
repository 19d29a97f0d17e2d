#include "report/numbers.h"

#include <fmt/format.h>

#include <cmath>

#include "core/util.h"

namespace tiller::report {

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

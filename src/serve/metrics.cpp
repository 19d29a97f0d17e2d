#include "serve/metrics.h"

#include <fmt/format.h>

namespace tiller::serve {
namespace {

std::string head(const char* name, const char* type, const char* help) {
    return fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

std::string single(const char* name, const char* type, const char* help, std::uint64_t value) {
    return head(name, type, help) + fmt::format("{} {}\n", name, value);
}

}  // namespace

void Histogram::observe(double seconds) {
    const std::lock_guard lock(mutex_);
    std::size_t i = 0;
    while (i < bounds.size() && seconds > bounds[i]) ++i;
    ++counts_[i];
    sum_ += seconds;
}

std::string Histogram::text(const char* name, const char* help) const {
    const std::lock_guard lock(mutex_);
    std::string out = head(name, "histogram", help);
    std::uint64_t n = 0;
    for (std::size_t i = 0; i < bounds.size(); ++i)
        out += fmt::format("{}_bucket{{le=\"{}\"}} {}\n", name, bounds[i], n += counts_[i]);
    n += counts_.back();
    return out + fmt::format("{0}_bucket{{le=\"+Inf\"}} {1}\n{0}_sum {2}\n{0}_count {1}\n", name, n, sum_);
}

void Metrics::count_request(const std::string& endpoint, int status) {
    const std::lock_guard lock(mutex_);
    ++requests_[{endpoint, status}];
}

std::string Metrics::text(int n_active, int n_waiting) const {
    std::string out = head("tiller_requests_total", "counter", "Requests answered, by endpoint and status.");
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [key, n] : requests_)
            out += fmt::format("tiller_requests_total{{endpoint=\"{}\",code=\"{}\"}} {}\n", key.first,
                               key.second, n);
    }
    out += head("tiller_tokens_total", "counter",
                "Tokens of prompts (without each one's last) and generated ones.");
    out += fmt::format(
        "tiller_tokens_total{{kind=\"prompt\"}} {}\ntiller_tokens_total{{kind=\"generated\"}} {}\n",
        n_prompt_.load(), n_generated_.load());
    out += single("tiller_prefix_reused_tokens_total", "counter",
                  "Prompt tokens that another row had computed.", n_reused_);
    out += single("tiller_cancelled_total", "counter", "Rows ended because their client went away.",
                  n_cancelled_);
    out += single("tiller_edits_applied_total", "counter", "Edits of rows: layers times vectors.", n_edits_);
    out += single("tiller_rows_active", "gauge", "Rows that are being computed.",
                  static_cast<std::uint64_t>(n_active));
    out += single("tiller_queue_length", "gauge", "Rows that wait.", static_cast<std::uint64_t>(n_waiting));
    out += step_.text("tiller_step_seconds", "One decode of the model.");
    out += first_token_.text("tiller_ttft_seconds", "From a request's arrival to its first token.");
    return out;
}

}  // namespace tiller::serve

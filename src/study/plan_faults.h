// What is impossible about a plan: the first fault that is found.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "tiller/error.h"

namespace tiller::study {

/// What is impossible about a plan, and the key that says so ("functional.n_mean").
struct Fault {
    std::string key, what;
    Code code = Code::bad_input;
};

/// Collects what checks find; the first fault stays.
class PlanFaults {
public:
    const std::optional<Fault>& first() const { return fault_; }

    void refuse(const std::string& key, const std::string& what, Code code = Code::bad_input) {
        if (!fault_) fault_ = Fault{key, what, code};
    }
    void refuse_if(bool is_wrong, const std::string& key, const std::string& what) {
        if (is_wrong) refuse(key, what);
    }
    /// "is empty; give at least one, like 1.0"
    template <class T>
    void filled(const std::string& key, const std::vector<T>& values, const std::string& what_to_do) {
        refuse_if(values.empty(), key, "is empty; " + what_to_do);
    }
    /// A value that stands there twice.
    template <class T>
    void once(const std::string& key, std::vector<T> values) {
        if (fault_) return;  // what is no number cannot be sorted
        std::sort(values.begin(), values.end());
        const auto twice = std::adjacent_find(values.begin(), values.end());
        if (twice != values.end()) refuse(key, fmt::format("names {} twice", *twice));
    }
    /// "has 7, expected ..." of the first value that does not fit.
    template <class T, class Fits>
    void each(const std::string& key, const std::vector<T>& values, const Fits& fits,
              const std::string& expected) {
        for (const T& value : values)
            if (!fits(value)) return refuse(key, fmt::format("has {}, expected {}", value, expected));
    }
    /// Both ends inclusive.
    template <class T>
    void within(const std::string& key, T value, T least, T most) {
        if (!(value >= least && value <= most))
            refuse(key, fmt::format("is {}, expected {} to {}", value, least, most));
    }

private:
    std::optional<Fault> fault_;
};

}  // namespace tiller::study

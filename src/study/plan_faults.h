// Checks of a plan and the first fault that they find.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "tiller/error.h"

namespace tiller::study {

/// A value of a plan that is impossible: its key ("functional.n_mean"), and what is wrong ("is 0, expected at
/// least 1"), which error messages write after the key.
struct Fault {
    std::string key, what;
    Code code = Code::bad_input;
};

/// Collects faults; only the first is kept.
class PlanFaults {
public:
    const std::optional<Fault>& first() const { return fault_; }

    void refuse(const std::string& key, const std::string& what, Code code = Code::bad_input) {
        if (!fault_) fault_ = Fault{key, what, code};
    }
    void refuse_if(bool is_wrong, const std::string& key, const std::string& what) {
        if (is_wrong) refuse(key, what);
    }
    /// Refuses an empty list: "is empty; give at least one, like 1.0".
    template <class T>
    void filled(const std::string& key, const std::vector<T>& values, const std::string& what_to_do) {
        refuse_if(values.empty(), key, "is empty; " + what_to_do);
    }
    /// Refuses a list that has a value twice: "names 7 twice".
    template <class T>
    void once(const std::string& key, std::vector<T> values) {
        if (fault_) return;  // an earlier check may have found NaN, which cannot be sorted
        std::sort(values.begin(), values.end());
        const auto twice = std::adjacent_find(values.begin(), values.end());
        if (twice != values.end()) refuse(key, fmt::format("names {} twice", *twice));
    }
    /// Refuses the first value for which `fits` returns false: "has 7, expected ...".
    template <class T, class Fits>
    void each(const std::string& key, const std::vector<T>& values, const Fits& fits,
              const std::string& expected) {
        for (const T& value : values)
            if (!fits(value)) return refuse(key, fmt::format("has {}, expected {}", value, expected));
    }
    /// Refuses a value outside [least, most], both inclusive.
    template <class T>
    void within(const std::string& key, T value, T least, T most) {
        if (!(value >= least && value <= most))
            refuse(key, fmt::format("is {}, expected {} to {}", value, least, most));
    }

private:
    std::optional<Fault> fault_;
};

}  // namespace tiller::study

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/near_names.h"
#include "tasks/json_events.h"
#include "tiller/error.h"
#include "tiller/method.h"

namespace tiller {

const Method& find_method(const std::string& name) {
    std::vector<std::string> known;
    for (const Method* method : methods()) {
        if (method->name() == name) return *method;
        known.push_back(method->name());
    }
    const auto near = near_names(name, known);
    throw Error(Code::usage,
                fmt::format("unknown method \"{}\"{}; known: {}", excerpt(name),
                            near.empty() ? "" : fmt::format(", did you mean {}?", fmt::join(near, " or ")),
                            fmt::join(known, ", ")));
}

}  // namespace tiller

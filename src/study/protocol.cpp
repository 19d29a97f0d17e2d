#include "study/protocol.h"

#include <algorithm>

namespace tiller {

namespace study {

const std::vector<const Protocol*>& protocol_files();  // made by cmake/registry.cmake from src/protocols

Plan Protocol::plan() const {
    Plan plan;
    plan.protocol = traits.name;
    return plan;
}

std::vector<int> Protocol::validation(const Plan& plan, const Split& split) const {
    const auto n = std::min(split.valid.size(), static_cast<std::size_t>(plan.n_valid));
    return {split.valid.begin(), split.valid.begin() + static_cast<std::ptrdiff_t>(n)};
}

const std::vector<const Protocol*>& protocols() {
    static const std::vector<const Protocol*> all = [] {
        auto list = protocol_files();
        std::stable_partition(list.begin(), list.end(),
                              [](const Protocol* p) { return p->traits.name == Plan{}.protocol; });
        return list;
    }();
    return all;
}

const Protocol* find_protocol(const std::string& name) {
    for (const Protocol* protocol : protocols())
        if (protocol->traits.name == name) return protocol;
    return nullptr;
}

const Protocol& protocol_of(const Plan& plan) {
    const Protocol* protocol = find_protocol(plan.protocol);
    return protocol ? *protocol : *protocols().front();
}

}  // namespace study

std::vector<std::pair<std::string, std::string>> protocol_list() {
    std::vector<std::pair<std::string, std::string>> out;
    for (const auto* protocol : study::protocols())
        out.emplace_back(protocol->traits.name, protocol->traits.summary);
    return out;
}

Plan default_plan(const std::string& protocol) {
    const auto* found = study::find_protocol(protocol);
    if (found) return found->plan();
    std::string names;
    for (const auto* known : study::protocols()) names += (names.empty() ? "" : ", ") + known->traits.name;
    throw Error(Code::usage, "unknown protocol \"" + protocol + "\"; known: " + names);
}

}  // namespace tiller

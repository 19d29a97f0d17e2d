#include "cli/machine_load.h"

#include <sys/times.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace tiller::cli {

LoadWatch::LoadWatch() : begin_(now()) {}

std::optional<LoadWatch::Times> LoadWatch::now() {
    std::ifstream in("/proc/stat");
    std::string cpu;
    // user nice system idle iowait irq softirq steal; guests are counted in user.
    std::uint64_t part[8] = {};
    if (!(in >> cpu) || cpu != "cpu") return std::nullopt;
    for (auto& value : part)
        if (!(in >> value)) return std::nullopt;
    Times t;
    for (const auto value : part) t.all += value;
    t.idle = part[3] + part[4];
    t.steal = part[7];
    tms own{};
    ::times(&own);
    t.own = static_cast<std::uint64_t>(own.tms_utime + own.tms_stime + own.tms_cutime + own.tms_cstime);
    return t;
}

std::optional<MachineLoad> LoadWatch::load() const {
    const auto end = now();
    if (!begin_ || !end || end->all <= begin_->all + 20)
        return std::nullopt;  // a fifth of a second on one core
    const auto share = [&](std::uint64_t from, std::uint64_t to) {
        return static_cast<double>(to - std::min(from, to)) / static_cast<double>(end->all - begin_->all);
    };
    MachineLoad load;
    load.steal = share(begin_->steal, end->steal);
    const double used = 1 - share(begin_->idle, end->idle) - load.steal;
    load.others = std::max(0.0, used - share(begin_->own, end->own));
    return load;
}

}  // namespace tiller::cli

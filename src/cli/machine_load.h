// What else the machine did while something was measured.
#pragma once

#include <cstdint>
#include <optional>

namespace tiller::cli {

/// Shares of the cores' time, 0 to 1.
struct MachineLoad {
    double others = 0;  ///< Other programs.
    double steal = 0;   ///< The host of a virtual machine, for others.
    /// True when other work was enough to make timings unreliable.
    bool busy() const { return others > 0.05 || steal > 0.02; }
};

/// Measures from its construction on.
class LoadWatch {
public:
    LoadWatch();
    /// Since construction; nullopt where the system does not tell (no /proc/stat) or too little time has
    /// passed.
    std::optional<MachineLoad> load() const;

private:
    struct Times {
        std::uint64_t all = 0, idle = 0, steal = 0, own = 0;  ///< In ticks, over all cores.
    };
    static std::optional<Times> now();
    std::optional<Times> begin_;
};

}  // namespace tiller::cli

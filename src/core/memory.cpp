#include "core/memory.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace tiller {
namespace {

namespace fs = std::filesystem;

// Version 1 writes "no limit" as a number near 2^63.
constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 60;

// Names of the files of a version of control groups, and of the statistic (in bytes) of cached files that the
// kernel can drop.
struct Version {
    const char *limit, *used, *statistics, *files;
};
constexpr Version kVersion1{"memory.limit_in_bytes", "memory.usage_in_bytes", "memory.stat",
                            "total_inactive_file"};
constexpr Version kVersion2{"memory.max", "memory.current", "memory.stat", "inactive_file"};

// Names of files are strings here: libstdc++ 12 frees memory twice when it runs out within path's operator/,
// and this is asked when memory is short.
std::optional<std::uint64_t> number_in(const std::string& file) {
    std::uint64_t value = 0;
    if (std::ifstream(file) >> value) return value;
    return std::nullopt;  // not there, or "max"
}

std::uint64_t statistic(const std::string& file, std::string_view name) {
    std::ifstream in(file);
    std::string key;
    for (std::uint64_t value = 0; in >> key >> value;)
        if (key == name) return value;
    return 0;
}

std::optional<std::uint64_t> left_in(const std::string& group, const Version& version) {
    const auto limit = number_in(group + version.limit), used = number_in(group + version.used);
    if (!limit || !used || *limit >= kNoLimit) return std::nullopt;
    const std::uint64_t files = std::min(*used, statistic(group + version.statistics, version.files));
    const std::uint64_t held = *used - files;
    return *limit > held ? *limit - held : 0;
}

// The least that is left in a group or one of its parents; nullopt when none has a limit.
std::optional<std::uint64_t> left_on_the_way(const std::string& mount, std::string_view group,
                                             const Version& version) {
    std::optional<std::uint64_t> least;
    for (std::string at = fmt::format("/{}", group);; at.resize(at.find_last_of('/'))) {
        if (const auto left = left_in(mount + at + "/", version))
            least = std::min(least.value_or(*left), *left);
        if (at.empty()) return least;
    }
}

// Is "memory" one of the names, which commas separate?
bool controls_memory(std::string_view controllers) {
    for (;;) {
        const auto comma = controllers.find(',');
        if (controllers.substr(0, comma) == "memory") return true;
        if (comma == std::string_view::npos) return false;
        controllers.remove_prefix(comma + 1);
    }
}

std::uint64_t machine_memory() {
    std::ifstream info("/proc/meminfo");
    for (std::string key; info >> key;) {
        std::uint64_t kib = 0;
        info >> kib;
        if (key == "MemAvailable:") return kib * 1024;
        info.ignore(64, '\n');
    }
    const long pages = ::sysconf(_SC_PHYS_PAGES), size = ::sysconf(_SC_PAGE_SIZE);
    return static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(size);
}

std::string text_of(const char* path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

std::optional<std::uint64_t> group_memory(const fs::path& root, std::string_view membership) {
    std::optional<std::uint64_t> least;
    std::istringstream lines{std::string(membership)};
    for (std::string line; std::getline(lines, line);) {  // hierarchy:controllers:/path
        const auto first = line.find(':'), second = line.find(':', first + 1);
        if (first == std::string::npos || second == std::string::npos) continue;
        const auto controllers = std::string_view(line).substr(first + 1, second - first - 1);
        const auto group = std::string_view(line).substr(second + 1);
        std::optional<std::uint64_t> left;
        if (controllers.empty())
            left = left_on_the_way(root.string(), group, kVersion2);
        else if (controls_memory(controllers))
            left = left_on_the_way(root.string() + "/memory", group, kVersion1);
        if (left) least = std::min(least.value_or(*left), *left);
    }
    return least;
}

std::uint64_t available_memory() {
    std::uint64_t available = machine_memory();
    if (const auto left = group_memory("/sys/fs/cgroup", text_of("/proc/self/cgroup")))
        available = std::min(available, *left);
    rlimit address_space{};
    if (::getrlimit(RLIMIT_AS, &address_space) == 0 && address_space.rlim_cur != RLIM_INFINITY) {
        const std::uint64_t pages = number_in("/proc/self/statm").value_or(0);
        const std::uint64_t taken = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGE_SIZE));
        const std::uint64_t limit = address_space.rlim_cur;
        available = std::min(available, limit > taken ? limit - taken : 0);
    }
    return available;
}

std::uint64_t peak_memory() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace tiller

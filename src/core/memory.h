// How much memory is available, and how much was used at most.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

namespace tiller {

/// Memory that can be allocated now without swapping, in bytes. It is the least of three numbers: what is
/// available on the machine, what is left in the process's control groups, and what is left of its address
/// space limit.
std::uint64_t available_memory();

/// What is left in the control groups of a process, in bytes; nullopt when none has a limit. A group's
/// parents limit it as well. Cached files of a group (inactive_file) count as free, because the kernel drops
/// them first. `membership` is the text of /proc/self/cgroup; `root` is where groups are mounted (version 2,
/// or the parent folder of version 1's controllers). Folders that do not exist (in other name spaces) are
/// skipped.
std::optional<std::uint64_t> group_memory(const std::filesystem::path& root, std::string_view membership);

/// Peak resident memory of this process in bytes.
std::uint64_t peak_memory();

}  // namespace tiller

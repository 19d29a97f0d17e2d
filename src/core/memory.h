// How much memory there is to take, and how much was taken.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

namespace tiller {

/// Memory that can be taken now without swapping, in bytes: what the machine has, what the process's control
/// groups leave it, and what is left of its address space limit; the least of them.
std::uint64_t available_memory();

/// What the control groups of a process leave it, in bytes; nullopt when none has a limit. Files that a group
/// has read (inactive_file) count as free, because the kernel drops them first. `membership` is the text of
/// /proc/self/cgroup, `root` the folder where groups are mounted (version 2, or the folder of version 1's
/// controllers). A group's parents limit it as well; folders that are not there (other name spaces) are
/// skipped.
std::optional<std::uint64_t> group_memory(const std::filesystem::path& root, std::string_view membership);

/// Peak resident memory of this process in bytes.
std::uint64_t peak_memory();

}  // namespace tiller

// What control groups leave a process, with folders like the kernel's.
#include <gtest/gtest.h>

#include <fstream>

#include "core/memory.h"
#include "unit/test_tasks_files.h"

namespace tiller {
namespace {

using test::ScratchFolder;
namespace fs = std::filesystem;

void put(const fs::path& file, const std::string& text) {
    fs::create_directories(file.parent_path());
    std::ofstream(file) << text;
}

void group2(const fs::path& at, const std::string& limit, std::uint64_t used, std::uint64_t files) {
    put(at / "memory.max", limit + "\n");
    put(at / "memory.current", std::to_string(used) + "\n");
    put(at / "memory.stat",
        "anon 5\nactive_file 3\ninactive_file " + std::to_string(files) + "\nunevictable 0\n");
}

TEST(GroupMemory, FilesThatWereReadCountAsFree) {
    const ScratchFolder root;
    group2(root.path(), "1000", 900, 700);
    EXPECT_EQ(group_memory(root.path(), "0::/\n"), 800u);
}

TEST(GroupMemory, TheOwnGroupAndItsParentsLimit) {
    const ScratchFolder root;
    group2(root.path() / "a", "5000", 1000, 0);
    group2(root.path() / "a/b", "3000", 500, 0);
    group2(root.path() / "other", "10", 10, 0);
    EXPECT_EQ(group_memory(root.path(), "0::/a/b\n"), 2500u);
    EXPECT_EQ(group_memory(root.path(), "0::/a\n"), 4000u);
    group2(root.path() / "a", "1600", 1000, 0);
    EXPECT_EQ(group_memory(root.path(), "0::/a/b\n"), 600u) << "the parent leaves less";
}

TEST(GroupMemory, NoLimitIsNoNumber) {
    const ScratchFolder root;
    EXPECT_EQ(group_memory(root.path(), "0::/\n"), std::nullopt) << "nothing mounted";
    group2(root.path(), "max", 900, 0);
    EXPECT_EQ(group_memory(root.path(), "0::/\n"), std::nullopt);
    group2(root.path(), "1000", 900, 0);
    EXPECT_EQ(group_memory(root.path(), ""), std::nullopt) << "a system without groups";
    EXPECT_EQ(group_memory(root.path(), "no colon\n::\n"), 100u) << "an empty path is the root";
    EXPECT_EQ(group_memory(root.path(), "0::/of/the/host\n"), 100u) << "a path of another name space";
}

TEST(GroupMemory, MoreUsedThanAllowedLeavesNothing) {
    const ScratchFolder root;
    group2(root.path(), "1000", 1200, 0);
    EXPECT_EQ(group_memory(root.path(), "0::/\n"), 0u);
    group2(root.path(), "1000", 900, 5000);
    EXPECT_EQ(group_memory(root.path(), "0::/\n"), 1000u) << "more files than memory";
}

TEST(GroupMemory, VersionOne) {
    const ScratchFolder root;
    const auto at = root.path() / "memory/jobs/7";
    put(at / "memory.limit_in_bytes", "2000\n");
    put(at / "memory.usage_in_bytes", "1500\n");
    put(at / "memory.stat", "cache 9\ninactive_file 1\ntotal_inactive_file 600\n");
    put(root.path() / "memory/memory.limit_in_bytes", "9223372036854771712\n");
    put(root.path() / "memory/memory.usage_in_bytes", "1500\n");
    EXPECT_EQ(group_memory(root.path(), "4:cpu,memory:/jobs/7\n3:pids:/x\n"), 1100u);
    EXPECT_EQ(group_memory(root.path(), "4:memory:/\n"), std::nullopt) << "the root has no limit";
    EXPECT_EQ(group_memory(root.path(), "4:memory2:/jobs/7\n"), std::nullopt);
}

}  // namespace
}  // namespace tiller

// What an interrupted run says: where its work is, or that there is none yet.
#include <gtest/gtest.h>

#include "cli/resumable.h"
#include "unit/test_tasks_files.h"

namespace tiller::cli {
namespace {

TEST(CliResumable, SaysWhetherThereIsWorkToGoOnWith) {
    const test::ScratchFolder folder;
    const Error stopped(Code::interrupted, "stop");
    const auto said = [&](const std::string& run) {
        return std::string(resumable(stopped, (folder.path() / run).string()).what());
    };
    EXPECT_NE(said("none").find("before there was anything to keep"), std::string::npos);

    folder.write("begun/plan.toml", "protocol = 1");
    folder.write("begun/environment.json", "{}");
    folder.write("begun/records.jsonl", "");
    EXPECT_NE(said("begun").find("before there was anything to keep"), std::string::npos);

    folder.write("begun/records.jsonl", "{}\n");
    EXPECT_NE(said("begun").find("the same command goes on from there"), std::string::npos);
    EXPECT_NE(said("begun").find((folder.path() / "begun").string()), std::string::npos);

    folder.write("extracts/plan.toml", "protocol = 1");
    folder.write("extracts/checkpoints/shared/trials-0", "x");
    EXPECT_NE(said("extracts").find("the same command goes on from there"), std::string::npos);

    EXPECT_STREQ(resumable(Error(Code::bad_input, "torn"), "x").what(), "torn");
}

}  // namespace
}  // namespace tiller::cli

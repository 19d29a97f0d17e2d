#include <gtest/gtest.h>

#include "tiller/error.h"
#include "tiller/task.h"
#include "unit/test_tasks_files.h"

namespace tiller {
namespace {

std::string fault(const std::string& text) {
    test::ScratchFolder folder;
    folder.write("instructions.json", text);
    try {
        load_instructions(folder.path() / "instructions.json");
    } catch (const Error& e) {
        EXPECT_EQ(e.code(), Code::bad_input);
        return e.what();
    }
    return "";
}

TEST(LoadInstructions, TextAndCueByTask) {
    test::ScratchFolder folder;
    folder.write(
        "instructions.json",
        R"({"a": {"instruction": " Say A. ", "cue": "A"}, "b": {"cue": "B", "instruction": "Say B."}})");
    const auto all = load_instructions(folder.path() / "instructions.json");
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all.at("a").text, "Say A.");
    EXPECT_EQ(all.at("b").cue, "B");
}

TEST(LoadInstructions, FaultsAreNamed) {
    EXPECT_NE(fault(R"([1])").find("expected an object of tasks"), std::string::npos);
    EXPECT_NE(fault(R"({"a": "x"})").find("expected an object with"), std::string::npos);
    EXPECT_NE(fault(R"({"a": {"instruction": "x"}})").find("lacks"), std::string::npos);
    EXPECT_NE(fault(R"({"a": {"instruction": "x", "cue": " "}})").find("blank"), std::string::npos);
    EXPECT_NE(fault(R"({"a": {"instruction": "x", "hint": "y"}})").find("unknown key hint"),
              std::string::npos);
    EXPECT_NE(fault(R"({"a": {"cue": "x", "cue": "y", "instruction": "z"}})").find("twice"),
              std::string::npos);
    EXPECT_NE(fault(R"({"a": {"cue": "x", "instruction": "z"}, "a": {"cue": "x", "instruction": "z"}})")
                  .find("twice"),
              std::string::npos);
    EXPECT_NE(fault("{").find("instruction file"), std::string::npos);
}

// Every task that tiller ships can be compared with an instruction; a cue is one word.
TEST(LoadInstructions, EveryTaskOfOursHasOne) {
    const auto data = std::filesystem::path(TILLER_TESTS_DIR).parent_path() / "data";
    const auto all = load_instructions(data / "instructions.json");
    const auto tasks = list_tasks(data);
    EXPECT_EQ(all.size(), tasks.size());
    for (const auto& path : tasks) {
        const auto found = all.find(path.stem().string());
        ASSERT_NE(found, all.end()) << path;
        EXPECT_EQ(found->second.cue.find(' '), std::string::npos) << path;
        EXPECT_NE(found->second.text.find(' '), std::string::npos) << path;
    }
}

}  // namespace
}  // namespace tiller

// Words for a shell, and names that come near.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "core/near_names.h"
#include "core/shell.h"

namespace tiller {
namespace {

using Names = std::vector<std::string>;

TEST(ShellWord, QuotesOnlyWhatNeedsIt) {
    EXPECT_EQ(shell_word("runs/a-1.gguf:0.7"), "runs/a-1.gguf:0.7");
    EXPECT_EQ(shell_word(""), "''");
    EXPECT_EQ(shell_word("my run"), "'my run'");
    EXPECT_EQ(shell_word("it's"), "'it'\\''s'");
    EXPECT_EQ(shell_word("$HOME `x`"), "'$HOME `x`'");
    EXPECT_EQ(shell_word("Q: it's\nA:"), "$'Q: it\\'s\\nA:'");
    EXPECT_EQ(shell_word("a\\\t\x1b[0m"), "$'a\\\\\\t\\x1b[0m'");
}

// What bash makes of the word is the text again.
TEST(ShellWord, BashReadsTheTextBack) {
    for (const std::string text : {"a b", "it's", "Q: \"x\"\nA:",
                                   "\x01"
                                   "9\x7f\\",
                                   "!$`\\", "\xc3\xa9\n"}) {
        const std::string command = "printf %s " + shell_word(text);
        std::string quoted = "'";
        for (const char c : command) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
        FILE* pipe = ::popen(("bash -c " + quoted + "'").c_str(), "r");
        ASSERT_NE(pipe, nullptr);
        std::array<char, 256> out{};
        const auto n = std::fread(out.data(), 1, out.size(), pipe);
        ::pclose(pipe);
        EXPECT_EQ(std::string(out.data(), n), text) << command;
    }
}

TEST(NearNames, AFewEditsOrAPart) {
    const Names known = {"task-vector", "mean-diff", "mean-centred", "fv", "icv"};
    EXPECT_EQ(near_names("taskvector", known), Names{"task-vector"});
    EXPECT_EQ(near_names("mean-dif", known).front(), "mean-diff");
    EXPECT_EQ(near_names("mean", known), (Names{"mean-diff", "mean-centred"}));
    EXPECT_EQ(near_names("lorentz", known), Names{});
    EXPECT_EQ(near_names("FV", known).front(), "fv");
    EXPECT_EQ(near_names("xx", known), Names{}) << "another word as short";
    EXPECT_EQ(near_names("", known), Names{});
    EXPECT_EQ(near_names(std::string(201, 'f'), known), Names{});
}

}  // namespace
}  // namespace tiller

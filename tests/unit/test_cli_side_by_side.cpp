// Answers in columns: lines are broken as on paper, and come as soon as every column has them.
#include <gtest/gtest.h>

#include "cli/side_by_side.h"

namespace tiller::cli {
namespace {

std::vector<std::string> lines_of(std::string text, int columns) {
    std::vector<std::string> lines;
    for (std::string line; take_line(text, columns, true, line);) lines.push_back(line);
    EXPECT_EQ(text, "");
    return lines;
}

using Lines = std::vector<std::string>;

TEST(CliSideBySide, BreaksLines) {
    EXPECT_EQ(lines_of("", 10), Lines{});
    EXPECT_EQ(lines_of("the cat sat", 7), (Lines{"the cat", "sat"}));
    EXPECT_EQ(lines_of("the cat sat", 8), (Lines{"the cat", "sat"}));
    EXPECT_EQ(lines_of("the cat sat", 11), Lines{"the cat sat"});
    EXPECT_EQ(lines_of("abcdefgh ij", 3), (Lines{"abc", "def", "gh", "ij"}));
    EXPECT_EQ(lines_of("a\n\nb\n", 9), (Lines{"a", "", "b"}));
    EXPECT_EQ(lines_of("a\tb", 9), Lines{"a b"});
    EXPECT_EQ(lines_of("日本語です", 4), (Lines{"日本", "語で", "す"}));  // two columns each
    EXPECT_EQ(lines_of("日", 1), Lines{"日"});  // wider than the column: it must go somewhere
    EXPECT_EQ(lines_of("e\u0301e\u0301e\u0301", 2), (Lines{"e\u0301e\u0301", "e\u0301"}));
}

TEST(CliSideBySide, WaitsForWhatCouldChangeALine) {
    std::string text = "the ca", line;
    EXPECT_FALSE(take_line(text, 7, false, line));
    text += "t s";
    EXPECT_TRUE(take_line(text, 7, false, line));
    EXPECT_EQ(line, "the cat");
    EXPECT_EQ(text, "s");
}

TEST(CliSideBySide, PrintsRowsWhenAllHaveThem) {
    std::string out;
    SideBySide texts({"one", "two"}, 60, [&](const std::string& more) { out += more; });
    const std::string head = "one" + std::string(25, ' ') + " \u2502 two\n";
    EXPECT_EQ(out, head);
    texts.add(0, "a\nb\nc\n", false);
    EXPECT_EQ(out, head);
    texts.add(1, "x\ny", true);
    const std::string gap = std::string(27, ' ') + " \u2502";
    EXPECT_EQ(out, head + "a" + gap + " x\nb" + gap + " y\nc" + gap + "\n");
    texts.add(0, "d", true);
    texts.add(0, "after the end", true);
    EXPECT_EQ(out, head + "a" + gap + " x\nb" + gap + " y\nc" + gap + "\nd" + gap + "\n");
}

TEST(CliSideBySide, OneUnderTheOtherWhereThereIsNoRoom) {
    for (const int columns : {0, 50}) {
        std::string out;
        SideBySide texts({"one", "two"}, columns, [&](const std::string& more) { out += more; });
        texts.add(1, "x", false);
        EXPECT_EQ(out, "one\n");
        texts.add(0, "a ", false);
        texts.add(0, "b\n", true);
        EXPECT_EQ(out, "one\na b\ntwo\nx");
        texts.add(1, "", true);
        EXPECT_EQ(out, "one\na b\ntwo\nx\n");
    }
}

}  // namespace
}  // namespace tiller::cli

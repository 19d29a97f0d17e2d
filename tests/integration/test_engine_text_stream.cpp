// Text as it comes: whole characters, nothing of a stop text, and the same as of all tokens at once.
#include <gtest/gtest.h>

#include <random>

#include "core/util.h"
#include "engine/text_stream.h"
#include "support/engine_rows.h"

using namespace tiller;
using namespace tiller::test;
using engine::incomplete_tail;
using engine::TextStream;

namespace {

class TextStreamTest : public testing::Test {
protected:
    // The tiny vocabulary has a token for each byte.
    static Token byte(unsigned char b) { return 3 + b; }
    /// What each byte of `text` made certain, and at the end the rest.
    std::vector<std::string> parts(const std::string& text, const std::vector<std::string>& stop = {}) {
        TextStream stream(*model_, stop);
        std::vector<std::string> out;
        for (const char c : text) {
            out.push_back(stream.add(byte(static_cast<unsigned char>(c))));
            if (stream.stopped()) break;
        }
        out.push_back(stream.rest());
        EXPECT_EQ(stream.rest(), "");
        stop_at_ = stream.stop_at();
        return out;
    }
    static std::string joined(const std::vector<std::string>& parts) {
        std::string all;
        for (const auto& part : parts) all += part;
        return all;
    }
    using Parts = std::vector<std::string>;

    std::shared_ptr<const Model> model_ = tiny();
    std::size_t stop_at_ = 0;
};

TEST_F(TextStreamTest, CharactersComeWhole) {
    EXPECT_EQ(parts("a\xC3\xA9z"), (Parts{"a", "", "\xC3\xA9", "z", ""}));
    EXPECT_EQ(parts("\xF0\x9F\x98\x80"), (Parts{"", "", "", "\xF0\x9F\x98\x80", ""}));
    EXPECT_EQ(parts("x\xE2\x82"), (Parts{"x", "", "", "\xEF\xBF\xBD\xEF\xBF\xBD"}));  // never finished
    EXPECT_EQ(joined(parts("\xE2"
                           "a\xFF\x80")),
              valid_utf8("\xE2"
                         "a\xFF\x80"));
}

TEST_F(TextStreamTest, IncompleteTail) {
    EXPECT_EQ(incomplete_tail(""), 0u);
    EXPECT_EQ(incomplete_tail("ab"), 0u);
    EXPECT_EQ(incomplete_tail("a\xC3"), 1u);
    EXPECT_EQ(incomplete_tail("a\xC3\xA9"), 0u);
    EXPECT_EQ(incomplete_tail("\xE2\x82"), 2u);
    EXPECT_EQ(incomplete_tail("\xF0\x9F\x98"), 3u);
    EXPECT_EQ(incomplete_tail("\xF0\x9F\x98\x80"), 0u);
    EXPECT_EQ(incomplete_tail("\x80\x80\x80\x80"), 0u);
}

TEST_F(TextStreamTest, StopTextsNeverCome) {
    EXPECT_EQ(parts("one END two", {"END"}), (Parts{"o", "n", "e", " ", "", "", "", ""}));
    EXPECT_EQ(stop_at_, 4u);
    // Held back while it may be one, and told when it is none.
    EXPECT_EQ(parts("aENaEx", {"END"}), (Parts{"a", "", "", "ENa", "", "Ex", ""}));
    EXPECT_EQ(stop_at_, std::string::npos);
    EXPECT_EQ(joined(parts("xEN", {"END"})), "xEN");
    // The one that begins first, and overlaps.
    EXPECT_EQ(joined(parts("aababac", {"abac"})), "aab");
    EXPECT_EQ(joined(parts("hello world", {"world", "lo w"})), "hel");
    EXPECT_EQ(joined(parts("\xC3\xA9\n", {"\n"})), "\xC3\xA9");
}

TEST_F(TextStreamTest, BlanksInFrontAreNoStop) {
    EXPECT_EQ(joined(parts("\n\n hi\nx", {"\n"})), "\n\n hi");
    EXPECT_EQ(stop_at_, 5u);
    EXPECT_EQ(joined(parts("\n\n", {"\n"})), "\n\n");
}

TEST_F(TextStreamTest, BlanksInFrontCountWhereAskedFor) {
    const std::vector<std::string> stop = {"\n"};
    TextStream stream(*model_, stop, true);
    EXPECT_EQ(stream.add(byte(' ')), " ");
    EXPECT_EQ(stream.add(byte('\n')), "");
    EXPECT_EQ(stream.stop_at(), 1u);
}

// Against the plain way: the whole text after every token, searched from its beginning.
TEST_F(TextStreamTest, TheSameAsOfTheWholeText) {
    std::mt19937 random(7);
    const std::string alphabet = "ab \n\xC3\xA9";
    const std::vector<std::string> letters = {"a", "b", " ", "\n", "\xC3\xA9"};
    for (int round = 0; round < 3000; ++round) {
        std::vector<std::string> stop;
        for (unsigned n = random() % 3; n > 0; --n) {
            std::string text;
            for (unsigned k = 1 + random() % 4; k > 0; --k) text += letters[random() % letters.size()];
            stop.push_back(text);
        }
        TextStream stream(*model_, stop);
        std::string told, whole;
        std::size_t expected = std::string::npos;
        for (int i = 0; i < 24 && !stream.stopped(); ++i) {
            // Words of several bytes, too.
            const Token token = random() % 4 == 0
                                    ? static_cast<Token>(259 + random() % 30)
                                    : byte(static_cast<unsigned char>(alphabet[random() % alphabet.size()]));
            told += stream.add(token);
            whole += model_->text({&token, 1});
            if (const auto begin = whole.find_first_not_of(" \t\r\n"); begin != std::string::npos)
                for (const auto& s : stop) expected = std::min(expected, whole.find(s, begin));
            ASSERT_EQ(stream.stop_at(), expected);
            ASSERT_TRUE(is_valid_utf8(told));
            ASSERT_LE(told.size(), 3 * std::min(whole.size(), expected));
        }
        told += stream.rest();
        ASSERT_EQ(told, valid_utf8(whole.substr(0, expected)));
    }
}

}  // namespace

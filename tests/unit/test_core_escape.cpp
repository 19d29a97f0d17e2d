#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "core/escape_controls.h"

namespace tiller {
namespace {

TEST(EscapeControls, shows_what_a_terminal_would_act_on) {
    EXPECT_EQ(escape_controls("a\x1b[31mb"), "a\\u001b[31mb");
    EXPECT_EQ(escape_controls("\rover\bwritten\x7f"), "\\u000dover\\u0008written\\u007f");
    EXPECT_EQ(escape_controls(std::string("nul\0here", 8)), "nul\\u0000here");
    EXPECT_EQ(escape_controls("c1 \xc2\x9b[31m"), "c1 \\u009b[31m");
    EXPECT_EQ(escape_controls("\u202egpj.exe\u2066\u061c\u200f"), "\\u202egpj.exe\\u2066\\u061c\\u200f");
}

TEST(EscapeControls, a_bare_byte_of_an_eight_bit_terminal_is_replaced) {
    EXPECT_EQ(escape_controls("\x9b"
                              "31m"),
              "\uFFFD"
              "31m");
}

TEST(EscapeControls, leaves_text_alone) {
    const std::string text = "line\n\ttab \u00a0 \u00e9 \u2013 \u4e2d \U0001f600 \"\\";
    EXPECT_EQ(escape_controls(text), text);
}

TEST(EscapeControls, a_name_stays_in_its_line) {
    EXPECT_EQ(escape_line("a\nmodel  another\tone"), "a\\u000amodel  another\\u0009one");
    EXPECT_EQ(escape_line("plain name"), "plain name");
}

TEST(EscapeControls, keeps_the_value_of_json) {
    const nlohmann::json value = {{"name", "x\x1b\x7f\u0085\u202e"}};
    EXPECT_EQ(nlohmann::json::parse(escape_controls(value.dump())), value);
}

TEST(EscapeControls, nothing_that_a_terminal_acts_on_is_left_of_any_character) {
    for (unsigned c = 0; c < 0x3000; ++c) {
        std::string utf8;
        if (c < 0x80) {
            utf8 = {static_cast<char>(c)};
        } else if (c < 0x800) {
            utf8 = {static_cast<char>(0xc0 | c >> 6), static_cast<char>(0x80 | (c & 0x3f))};
        } else {
            utf8 = {static_cast<char>(0xe0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 0x3f)),
                    static_cast<char>(0x80 | (c & 0x3f))};
        }
        const bool acts = (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c < 0xa0) || c == 0x61c ||
                          c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
                          (c >= 0x2066 && c <= 0x2069);
        EXPECT_EQ(escape_controls(utf8) != utf8, acts) << c;
    }
}

}  // namespace
}  // namespace tiller

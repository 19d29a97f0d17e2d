// tiller chat on a terminal: keys, columns, Ctrl-C and Ctrl-D.
#include <gtest/gtest.h>

#include "support/chat_model.h"
#include "support/cli_test.h"
#include "support/terminal.h"

namespace tiller {
namespace {

using test::Arguments;
using test::Terminal;

class CliTalkTerminal : public test::CliTest {
protected:
    void SetUp() override {
        CliTest::SetUp();
        test::TinyOptions tiny = test::chat_model();
        tiny.n_ctx = 30000;  // answers that do not end by themselves while somebody presses a key
        make_model("chat.gguf", tiny);
    }
    Arguments chat(const Arguments& more) const {
        Arguments all = {"chat", "-m", "chat.gguf", "--threads", "1", "--temperature", "0"};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
    static bool ends_with_prompt(const std::string& text) { return text.ends_with("> "); }
};

TEST_F(CliTalkTerminal, CtrlCEndsAnAnswerAndThenTheProgram) {
    Terminal terminal(chat({"-n", "29000"}), folder.path(), 80);
    ASSERT_TRUE(ends_with_prompt(terminal.prompt()));
    terminal.type("the cat\r");
    ASSERT_TRUE(terminal.until("the cat\r\n").ends_with("the cat\r\n"));
    terminal.until(" ");  // the answer has begun
    terminal.type("\x03");
    ASSERT_TRUE(terminal.until("(stopped)").ends_with("(stopped)"));
    ASSERT_TRUE(ends_with_prompt(terminal.prompt()));
    // What came of the answer is in the conversation.
    terminal.type("/undo\r");
    ASSERT_TRUE(terminal.until("took back: the cat").ends_with("took back: the cat"));
    ASSERT_TRUE(ends_with_prompt(terminal.prompt()));
    // What was typed is thrown away; at an empty prompt the first is a warning.
    terminal.type("half a l");
    terminal.until("half a l");  // a terminal throws away what was not read when Ctrl-C comes
    terminal.type("\x03");
    ASSERT_TRUE(ends_with_prompt(terminal.prompt("\n> ")));
    terminal.type("\x03");
    ASSERT_TRUE(terminal.until("Ctrl-C again").ends_with("Ctrl-C again"));
    ASSERT_TRUE(ends_with_prompt(terminal.prompt()));
    terminal.type("\x03");
    int code = 0;
    terminal.rest(code);
    EXPECT_EQ(code, 130);
}

TEST_F(CliTalkTerminal, CtrlDEndsIt) {
    Terminal terminal(chat({"-n", "3"}), folder.path(), 80);
    terminal.prompt();
    terminal.type("/nothing\r");  // a mistake does not
    ASSERT_TRUE(terminal.until("no command /nothing").ends_with("/nothing"));
    terminal.prompt();
    terminal.type("\x04");
    int code = -1;
    terminal.rest(code);
    EXPECT_EQ(code, 0);
    EXPECT_FALSE(is_there(".editline"));
}

TEST_F(CliTalkTerminal, ColumnsOnAWideTerminal) {
    make_fv("v.gguf", "chat.gguf");
    for (const bool wide : {true, false}) {
        Terminal terminal(chat({"-n", "8", "--vector", "v.gguf", "--strengths", "9"}), folder.path(),
                          wide ? 120 : 40);
        terminal.prompt();
        terminal.type("the cat\r");
        const std::string shown = terminal.until("take N");
        const auto first = shown.find("[1] unsteered"), second = shown.find("[2] strength 9");
        ASSERT_NE(first, std::string::npos) << shown;
        ASSERT_NE(second, std::string::npos) << shown;
        const std::string between = shown.substr(first, second - first);
        EXPECT_EQ(between.find('\n') == std::string::npos, wide) << shown;
        EXPECT_EQ(between.find("\u2502") != std::string::npos, wide) << shown;
    }
}

TEST_F(CliTalkTerminal, LinesComeBack) {
    for (const bool kept : {false, true}) {
        Terminal terminal(chat(kept ? Arguments{"-n", "3", "--history", "h"} : Arguments{"-n", "3"}),
                          folder.path(), 80);
        terminal.prompt();
        terminal.type("/help x y z\r");
        terminal.until("//TEXT");
        terminal.prompt();
        terminal.type("\x1b[A\x15/vectors\r");  // up, and the line is thrown away
        const std::string shown = terminal.until("no vectors");
        EXPECT_NE(shown.find("/help x y z"), std::string::npos) << shown;
        terminal.prompt();
        terminal.type("/quit\r");
        int code = -1;
        terminal.rest(code);
        EXPECT_EQ(code, 0);
        EXPECT_EQ(is_there("h"), kept);
    }
    EXPECT_NE(test::slurp(folder.path() / "h").find("/vectors"), std::string::npos);
    const auto open_to = std::filesystem::status(folder.path() / "h").permissions();
    EXPECT_EQ(open_to & (std::filesystem::perms::group_all | std::filesystem::perms::others_all),
              std::filesystem::perms::none);
}

}  // namespace
}  // namespace tiller

// How the program speaks: help, suggestions, exit codes, progress, colour, completion and manual pages.
#include <gtest/gtest.h>

#include "support/chat_model.h"
#include "support/cli_test.h"
#include "support/terminal.h"

namespace tiller {
namespace {

using test::Arguments;
using test::expect_parts;
using test::Terminal;

class CliManners : public test::CliTest {
protected:
    std::string help(Arguments command) const {
        command.push_back("--help");
        const auto result = run(command);
        EXPECT_EQ(result.code, 0) << result.err;
        return result.out;
    }
    // What a shell command prints, run where the tests' files are.
    std::string shell(const std::string& script) const {
        const std::string out = (folder.path() / "shell.txt").string();
        folder.write("script.sh", script);
        const std::string line =
            "cd '" + folder.path().string() + "' && bash --norc script.sh > '" + out + "' 2>&1";
        EXPECT_EQ(std::system(line.c_str()), 0) << test::slurp(out);
        return test::slurp(out);
    }
};

TEST_F(CliManners, HelpGroupsCommandsWithExamples) {
    const std::string text = help({});
    std::size_t last = 0;
    for (const char* part :
         {"Usage: tiller [OPTIONS] [COMMAND]", "\nAsk a model:\n", "  chat ", "tiller chat -m", "  generate ",
          "\nFind out what works:\n", "  compare ", "\nMake vectors:\n", "  extract ",
          "tiller extract mean-diff", "\nLook into them:\n", "\nModels, data and this machine:\n",
          "  models ", "Exit codes:"}) {
        const auto at = text.find(part, last);
        EXPECT_NE(at, std::string::npos) << part << "\n" << text;
        if (at != std::string::npos) last = at;
    }
}

TEST_F(CliManners, UsageNamesTheProgramNotItsPath) {
    EXPECT_EQ(help({"generate"}).find(TILLER_PROGRAM), std::string::npos);
    expect_parts(help({"generate"}), {"Usage: tiller generate [OPTIONS]"});
    expect_parts(help({"extract", "icv"}), {"Usage: tiller extract icv [OPTIONS]"});
}

TEST_F(CliManners, DefaultsStandInTheHelp) {
    expect_parts(help({"generate"}),
                 {"-n,--tokens N           New tokens at most (default: 32)", "--rows N", "(default: 64)",
                  "--cache-type f16|f32", "default: f16", "with --chat", "-m,--model TEXT (required)"});
    expect_parts(help({"compare"}), {"default: runs/compare"});
    expect_parts(help({"bench"}), {"default: gemma3-270m", "[memory,sweep,generation]"});
    // What is not given has no number.
    for (const Arguments& command :
         {Arguments{"generate"}, {"read"}, {"eval"}, {"compare"}, {"extract", "fv"}, {"extract", "icv"}}) {
        const std::string text = help(command);
        EXPECT_EQ(text.find("default: -1"), std::string::npos) << text;
        EXPECT_EQ(text.find("[]"), std::string::npos) << text;
    }
}

TEST_F(CliManners, OptionsThatDoNothingAreNotOffered) {
    const auto lacks = [&](const Arguments& command, const std::vector<std::string>& unused) {
        const std::string text = help(command);
        for (const auto& option : unused)
            EXPECT_EQ(text.find(option + " "), std::string::npos) << command[0] << " " << option;
    };
    for (const char* command : {"show", "combine", "tasks", "models", "cache"}) {
        lacks({command},
              {"--threads", "--seed", "--rows", "--gpu-layers", "--exact", "--cache-type", "--quiet"});
        expect_parts(help({command}), {"--json"});
    }
    lacks({"next"}, {"--rows", "--seed"});
    lacks({"chat"}, {"--rows", "--json"});
    expect_parts(refusal(2, {"tasks", "--threads", "2"}), {"tiller tasks has no option --threads"});
}

TEST_F(CliManners, MistypedWordsGetASuggestion) {
    expect_parts(refusal(2, {"chta", "-m", "X"}),
                 {"no command 'chta'", "did you mean chat?", "tiller --help"});
    expect_parts(refusal(2, {"models", "gte", "X"}),
                 {"tiller models", "'gte'", "did you mean get?", "tiller models --help"});
    expect_parts(refusal(2, {"generate", "-m", "m.gguf", "--promt", "x"}),
                 {"tiller generate has no option --promt", "did you mean --prompt?"});
    expect_parts(refusal(2, {"generate", "--mdoel=x", "-p", "x"}), {"--mdoel", "did you mean --model?"});
    expect_parts(refusal(2, {"extract", "icv", "--pair", "x"}), {"tiller extract icv", "--pairs?"});
    expect_parts(refusal(2, {"tasks", "--reconstruct", "3"}), {"--reconstruct", "tiller read has it"});
    expect_parts(refusal(2, {"tasks", "a", "b"}), {"tiller tasks has no use for 'b'"});
    expect_parts(refusal(2, {"generate", "-p", "x"}), {"--model is required", "tiller generate --help"});
    expect_parts(refusal(2, {"zzzzzzzzz"}), {"no command 'zzzzzzzzz'"});
    EXPECT_EQ(refusal(2, {"zzzzzzzzz"}).find("did you mean"), std::string::npos);
    // A word cannot move the cursor.
    EXPECT_EQ(refusal(2, {"ch\x1b[2Ja"}).find('\x1b'), std::string::npos);
}

TEST_F(CliManners, OneRuleForExitCodes) {
    const std::string task = "data/functional/twice.json";
    make_fv();
    // Names that are not known: usage.
    refusal(2, {"tasks", "nonesuch"});
    refusal(2, {"extract", "fv", "-m", "m.gguf", "-t", "nonesuch", "-o", "x.gguf"});
    refusal(2, {"extract", "nonesuch", "-m", "m.gguf", "-t", task});
    refusal(2, {"next", "-m", "nonesuch", "-p", "x"});
    refusal(2, {"models", "get", "nonesuch"});
    refusal(2, {"models", "path", "nonesuch"});
    refusal(2, {"compare", "-m", "m.gguf", "-t", task, "--method", "nonesuch"});
    refusal(2, {"compare", "-m", "m.gguf", "-t", "nonesuch"});
    refusal(2, {"compare", "-m", "nonesuch", "-t", task});
    refusal(2, {"eval", "-m", "m.gguf", "-t", "nonesuch", "--vector", "v.gguf"});
    refusal(2, {"sweep", "-m", "m.gguf", "-t", "nonesuch", "-o", "s"});
    refusal(2, {"bench", "-m", "m.gguf", "-t", "nonesuch"});
    // Files and folders that are not there: missing.
    refusal(4, {"tasks", "nonesuch.json"});
    refusal(4, {"extract", "fv", "-m", "m.gguf", "-t", "nonesuch.json", "-o", "x.gguf"});
    refusal(4, {"next", "-m", "nonesuch.gguf", "-p", "x"});
    refusal(4, {"next", "-m", "./nonesuch", "-p", "x"});
    refusal(4, {"next", "-m", "gemma3-270m", "-p", "x"});  // known, and not fetched
    refusal(4, {"next", "-m", "m.gguf", "-p", "x", "--vector", "nonesuch.gguf"});
    refusal(4, {"next", "-m", "m.gguf", "-p", "x", "--from", "nonesuch"});
    refusal(4, {"compare", "--plan", "nonesuch.toml"});
    refusal(4, {"report", "nonesuch"});
    refusal(4, {"show", "nonesuch.gguf"});
    // Files that do not hold what they must: bad input.
    folder.write("bad.json", "{");
    refusal(3, {"tasks", "bad.json"});
    refusal(3, {"show", "bad.json"});
    refusal(3, {"next", "-m", "bad.json", "-p", "x"});
}

TEST_F(CliManners, ProgressInALogIsShort) {
    const auto result = run({"doctor", "-m", "m.gguf", "--threads", "1"});
    EXPECT_EQ(result.code, 0) << result.out;
    std::istringstream lines(result.err);
    int n_line = 0;
    std::string last;
    for (std::string line; std::getline(lines, line); ++n_line) last = line;
    EXPECT_EQ(n_line, 1) << result.err;  // less than a minute: the last one only
    expect_parts(last, {"layers", "5/5"});
    EXPECT_EQ(run({"doctor", "-m", "m.gguf", "--threads", "1", "--quiet"}).err, "");
}

TEST_F(CliManners, ColourOnlyWhereItIsWanted) {
    const Arguments doctor = {"doctor", "-m", "m.gguf", "--threads", "1"};
    EXPECT_EQ(run(doctor).out.find('\x1b'), std::string::npos);
    const auto shown = [&](const std::vector<std::string>& variables) {
        Terminal terminal(doctor, folder.path(), 100, variables);
        int code = -1;
        const std::string text = terminal.rest(code);
        EXPECT_EQ(code, 0) << text;
        return text.find("\x1b[32m") != std::string::npos;
    };
    EXPECT_TRUE(shown({}));
    EXPECT_TRUE(shown({"NO_COLOR="}));
    EXPECT_FALSE(shown({"NO_COLOR=1"}));
}

TEST_F(CliManners, BashCompletes) {
    // As bash calls it: the words so far, the last one being completed.
    const auto completed = [&](const std::string& words) {
        return shell("source <('" TILLER_PROGRAM "' completion bash)\nCOMP_WORDS=(" + words +
                     ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_tiller\necho \"${COMPREPLY[*]}\"\n");
    };
    EXPECT_EQ(completed("tiller ch"), "chat\n");
    EXPECT_EQ(completed("tiller models ge"), "get\n");
    EXPECT_EQ(completed("tiller extract mean-d"), "mean-diff\n");
    EXPECT_EQ(completed("tiller generate --tempe"), "--temperature\n");
    EXPECT_EQ(completed("tiller extract icv --pa"), "--pairs\n");
    EXPECT_EQ(completed("tiller tasks --thr"), "\n");
    EXPECT_EQ(completed("tiller next --cache-type ''"), "f16 f32\n");
    EXPECT_EQ(completed("tiller chat -m gem"), "gemma3-270m\n");
    EXPECT_EQ(completed("tiller chat -h"), "-h -hf -hfr\n");
    EXPECT_EQ(completed("tiller tasks --hf"), "\n");        // takes no model
    EXPECT_EQ(completed("tiller chat --vector ch"), "\n");  // a file
    EXPECT_EQ(completed("tiller chat -m generate --str"), "--strengths\n");
    expect_parts(refusal(2, {"completion", "csh"}), {"bash,zsh,fish"});
    // Shells that may not be here get texts with the same words.
    expect_parts(run({"completion", "zsh"}).out, {"#compdef tiller", "--strengths", "mean-diff"});
    expect_parts(run({"completion", "fish"}).out,
                 {"complete -c tiller", "-l strengths", "-a mean-diff", "-o hf "});
}

TEST_F(CliManners, ManualPages) {
    const auto result = run({"manual", "-o", "man"});
    ASSERT_EQ(result.code, 0) << result.err;
    for (const char* page : {"tiller.1", "tiller-chat.1", "tiller-extract-icv.1", "tiller-models-get.1"})
        EXPECT_TRUE(is_there(std::string("man/") + page)) << page;
    const std::string page = test::slurp(folder.path() / "man/tiller-generate.1");
    expect_parts(page, {".TH TILLER\\-GENERATE 1", ".SH NAME\ntiller\\-generate \\- ",
                        "\\fB\\-\\-temperature\\fR", "(default: 32)", ".SH EXIT STATUS"});
    if (std::system("command -v man > /dev/null && command -v groff > /dev/null") != 0)
        GTEST_SKIP() << "man or groff is not here";
    const std::string warnings =
        shell("for page in man/*.1; do LC_ALL=C.UTF-8 man --warnings -l $page 2>&1 >/dev/null; done\n");
    EXPECT_EQ(warnings, "");
    expect_parts(shell("MANWIDTH=80 man -l man/tiller-chat.1 | cat\n"), {"--strengths", "/scale NAME X"});
}

}  // namespace
}  // namespace tiller

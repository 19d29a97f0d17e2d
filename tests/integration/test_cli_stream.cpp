// generate --stream: the same text as at once, in the order of the prompts.
#include "support/cli_test.h"

using namespace tiller;
using namespace tiller::test;

namespace {

class CliStream : public CliTest {
protected:
    std::string text(Arguments more) const {
        Arguments all = {"generate", "-m",      "m.gguf", "-n", "9",  "--threads", "1",
                         "-p",       "the cat", "-p",     "Q:", "-p", "is"};
        all.insert(all.end(), more.begin(), more.end());
        const auto result = run(all);
        EXPECT_EQ(result.code, 0) << result.err;
        return result.out;
    }
};

TEST_F(CliStream, SaysTheSame) {
    make_fv();
    for (const Arguments& more : {Arguments{}, Arguments{"--vector", "v.gguf", "--compare"},
                                  Arguments{"--temperature", "1", "--samples", "3", "--rows", "2"}}) {
        Arguments stream = more;
        stream.push_back("--stream");
        const std::string expected = text(more);
        EXPECT_FALSE(expected.empty());
        EXPECT_EQ(text(stream), expected);
    }
}

TEST_F(CliStream, EndsBeforeAStopText) {
    const auto all = run_json({"generate", "-m", "m.gguf", "-p", "the cat", "-n", "9", "--threads", "1"});
    const std::string whole = all.at(0).at("text");
    const std::string stop = whole.substr(whole.size() / 2, 2);
    const std::string expected = whole.substr(0, whole.find(stop));
    for (const char* how : {"--stream", "--no-stream"}) {
        const auto result = run(
            {"generate", "-m", "m.gguf", "-p", "the cat", "-n", "9", "--threads", "1", "--stop", stop, how});
        EXPECT_EQ(result.out, "the cat" + expected + "\n") << how;
    }
    const auto stopped =
        run_json({"generate", "-m", "m.gguf", "-p", "the cat", "-n", "9", "--threads", "1", "--stop", stop});
    EXPECT_EQ(stopped.at(0).at("text"), expected);
    EXPECT_EQ(stopped.at(0).at("finish"), "stop_text");
}

TEST_F(CliStream, SaysWhatBroke) {
    make_fv();
    for (const char* how : {"--stream", "--no-stream"}) {
        const auto result = run(
            {"generate", "-m", "m.gguf", "-p", "the cat", "--threads", "1", "--vector", "v.gguf:3e38", how});
        EXPECT_EQ(result.code, 0);
        EXPECT_NE(result.err.find("continuation 0"), std::string::npos) << result.err;
        EXPECT_NE(result.err.find("NaN"), std::string::npos) << result.err;
    }
    refusal(2, {"generate", "-m", "m.gguf", "-p", "x", "--stream", "--no-stream"});
    refusal(3, {"generate", "-m", "m.gguf", "-p", "x", "-n", "600", "--stream"});
}

}  // namespace

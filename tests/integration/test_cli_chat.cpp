// Chat prompts and control tokens on the command line.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "support/chat_model.h"
#include "support/cli_test.h"
#include "tiller/vector.h"

namespace tiller {
namespace {

using nlohmann::json;
using test::Arguments;
using test::expect_parts;

class CliChat : public test::CliTest {
protected:
    void SetUp() override {
        CliTest::SetUp();
        make_model("chat.gguf", test::chat_model());
        make_model("bare.gguf", test::chat_model(""));
    }
    Arguments generate(const Arguments& more) const {
        Arguments all = {"generate", "-m", "chat.gguf", "-n", "3", "--threads", "1"};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
    std::string prompt(const Arguments& more) const { return run_json(generate(more)).at(0).at("prompt"); }
};

TEST_F(CliChat, PromptsBecomeConversations) {
    EXPECT_EQ(prompt({"--chat", "-p", "a cat"}), "<s><|turn|>user\na cat<|end|>\n<|turn|>assistant\n");
    EXPECT_EQ(prompt({"--chat", "--system", "the sun", "-p", "a cat"}),
              "<s><|turn|>system\nthe sun<|end|>\n<|turn|>user\na cat<|end|>\n<|turn|>assistant\n");
    folder.write("t.jinja", "[{{ messages[0].content }}]");
    EXPECT_EQ(prompt({"--chat", "--template", "t.jinja", "-p", "a cat"}), "[a cat]");
    // Without --json, the reply alone.
    const auto result = run(generate({"--chat", "-p", "a cat"}));
    EXPECT_EQ(result.code, 0) << result.err;
    EXPECT_EQ(result.out.find("a cat<|end|>"), std::string::npos);
}

TEST_F(CliChat, PromptsFromFiles) {
    folder.write("p.txt", "the cat\r\n\n{\"prompt\": 1}\n");
    const json lines = run_json(generate({"-p", "a dog", "-f", "p.txt"}));
    ASSERT_EQ(lines.size(), 3u);
    EXPECT_EQ(lines[0].at("prompt"), "a dog");
    EXPECT_EQ(lines[1].at("prompt"), "the cat");
    EXPECT_EQ(lines[2].at("prompt"), "{\"prompt\": 1}");
    folder.write(
        "p.jsonl",
        R"({"prompt": "the\ncat"})"
        "\n"
        R"({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "is"}]})");
    const json chats = run_json(generate({"--chat", "-f", "p.jsonl"}));
    ASSERT_EQ(chats.size(), 2u);
    EXPECT_EQ(chats[0].at("prompt"), "<s><|turn|>user\nthe\ncat<|end|>\n<|turn|>assistant\n");
    EXPECT_EQ(chats[1].at("prompt"), "<s><|turn|>user\na<|end|>\n<|turn|>assistant\nis");
    expect_parts(refusal(2, generate({"-f", "p.jsonl"})), {"messages", "--chat"});
    expect_parts(refusal(4, generate({"-f", "nothing.txt"})), {"nothing.txt"});
    folder.write("empty.txt", "\n \n");
    expect_parts(refusal(3, generate({"-f", "empty.txt"})), {"empty.txt"});
    for (const char* line : {"{", "[]", R"({"prompt": 1})", R"({"prompt": "a", "x": 1})",
                             R"({"messages": []})", R"({"messages": [{"role": "user"}]})"}) {
        folder.write("bad.jsonl", std::string("{\"prompt\": \"a\"}\n") + line);
        expect_parts(refusal(3, generate({"--chat", "-f", "bad.jsonl"})), {"line 2"});
    }
    expect_parts(refusal(2, generate({})), {"-p"});
}

TEST_F(CliChat, NamesInPromptsNeedAWord) {
    expect_parts(refusal(3, generate({"-p", "<s>the cat"})), {"<s>", "--special"});
    const auto tokens = [&](const Arguments& more) {
        Arguments all = {"next", "-m", "chat.gguf", "--threads", "1", "--top", "5"};
        all.insert(all.end(), more.begin(), more.end());
        return run_json(all);
    };
    const json plain = tokens({"-p", "the cat"});
    EXPECT_EQ(tokens({"--special", "-p", "<s>the cat"}), plain);
    EXPECT_NE(tokens({"--no-special", "-p", "<s>the cat"}), plain);
    EXPECT_NE(tokens({"--chat", "-p", "the cat"}), plain);
    expect_parts(refusal(2, generate({"--chat", "--special", "-p", "a"})), {"--special", "--chat"});
    expect_parts(refusal(2, generate({"--system", "a", "-p", "a"})), {"--chat"});
}

TEST_F(CliChat, Refusals) {
    expect_parts(refusal(3, {"generate", "-m", "bare.gguf", "--chat", "-p", "a"}),
                 {"no chat template", "--template"});
    folder.write("loop.jinja", "{% for i in range(1000000000) %}x{% endfor %}");
    expect_parts(refusal(3, generate({"--chat", "--template", "loop.jinja", "-p", "a"})), {"values"});
    expect_parts(refusal(4, generate({"--chat", "--template", "gone.jinja", "-p", "a"})), {"gone.jinja"});
    folder.write("m.jsonl", R"({"messages": [{"role": "tool", "content": "a"}]})");
    expect_parts(refusal(3, generate({"--chat", "-f", "m.jsonl"})), {"\"tool\""});
}

TEST_F(CliChat, FilesOfPairsSayWhatTheNamesAre) {
    const std::string pairs =
        R"([{"negative": "<|turn|>the cat", "positive": "<|turn|>the dog"}, {"negative": "a", "positive": "is"}])";
    folder.write("bare.json", pairs);
    folder.write("special.json", "{\"special\": true, \"pairs\": " + pairs + "}");
    folder.write("text.json", "{\"pairs\": " + pairs + ", \"special\": false}");
    folder.write("odd.json", "{\"special\": 1, \"pairs\": " + pairs + "}");
    const auto extract = [&](const std::string& file) {
        return Arguments{"extract", "icv",    "-m",        "chat.gguf", "--pairs",   file,
                         "-o",      "v.gguf", "--threads", "1",         "--no-check"};
    };
    expect_parts(refusal(3, extract("bare.json")), {"<|turn|>", "\"special\": true"});
    expect_parts(refusal(3, extract("odd.json")), {"\"special\"", "true or false"});
    const auto setting = [&](const std::string& file) {
        EXPECT_EQ(run(extract(file)).code, 0);
        return load_vector(folder.path() / "v.gguf").provenance.settings.at("special");
    };
    EXPECT_EQ(setting("special.json"), "true");
    EXPECT_EQ(setting("text.json"), "false");
}

TEST_F(CliChat, FilesOfTrialsSayWhatTheNamesAre) {
    const std::string trials =
        R"("mean": ["<|turn|>the cat"], "patch": [{"prompt": "<|turn|>the", "target": " cat"}]})";
    folder.write("bare.json", "{" + trials);
    folder.write("special.json", "{\"special\": true, " + trials);
    folder.write("odd.json", "{\"extra\": true, " + trials);
    const auto extract = [&](const std::string& file) {
        return Arguments{"extract", "fv",      "-m", "chat.gguf", "--trials", file,        "-o",
                         "v.gguf",  "--heads", "2",  "--threads", "1",        "--no-check"};
    };
    expect_parts(refusal(3, extract("bare.json")), {"<|turn|>", "\"special\": true"});
    expect_parts(refusal(3, extract("odd.json")), {"extra"});
    EXPECT_EQ(run(extract("special.json")).code, 0);
    EXPECT_EQ(load_vector(folder.path() / "v.gguf").provenance.settings.at("special"), "true");
}

// A blank at the prompt's end belongs to the answer's first token: behind it, that token's probability means
// nothing.
TEST_F(CliChat, TargetsThatCannotFollowTheirPromptAreRefused) {
    const auto trials = [](const char* prompt, const char* target) {
        return fmt::format(R"({{"mean": ["the cat"], "patch": [{{"prompt": "{}", "target": "{}"}}]}})",
                           prompt, target);
    };
    const Arguments extract = {"extract", "fv",      "-m", "chat.gguf", "--trials", "t.json",    "-o",
                               "v.gguf",  "--heads", "2",  "--threads", "1",        "--no-check"};
    folder.write("t.json", trials("the ", "cat"));
    expect_parts(refusal(3, extract), {"\"cat\" cannot follow", "ends in \"the \"", "before the blank"});
    folder.write("t.json", trials("the", " cat"));
    EXPECT_EQ(run(extract).code, 0);
}

TEST_F(CliChat, FilesOfTasksSayWhatTheNamesAre) {
    std::string items;
    for (const char* word : {"the", "cat", "dog", "red", "sun", "hot", "cold", "is", "in", "a", "q", "z"})
        items += std::string(items.empty() ? "[" : ", ") + R"({"input": "<|turn|>)" + word +
                 R"(", "output": ")" + word + "\"}";
    items += "]";
    folder.write("names.json", items);
    folder.write("parsed.json", "{\"special\": true, \"items\": " + items + "}");
    const auto extract = [&](const std::string& task) {
        return Arguments{"extract",   "fv",      "-m",        "chat.gguf", "-t",        task,       "-o",
                         "v.gguf",    "--heads", "2",         "--shots",   "1",         "--n-mean", "2",
                         "--n-patch", "1",       "--threads", "1",         "--no-check"};
    };
    expect_parts(refusal(3, extract("names.json")), {"<|turn|>", "\"special\": true"});
    EXPECT_EQ(run(extract("parsed.json")).code, 0);
    EXPECT_EQ(load_vector(folder.path() / "v.gguf").provenance.settings.at("special"), "true");
    const Arguments eval = {"eval",     "-m", "chat.gguf", "--vector", "v.gguf",
                            "--n-test", "2",  "--threads", "1",        "-t"};
    auto with = eval;
    with.push_back("parsed.json");
    EXPECT_EQ(run(with).code, 0);
    with.back() = "names.json";
    expect_parts(refusal(3, with), {"<|turn|>"});
}

}  // namespace
}  // namespace tiller

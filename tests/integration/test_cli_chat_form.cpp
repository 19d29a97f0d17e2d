// compare, extract and eval with prompts in the model's own chat format.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "support/chat_model.h"
#include "support/cli_test.h"
#include "tiller/vector.h"

namespace tiller {
namespace {

using test::expect_parts;

constexpr const char* twice = "data/functional/twice.json";

class CliChatForm : public test::CliTest {
protected:
    void SetUp() override {
        CliTest::SetUp();
        std::filesystem::copy_file(test::make_tiny_model(test::chat_model()), folder.path() / "chat.gguf");
    }
    test::ProgramResult extract(const test::Arguments& more) const {
        test::Arguments all = {"extract", "task-vector", "-m",        "chat.gguf", "--n-mean",  "4",
                               "--shots", "2",           "--threads", "1",         "--no-check"};
        all.insert(all.end(), more.begin(), more.end());
        return run(all);
    }
};

TEST_F(CliChatForm, FromAComparisonToALineThatAsksInTheSameForm) {
    Plan plan = test::tiny_plan("chat.gguf", "data");
    plan.tasks = {"twice"};
    plan.methods = {"task-vector"};
    folder.write("p.toml", plan_toml(plan));
    const auto result = run(
        {"compare", "--plan", "p.toml", "--chat", "-o", "run", "--threads", "1", "--quiet", "--no-check"});
    ASSERT_EQ(result.code, 0) << result.err;
    expect_parts(result.out,
                 {"tiller generate -m chat.gguf --vector run/winners/twice-task-vector.gguf --chat"});
    expect_parts(test::slurp(folder.path() / "run/plan.toml"), {"chat = true"});
    expect_parts(test::slurp(folder.path() / "run/report.md"), {"conversations in the chat format"});

    const auto scores = run_json(
        {"eval", "-m", "chat.gguf", "-t", twice, "--from", "run", "--n-test", "4", "--threads", "1"});
    EXPECT_EQ(scores["chat"], true) << "as the vector was made";
    const auto plain = run_json({"eval", "-m", "chat.gguf", "-t", twice, "--vector",
                                 "run/winners/twice-task-vector.gguf", "--n-test", "4", "--threads", "1"});
    EXPECT_EQ(plain["metrics"]["logprob"], scores["metrics"]["logprob"]);
}

TEST_F(CliChatForm, AnExtractionSaysItsForm) {
    ASSERT_EQ(extract({"-t", twice, "--chat", "-o", "chat-vector.gguf"}).code, 0);
    ASSERT_EQ(extract({"-t", twice, "-o", "plain-vector.gguf"}).code, 0);
    const auto chat = load_vector(folder.path() / "chat-vector.gguf");
    const auto plain = load_vector(folder.path() / "plain-vector.gguf");
    EXPECT_EQ(chat.provenance.settings.at("form"), "chat");
    EXPECT_FALSE(plain.provenance.settings.contains("form"));
    EXPECT_NE(chat.provenance.prompts_digest, plain.provenance.prompts_digest);
    EXPECT_NE(chat.directions, plain.directions);
    // The chosen setting's vector says it too.
    ASSERT_EQ(extract({"-t", twice, "--chat", "--tuned", "--n-valid", "3", "-o", "tuned.gguf"}).code, 0);
    EXPECT_EQ(load_vector(folder.path() / "tuned.gguf").provenance.settings.at("form"), "chat");
}

TEST_F(CliChatForm, Refusals) {
    folder.write("pairs.json", R"([{"negative": "a", "positive": "b"}])");
    expect_parts(refusal(2, {"extract", "icv", "-m", "chat.gguf", "--pairs", "pairs.json", "--chat"}),
                 {"--chat makes conversations of a task's items", "--task"});
    expect_parts(refusal(2, {"eval", "-m", "chat.gguf", "-t", twice, "--template", "t.jinja"}), {"--chat"});
    expect_parts(refusal(3, {"compare", "-m", "m.gguf", "-t", twice, "--chat", "-o", "no"}),
                 {"no chat template"});
    EXPECT_FALSE(std::filesystem::exists(folder.path() / "no")) << "a refused start leaves nothing";
    expect_parts(refusal(3, {"compare", "-m", "chat.gguf", "-t", twice, "--chat", "--protocol", "crossed",
                             "-o", "no"}),
                 {"chat is true"});
}

}  // namespace
}  // namespace tiller

// Studies whose prompts are conversations, on a tiny model.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/chat_model.h"
#include "support/tiny_study.h"
#include "tiller/vector.h"

namespace tiller {
namespace {

using test::expect_parts;

class StudyChat : public test::StudyTest {
protected:
    void SetUp() override {
        StudyTest::SetUp();
        plan = test::tiny_plan(test::make_tiny_model(test::chat_model()), test::write_tasks(folder));
        host.check = false;
        host.observer.note = [this](const std::string& text) { said += text + "\n"; };
    }
    // The refusal of the plan as it stands.
    std::string refusal() {
        try {
            run("refused");
        } catch (const Error& e) {
            EXPECT_FALSE(std::filesystem::exists(folder.path() / "refused/records.jsonl"));
            return e.what();
        }
        ADD_FAILURE() << "not refused";
        return "";
    }
    static bool has_note(const Summary& summary, const std::string& part) {
        return std::any_of(summary.notes.begin(), summary.notes.end(),
                           [&](const auto& note) { return note.find(part) != std::string::npos; });
    }
    std::string said;
};

TEST_F(StudyChat, EverythingIsAConversation) {
    const Summary plain = run("plain");
    plan.chat = true;
    const Summary chat = run();
    EXPECT_TRUE(has_note(chat, "conversations in the chat format of the model"));
    ASSERT_EQ(chat.tasks.size(), 2u);
    for (std::size_t t = 0; t < 2; ++t) {
        const TaskSummary& task = chat.tasks[t];
        ASSERT_FALSE(task.winners.empty());
        for (const auto& winner : task.winners) {
            EXPECT_TRUE(winner.chat);
            const auto vector = load_vector(folder.path() / "run" / winner.file);
            EXPECT_EQ(vector.provenance.settings.at("form"), "chat");
        }
        EXPECT_FALSE(plain.tasks[t].winners.at(0).chat);
        EXPECT_NE(plain.tasks[t].examples.at(0).outputs.at("zero-shot"),
                  task.examples.at(0).outputs.at("zero-shot"));
    }
}

TEST_F(StudyChat, ATestedPromptIsTheTemplatesOwn) {
    plan.chat = true;
    plan.tasks = {"twice"};
    run();
    ModelOptions options;
    options.control_names = ControlNames::parse;
    const auto model = Model::load(plan.models[0], options);
    const Task task = find_task("twice", plan.data_dir);
    std::ifstream in(folder.path() / "run/records.jsonl");
    int n_seen = 0;
    for (std::string line; std::getline(in, line);) {
        const auto record = nlohmann::json::parse(line);
        if (record.value("phase", "") != "test" || record.value("setting", "") != "zero-shot") continue;
        const ChatMessage message{"user", task.items[record["item"].get<std::size_t>()].input};
        EXPECT_EQ(record["n_prompt"], model->chat_prompt({&message, 1}).tokens.size());
        ++n_seen;
    }
    EXPECT_EQ(n_seen, plan.n_test);
}

TEST_F(StudyChat, GoesOnWhereItStopped) {
    plan.chat = true;
    plan.tasks = {"twice"};
    test::expect_resumes(
        host, folder.path(), [&](const std::string& name) { return run(name); }, 3, 4);
}

TEST_F(StudyChat, PlainTextToAModelWithATemplateIsSaid) {
    EXPECT_TRUE(has_note(run(), "has a chat template and is asked in plain text"));
    expect_parts(said, {"has a chat template and is asked in plain text", "chat = true"});
    said.clear();
    plan.models = {test::make_tiny_model(test::chat_model("")).string()};
    EXPECT_FALSE(has_note(run("base"), "chat template"));
    EXPECT_EQ(said.find("chat template"), std::string::npos) << said;
}

TEST_F(StudyChat, RefusedWhereItMeansNothing) {
    plan.chat_template = "t.jinja";
    expect_parts(refusal(), {"chat_template", "without chat = true"});
    plan.chat = true;
    expect_parts(refusal(), {"t.jinja"});
    plan.chat_template = folder.write("t.jinja", "").string();
    expect_parts(refusal(), {"empty, expected a chat template"});
    plan.chat_template.clear();
    plan.protocol = "dose";
    expect_parts(refusal(), {"chat is true", "protocol = \"dose\"", "\"tuned\""});
    plan.protocol = "tuned";
    plan.methods = {"fv", "concept-heads"};
    expect_parts(refusal(), {"concept-heads", "plain text"});
    plan.methods = {"fv"};
    plan.models = {test::make_tiny_model(test::chat_model("")).string()};
    expect_parts(refusal(), {"no chat template"});
}

TEST_F(StudyChat, AnAnswerThatThePromptsEndSwallowsIsRefused) {
    plan.chat = true;
    plan.tasks = {"twice"};
    plan.methods = {"task-vector"};
    plan.chat_template =
        folder.write("t.jinja", "{% for m in messages %}{{ m.content }} the {% endfor %}").string();
    expect_parts(refusal(), {"cannot follow its prompt", "ends in"});
}

TEST_F(StudyChat, AnotherTemplateIsAnotherStudy) {
    plan.chat = true;
    plan.tasks = {"twice"};
    plan.chat_template =
        folder.write("t.jinja", "{% for m in messages %}<|turn|>{{ m.content }}<|end|>{% endfor %}<|turn|>")
            .string();
    const std::string first = to_json(run());
    EXPECT_EQ(to_json(run()), first) << "nothing to do";
    folder.write("t.jinja", "{% for m in messages %}<|turn|>{{ m.content }}\n{% endfor %}<|turn|>");
    EXPECT_NE(to_json(run()), first) << "its text counts, not its name";
}

}  // namespace
}  // namespace tiller

// Prompts of tasks as conversations in a model's own format.
#include <gtest/gtest.h>

#include <functional>
#include <numeric>

#include "support/chat_model.h"
#include "support/methods_task.h"
#include "tiller/chat_form.h"
#include "tiller/error.h"
#include "unit/test_tasks_files.h"

namespace tiller {
namespace {

using test::expect_parts;

// Formats of our own in the ways of the usual ones.
constexpr const char* kSystem =  // a system message of the template's; the date in it
    "{{ bos_token }}{% if messages[0].role != 'system' %}<|turn|>system\nIt is {{ strftime_now('%d %b %Y') "
    "}}."
    "<|end|>\n{% endif %}"
    "{% for m in messages %}<|turn|>{{ m.role }}\n{{ m.content | trim }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|turn|>assistant\n{% endif %}";
constexpr const char* kBrackets =  // a blank before answers, which the model writes itself in its own
    "{{ bos_token }}{% for m in messages %}"
    "{% if m.role == 'user' %}[ {{ m.content }} ]{% else %} {{ m.content }}<|end|>{% endif %}{% endfor %}";
constexpr const char* kCounted =  // turns that differ by their place
    "{% for m in messages %}<|turn|>{{ m.content }}{% if loop.index > 5 %} again{% endif %}<|end|>{% endfor "
    "%}"
    "<|turn|>";
constexpr const char* kThinking =  // the answer to come begins with thoughts
    "{% for m in messages %}<|turn|>{{ m.role }}\n{{ m.content }}<|end|>{% endfor "
    "%}<|turn|>assistant\n<think>";
constexpr const char* kLastOnly = "<|turn|>{{ messages[-1].content }}<|end|>";

std::shared_ptr<const Model> load(const std::string& chat_template) {
    ModelOptions options;
    options.control_names = ControlNames::parse;
    return Model::load(test::make_tiny_model(test::chat_model(chat_template)), options);
}

std::vector<ChatMessage> conversation(const Task& task, const std::vector<int>& demos, int query) {
    std::vector<ChatMessage> messages;
    for (const int demo : demos) {
        messages.push_back({"user", task.items[static_cast<std::size_t>(demo)].input});
        messages.push_back({"assistant", task.items[static_cast<std::size_t>(demo)].output});
    }
    messages.push_back({"user", task.items[static_cast<std::size_t>(query)].input});
    return messages;
}

class ChatForms : public testing::TestWithParam<const char*> {};

TEST_P(ChatForms, WriteWhatTheTemplateWrites) {
    const auto model = load(GetParam());
    const Template form = chat_form(*model);
    EXPECT_TRUE(form.is_chat);
    const Task task = test::small_task();
    for (const std::vector<int>& demos : {std::vector<int>{}, {1}, {4, 2}, {5, 6, 7, 8, 9, 10}}) {
        const Prompt ours = make_prompt(task, demos, 3, form);
        const ChatPrompt its =
            model->chat_prompt(conversation(task, demos, 3), {.time = 1704067200});  // 1 January 2024
        EXPECT_EQ(ours.text, its.text);
        EXPECT_EQ(model->tokenize_prompt(ours.text), its.tokens);
        EXPECT_EQ(ours.target, form.blank + task.items[3].output);
    }
}

INSTANTIATE_TEST_SUITE_P(Formats, ChatForms, testing::Values(test::chat_model_template, kSystem, kBrackets));

TEST(ChatForm, TheBlankBeforeAnAnswerIsTheAnswers) {
    EXPECT_EQ(chat_form(*load(test::chat_model_template)).blank, "");
    const Template form = chat_form(*load(kBrackets));
    EXPECT_EQ(form.blank, " ");
    const Prompt prompt = make_prompt(test::small_task(), std::vector<int>{0}, 1, form);
    EXPECT_TRUE(prompt.text.ends_with("[ dog ]")) << prompt.text;
    EXPECT_EQ(prompt.target, " " + test::small_task().items[1].output);
}

TEST(ChatForm, DemonstrationsAndInstructionsAreInTurns) {
    const Template form = with_instruction(chat_form(*load(test::chat_model_template)), "Say it.");
    const Task task = test::small_task();
    EXPECT_EQ(make_prompt(task, std::vector<int>{1}, 0, form).text,
              "<s><|turn|>user\nSay it.\n\ndog<|end|>\n<|turn|>assistant\n" + task.items[1].output +
                  "<|end|>\n<|turn|>user\ncat<|end|>\n<|turn|>assistant\n");
}

TEST(ChatForm, PairsAreAnswersToTheSameMessage) {
    const auto model = load(test::chat_model_template);
    const Template form = chat_form(*model);
    Task task = test::small_task();
    const std::vector<int> pool = {0};
    const auto answered = [&](const std::string& answer) {
        return "<s><|turn|>user\ncat<|end|>\n<|turn|>assistant\n" + answer;
    };
    const auto precise = make_pairs(task, pool, 1, test::kUnrelated, 0, true, form);
    EXPECT_EQ(precise.at(0).positive, answered(task.items[0].output));
    EXPECT_TRUE(precise.at(0).negative.starts_with(answered(""))) << precise.at(0).negative;
    EXPECT_NE(precise.at(0).negative, precise.at(0).positive);
    task.family = Family::behavioural;
    const auto style = make_pairs(task, pool, 1, {}, 0, true, form);
    EXPECT_EQ(style.at(0).negative, answered("cat"));
    EXPECT_EQ(style.at(0).positive, answered(task.items[0].output));
}

std::string refusal(Code code, const std::function<void()>& f) {
    try {
        f();
    } catch (const Error& e) {
        EXPECT_EQ(e.code(), code) << e.what();
        return e.what();
    }
    ADD_FAILURE() << "not refused";
    return "";
}

TEST(ChatForm, TemplatesWhoseTurnsDifferAreRefusedByName) {
    const auto refused = [](const char* text) {
        return refusal(Code::unsupported, [&] { chat_form(*load(text)); });
    };
    expect_parts(refused(kCounted), {"writes turns otherwise in a conversation of", "in plain text"});
    expect_parts(refused(kThinking), {"<think>", "the one to come"});
    expect_parts(refused(kLastOnly), {"does not write the messages as they are"});
    expect_parts(refused(""), {"has no chat template"});
}

TEST(ChatForm, ATemplateOfOnesOwnCounts) {
    const auto model = load("");
    EXPECT_EQ(make_prompt(test::small_task(), {}, 0, chat_form(*model, kBrackets)).text, "<s>[ cat ]");
}

TEST(ChatForm, ItemsThatWouldEndATurnAreRefused) {
    const auto model = load(test::chat_model_template);
    Task task = test::small_task();
    EXPECT_NO_THROW(require_no_control_names(*model, task));
    task.items[2].outputs.push_back("red <|end|>");
    expect_parts(refusal(Code::bad_input, [&] { require_no_control_names(*model, task); }),
                 {"small", "item 2", "<|end|>"});
}

}  // namespace
}  // namespace tiller

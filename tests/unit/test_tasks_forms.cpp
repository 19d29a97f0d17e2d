// Forms of a task: what their prompts look like, and multiple choice.
#include "tasks/forms.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "tasks/natural_text.h"
#include "test_tasks_files.h"

namespace tiller::study {
namespace {

using test::error_of;
using test::expect_parts;

/// Items in0 -> out0, in1 -> out1 ...
Task numbered_task(int n) {
    Task task;
    task.name = "numbers";
    for (int i = 0; i < n; ++i) {
        const auto number = std::to_string(i);
        task.items.push_back({i, "in" + number, "out" + number, {"out" + number}});
    }
    return task;
}

std::vector<int> all_of(const Task& task) {
    std::vector<int> pool(task.items.size());
    std::iota(pool.begin(), pool.end(), 0);
    return pool;
}

// The options behind the first line, in order: "A. out3" gives "out3".
std::vector<std::string> options_of(const Item& item) {
    std::vector<std::string> out;
    char letter = 'A';
    for (auto at = item.input.find('\n'); at != std::string::npos;) {
        const auto next = item.input.find('\n', at + 1);
        const std::string line = item.input.substr(at + 1, next == std::string::npos ? next : next - at - 1);
        EXPECT_EQ(line.substr(0, 3), std::string(1, letter++) + ". ");
        out.push_back(line.substr(3));
        at = next;
    }
    return out;
}

TEST(Forms, EveryNameIsFoundAndNoneTwice) {
    std::set<std::string> names;
    for (const Form& form : forms()) {
        EXPECT_TRUE(names.insert(form.name).second) << form.name;
        EXPECT_EQ(find_form(form.name), &form);
        EXPECT_FALSE(form.what.empty());
    }
    EXPECT_EQ(forms().front().name, "qa");
    EXPECT_EQ(find_form("morse"), nullptr);
    EXPECT_EQ(form_names(true).find("natural"), std::string::npos);
    EXPECT_NE(form_names(false).find("natural"), std::string::npos);
    expect_parts(error_of(Code::usage, [] { task_form(numbered_task(4), "morse", 0); }), {"morse", "arrow"});
}

// The whole text of a prompt with one demonstration in each form that has the task's own words.
TEST(Forms, PromptsWithDemonstrations) {
    const Task task = numbered_task(2);
    const std::vector<int> pool = {0};
    const auto text = [&](const char* form) { return task_form(task, form, 0).prompt(pool, 1, 1, 0).text; };
    EXPECT_EQ(text("qa"), "Q: in0\nA: out0\n\nQ: in1\nA:");
    EXPECT_EQ(text("arrow"), "in0 -> out0\nin1 ->");
    EXPECT_EQ(text("input-output"), "Input: in0\nOutput: out0\n\nInput: in1\nOutput:");
    EXPECT_EQ(text("german"), "Frage: in0\nAntwort: out0\n\nFrage: in1\nAntwort:");
}

TEST(Forms, TheFirstOneIsThePapers) {
    const Task task = numbered_task(9);
    const auto pool = all_of(task);
    for (const int n_shot : {0, 3}) {
        const Prompt prompt = task_form(task, "qa", 5).prompt(pool, 4, n_shot, 5);
        EXPECT_EQ(prompt.text, make_test_prompt(task, pool, 4, n_shot, 5).text);
        EXPECT_EQ(prompt.targets, make_test_prompt(task, pool, 4, n_shot, 5).targets);
    }
}

TEST(Forms, NaturalTextHasNoDemonstrations) {
    const Task task = numbered_task(9);
    const Prompt prompt = task_form(task, "natural", 0).prompt(all_of(task), 4, 3, 0);
    EXPECT_EQ(prompt.text, natural_text_prompt(task, 4).text);
    EXPECT_EQ(prompt.target, " out4");
}

TEST(ChoiceTask, TheLetterNamesTheRightOption) {
    const Task task = numbered_task(40), choice = choice_task(task, 3);
    std::set<std::string> letters;
    ASSERT_EQ(choice.items.size(), task.items.size());
    for (std::size_t i = 0; i < task.items.size(); ++i) {
        const Item &was = task.items[i], &is = choice.items[i];
        EXPECT_EQ(is.id, was.id);
        EXPECT_EQ(is.input.substr(0, is.input.find('\n')), was.input);
        const auto options = options_of(is);
        ASSERT_EQ(options.size(), 4u);
        EXPECT_EQ(std::set<std::string>(options.begin(), options.end()).size(), 4u) << is.input;
        ASSERT_EQ(is.output.size(), 1u);
        EXPECT_EQ(options.at(static_cast<std::size_t>(is.output[0] - 'A')), was.output);
        EXPECT_EQ(is.outputs, std::vector<std::string>{is.output});
        letters.insert(is.output);
    }
    EXPECT_EQ(letters, (std::set<std::string>{"A", "B", "C", "D"}));  // chance of a miss: 4 * 0.75^40
}

TEST(ChoiceTask, SeedDecides) {
    const Task task = numbered_task(12);
    const auto inputs = [&](std::uint64_t seed) {
        std::string all;
        for (const auto& item : choice_task(task, seed).items) all += item.input + "\n";
        return all;
    };
    EXPECT_EQ(inputs(1), inputs(1));
    EXPECT_NE(inputs(1), inputs(2));
}

// What is also right is no wrong option, and few outputs give few options.
TEST(ChoiceTask, RightAnswersAreNoWrongOptions) {
    Task task = numbered_task(6);
    task.items[0].outputs = {"out0", "out1", "out2"};
    for (std::size_t i = 3; i < 6; ++i) task.items[i].output = "out3", task.items[i].outputs = {"out3"};
    const Task choice = choice_task(task, 0);
    auto options = options_of(choice.items[0]);
    std::sort(options.begin(), options.end());
    EXPECT_EQ(options, (std::vector<std::string>{"out0", "out3"}));
    EXPECT_EQ(options_of(choice.items[1]).size(), 4u);
}

TEST(ChoiceTask, NeedsAWrongOption) {
    Task task = numbered_task(3);
    for (auto& item : task.items) item.output = "yes", item.outputs = {"yes"};
    expect_parts(error_of(Code::bad_input, [&] { choice_task(task, 0); }), {"numbers", "item 0", "choice"});
}

TEST(ChoiceTask, PromptsAskForTheLetterOrTheWord) {
    const Task task = numbered_task(12);
    const auto pool = all_of(task);
    const Prompt letter = task_form(task, "choice", 2).prompt(pool, 7, 0, 2),
                 word = task_form(task, "choice-word", 2).prompt(pool, 7, 3, 2);
    EXPECT_EQ(letter.text, word.text);
    EXPECT_EQ(letter.text.substr(0, 18), "Question: in7\nA. o");
    expect_parts(letter.text, {"\nD. out", "\nAnswer:"});
    EXPECT_EQ(letter.target, " " + choice_task(task, 2).items[7].output);
    EXPECT_EQ(word.targets, std::vector<std::string>{" out7"});
}

}  // namespace
}  // namespace tiller::study

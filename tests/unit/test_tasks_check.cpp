// What is odd about a task, and how small an effect it can show.
#include <gtest/gtest.h>

#include <string>

#include "tiller/error.h"
#include "tiller/task_check.h"

namespace tiller {
namespace {

Task task_of(const std::vector<std::pair<std::string, std::string>>& items) {
    Task task;
    task.name = "t";
    for (const auto& [input, output] : items) {
        Item item;
        item.id = static_cast<int>(task.items.size());
        item.input = input;
        item.output = output;
        item.outputs = {output};
        task.items.push_back(item);
    }
    return task;
}

std::vector<std::pair<std::string, std::string>> distinct(int n) {
    std::vector<std::pair<std::string, std::string>> items;
    for (int i = 0; i < n; ++i) items.emplace_back("in" + std::to_string(i), std::to_string(i) + " out");
    return items;
}

// A token for each letter, so that tests can count.
std::vector<Token> letters(std::string_view text) { return {text.begin(), text.end()}; }

TEST(TaskCheckItems, AGoodTaskHasNothingOdd) {
    const TaskCheck check = check_task(task_of(distinct(100)), 0, 10);
    EXPECT_EQ(check.n_item, 100);
    EXPECT_EQ(check.n_train + check.n_valid + check.n_test, 100);
    EXPECT_TRUE(check.repeated.empty() && check.contradicting.empty() && check.leaks.empty() &&
                check.unchanged.empty());
}

TEST(TaskCheckItems, RepeatedContradictingUnchanged) {
    auto items = distinct(12);
    items.emplace_back(" IN3 ", "3 out");
    items.emplace_back("in4", "other");
    items.emplace_back("same", "Same");
    const TaskCheck check = check_task(task_of(items), 0, 10);
    EXPECT_EQ(check.repeated, (std::vector<ItemPair>{{12, 3}}));
    EXPECT_EQ(check.contradicting, (std::vector<ItemPair>{{13, 4}}));
    EXPECT_EQ(check.unchanged, std::vector<int>{14});
}

// Items that stand in a file four times, in other letters each time, put most test items among the training
// items, whatever the seed.
TEST(TaskCheckItems, WhatIsTestedWasSeen) {
    auto items = distinct(12);
    for (const char* prefix : {"Ab", "aB", "AB"})
        for (int i = 0; i < 12; ++i) {
            items.push_back(items[static_cast<std::size_t>(i)]);
            items.back().first = prefix + items.back().first;
        }
    for (std::size_t i = 0; i < 12; ++i) items[i].first = "ab" + items[i].first;
    for (std::uint64_t seed : {0, 1, 2}) {
        const Task task = task_of(items);
        const TaskCheck check = check_task(task, seed, 10);
        EXPECT_EQ(check.repeated.size(), 36u);
        EXPECT_GT(check.leaks.size(), 8u);
        for (const auto& [seen, training] : check.leaks)
            EXPECT_EQ(task.items[static_cast<std::size_t>(seen)].output,
                      task.items[static_cast<std::size_t>(training)].output);
    }
}

// The very same input is no leak: it counts once.
TEST(TaskCheckItems, RepeatedItemsCountOnce) {
    auto items = distinct(12);
    for (int i = 0; i < 36; ++i) items.push_back(items[static_cast<std::size_t>(i)]);
    const TaskCheck check = check_task(task_of(items), 0, 10);
    EXPECT_EQ(check.repeated.size(), 36u);
    EXPECT_TRUE(check.leaks.empty());
    EXPECT_EQ(check.n_train + check.n_valid + check.n_test, 12);
}

TEST(TaskCheckItems, TokensOfAnswers) {
    Task task = task_of({{"a", "xa"}, {"b", "xb"}, {"c", "y"}, {"d", "z"}, {"e", "z"}, {"f", "w"}});
    const auto tokenize = [](std::string_view text) {
        return letters(text.starts_with(' ') ? text.substr(1) : text);
    };
    TaskCheck check = check_task(task, 0, 2, tokenize);
    ASSERT_EQ(check.shared_first.size(), 1u) << "equal answers share nothing that matters";
    EXPECT_EQ(check.shared_first[0].token, 'x');
    EXPECT_EQ(check.shared_first[0].items, (std::vector<int>{0, 1}));
    EXPECT_EQ(check.long_answers, (std::vector<int>{0, 1}));
    // "Q: a\nA:" is 7 letters, "xa" two.
    EXPECT_EQ(check.longest_item, 9);
    EXPECT_EQ(check.longest_prompt, 11 + 11 + 10);
    task.family = Family::behavioural;
    check = check_task(task, 0, 2, tokenize);
    EXPECT_TRUE(check.shared_first.empty());
    EXPECT_EQ(check.longest_item, 9);
}

// McNemar's exact test: five of five give p = 0.0625, six of six 0.03125.
TEST(TaskCheckItems, HowSmallAnEffect) {
    const TaskCheck check = check_task(task_of(distinct(100)), 0, 10);
    EXPECT_DOUBLE_EQ(check.smallest_difference, 6.0 / check.n_test);
    EXPECT_GT(check.half_interval, 0.15);
    EXPECT_LT(check.half_interval, 0.3);
    EXPECT_LT(check_task(task_of(distinct(1000)), 0, 10).half_interval, check.half_interval / 2);
    const TaskCheck few = check_task(task_of(distinct(6)), 0, 10);
    EXPECT_GT(few.smallest_difference, 1);
    EXPECT_THROW(check_task(task_of(distinct(3)), 0, 10), Error);
}

}  // namespace
}  // namespace tiller

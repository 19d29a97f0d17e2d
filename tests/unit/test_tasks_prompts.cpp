#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "test_tasks_files.h"
#include "tiller/task.h"

namespace tiller {
namespace {

using test::error_of;

/// Items in0 -> out0, in1 -> out1 ...; the last item has a second right answer.
Task numbered_task(int n) {
    Task task;
    task.name = "numbers";
    for (int i = 0; i < n; ++i) {
        const auto number = std::to_string(i);
        task.items.push_back({i, "in" + number, "out" + number, {"out" + number}});
    }
    task.items.back().outputs.push_back("other");
    return task;
}

std::vector<int> all_of(const Task& task) {
    std::vector<int> pool(task.items.size());
    std::iota(pool.begin(), pool.end(), 0);
    return pool;
}

/// The words of a prompt that begin with `prefix` and a digit ("in3", "out7"), in order.
std::vector<std::string> picks(const std::string& text, const std::string& prefix) {
    std::vector<std::string> out;
    for (auto at = text.find(" " + prefix); at != std::string::npos; at = text.find(" " + prefix, at + 1)) {
        const auto end = text.find_first_of("\n", at);
        out.push_back(text.substr(at + 1, end - at - 1));
    }
    return out;
}

TEST(MakePrompt, ThePapersForm) {
    const Task task = numbered_task(4);
    const std::vector<int> demos = {2, 0};
    const Prompt prompt = make_prompt(task, demos, 3);
    EXPECT_EQ(prompt.text, "Q: in2\nA: out2\n\nQ: in0\nA: out0\n\nQ: in3\nA:");
    EXPECT_EQ(prompt.target, " out3");
    EXPECT_EQ(prompt.targets, (std::vector<std::string>{" out3", " other"}));
    EXPECT_EQ(prompt.item, 3);
    EXPECT_EQ(make_prompt(task, {}, 1).text, "Q: in1\nA:");
}

TEST(MakePrompt, OtherForms) {
    const Task task = numbered_task(2);
    const Template form{"English:", "French:", " | ", "\n", "Translate.\n"};
    const std::vector<int> demos = {0};
    EXPECT_EQ(make_prompt(task, demos, 1, form).text,
              "Translate.\nEnglish: in0 | French: out0\nEnglish: in1 | French:");
}

TEST(MakePrompt, InstructionsStandInFrontOfEverything) {
    const Task task = numbered_task(4);
    EXPECT_EQ(make_prompt(task, std::vector<int>{0}, 1, with_instruction({}, "Count.")).text,
              "Count.\n\nQ: in0\nA: out0\n\nQ: in1\nA:");
}

TEST(MakePrompt, WrongIndices) {
    const Task task = numbered_task(3);
    const std::vector<int> bad = {3}, negative = {-1}, good = {0};
    test::expect_parts(error_of(Code::usage, [&] { make_prompt(task, bad, 0); }),
                       {"numbers", "item 3", "0 to 2"});
    error_of(Code::usage, [&] { make_prompt(task, negative, 0); });
    error_of(Code::usage, [&] { make_prompt(task, good, 3); });
    error_of(Code::usage, [&] { make_prompt(task, good, 1, {}, true, nullptr); });
}

TEST(MakePrompt, ShuffledLabelsAlwaysMove) {
    const Task task = numbered_task(4);
    Random random(1, "labels");
    for (const auto& demos : {std::vector<int>{0, 1}, std::vector<int>{0, 1, 2}})
        for (int i = 0; i < 200; ++i) {  // half of all permutations of two are the old order
            const auto plain = make_prompt(task, demos, 3).text;
            const auto text = make_prompt(task, demos, 3, {}, true, &random).text;
            ASSERT_NE(text, plain);
            ASSERT_EQ(picks(text, "in"), picks(plain, "in"));
            auto labels = picks(text, "out");
            auto before = picks(plain, "out");
            std::sort(labels.begin(), labels.end());
            std::sort(before.begin(), before.end());
            ASSERT_EQ(labels, before);
        }
}

TEST(MakePrompt, EqualLabelsStay) {
    Task task = numbered_task(4);
    for (auto& item : task.items) item.output = "same";
    Random random(1, "labels");
    const std::vector<int> demos = {0, 1, 2}, one = {0};
    EXPECT_EQ(make_prompt(task, demos, 3, {}, true, &random).text, make_prompt(task, demos, 3).text);
    EXPECT_EQ(make_prompt(task, one, 3, {}, true, &random).text, make_prompt(task, one, 3).text);
    EXPECT_EQ(make_prompt(task, {}, 3, {}, true, &random).text, make_prompt(task, {}, 3).text);

    task.items[2].output = "odd";  // two equal labels and one other: a permutation of places is not enough
    for (int i = 0; i < 100; ++i)
        ASSERT_NE(make_prompt(task, demos, 3, {}, true, &random).text, make_prompt(task, demos, 3).text);
}

TEST(MakePrompts, DifferentItemsInEachPrompt) {
    const Task task = numbered_task(12);
    std::vector<int> pool = {1, 3, 4, 6, 7, 9, 10};
    const auto prompts = make_prompts(task, pool, 20, 6, 4, false);
    ASSERT_EQ(prompts.size(), 20u);
    std::set<int> first_round;
    for (std::size_t i = 0; i < prompts.size(); ++i) {
        const auto inputs = picks(prompts[i].text, "in");
        ASSERT_EQ(inputs.size(),
                  7u);  // with 6 of 7 items as demonstrations, every item of the pool is there once
        EXPECT_EQ(std::set<std::string>(inputs.begin(), inputs.end()).size(), 7u);
        EXPECT_EQ(inputs.back(), "in" + std::to_string(prompts[i].item));
        EXPECT_TRUE(std::find(pool.begin(), pool.end(), prompts[i].item) != pool.end());
        EXPECT_EQ(prompts[i].item, prompts[i % 7].item);  // the queries wrap around
        if (i < 7) first_round.insert(prompts[i].item);
    }
    EXPECT_EQ(first_round.size(), 7u);
}

TEST(MakePrompts, WhatDependsOnWhat) {
    const Task task = numbered_task(40);
    const auto pool = all_of(task);
    const auto texts = [&](int n, int shots, std::uint64_t seed, bool shuffled) {
        std::vector<std::string> out;
        for (const auto& prompt : make_prompts(task, pool, n, shots, seed, shuffled))
            out.push_back(prompt.text);
        return out;
    };
    EXPECT_EQ(texts(10, 5, 1, true), texts(10, 5, 1, true));
    EXPECT_NE(texts(10, 5, 1, true), texts(10, 5, 2, true));

    auto longer = texts(30, 5, 1, true);
    longer.resize(10);
    EXPECT_EQ(texts(10, 5, 1, true), longer);  // the first prompts do not depend on n

    const auto plain = texts(10, 5, 1, false), shuffled = texts(10, 5, 1, true),
               none = texts(10, 0, 1, false);
    for (std::size_t i = 0; i < plain.size(); ++i) {
        EXPECT_NE(plain[i], shuffled[i]);
        EXPECT_EQ(picks(plain[i], "in"), picks(shuffled[i], "in"));  // only the labels differ
        EXPECT_EQ(picks(plain[i], "in").back(), picks(none[i], "in").back());
    }
}

TEST(MakePrompts, Refusals) {
    const Task task = numbered_task(5);
    const std::vector<int> pool = {0, 1, 2}, wrong = {0, 1, 9};
    test::expect_parts(error_of(Code::bad_input, [&] { make_prompts(task, pool, 1, 3, 1, false); }),
                       {"numbers", "3 items", "at least 4"});
    error_of(Code::bad_input, [&] { make_prompts(task, {}, 1, 0, 1, false); });
    error_of(Code::usage, [&] { make_prompts(task, wrong, 3, 0, 1, false); });
    error_of(Code::usage, [&] { make_prompts(task, pool, -1, 0, 1, false); });
    error_of(Code::usage, [&] { make_prompts(task, pool, 1, -1, 1, false); });
    EXPECT_TRUE(make_prompts(task, pool, 0, 2, 1, false).empty());
    EXPECT_EQ(make_prompts(task, pool, 2, 2, 1, false).size(), 2u);
}

TEST(MakePairs, BehaviouralPairsAreTheItem) {
    Task task = numbered_task(3);
    task.family = Family::behavioural;
    task.items[0] = {0, "You dolt ...", ". Please wait. ", {". Please wait. "}};
    task.items[1] = {1, "...", "Thanks.", {"Thanks."}};
    const std::vector<int> first = {0}, dots = {1};
    EXPECT_EQ(make_pairs(task, first, 1, {}, 1).at(0).negative, "You dolt");
    EXPECT_EQ(make_pairs(task, first, 1, {}, 1).at(0).positive, "Please wait");
    EXPECT_EQ(make_pairs(task, first, 1, {}, 1, false).at(0).negative, "You dolt ...");
    EXPECT_EQ(make_pairs(task, dots, 1, {}, 1).at(0).negative, "...");  // stripping would leave nothing
}

TEST(MakePairs, OthersGetAnUnrelatedSentence) {
    const Task task = numbered_task(20);
    const auto pool = all_of(task);
    const std::vector<std::string> sentences = {"The boat had left .", "It rained on"};
    const auto pairs = make_pairs(task, pool, 10, sentences, 2);
    ASSERT_EQ(pairs.size(), 10u);
    std::set<std::string> heads, tails;
    for (const auto& pair : pairs) {
        const auto item = picks(pair.positive, "in").at(0);
        EXPECT_EQ(pair.positive, "Q: " + item + "\nA: out" + item.substr(2));
        ASSERT_EQ(pair.negative.rfind("Q: " + item + "\nA: ", 0), 0u);
        heads.insert(item);
        tails.insert(pair.negative.substr(pair.negative.find("A: ") + 3));
    }
    EXPECT_EQ(heads.size(), 10u);
    EXPECT_EQ(tails, (std::set<std::string>{"The boat had left", "It rained on"}));
}

TEST(MakePairs, SmallerSetsAreParts) {
    const Task task = numbered_task(20);
    const auto pool = all_of(task);
    const std::vector<std::string> sentences = {"One", "Two", "Three", "Four"};
    const auto few = make_pairs(task, pool, 5, sentences, 7);
    const auto many = make_pairs(task, pool, 500, sentences, 7);
    EXPECT_EQ(many.size(), 20u);  // no more than the pool holds
    for (std::size_t i = 0; i < few.size(); ++i) {
        EXPECT_EQ(few[i].positive, many[i].positive);
        EXPECT_EQ(few[i].negative, many[i].negative);
    }
    EXPECT_NE(make_pairs(task, pool, 5, sentences, 8)[0].positive +
                  make_pairs(task, pool, 5, sentences, 8)[1].positive,
              few[0].positive + few[1].positive);
}

TEST(MakePairs, Refusals) {
    const Task task = numbered_task(3);
    const std::vector<int> pool = {0, 1}, wrong = {5};
    const std::vector<std::string> sentences = {"One"};
    test::expect_parts(error_of(Code::usage, [&] { make_pairs(task, pool, 2, {}, 1); }),
                       {"unrelated", "numbers"});
    error_of(Code::usage, [&] { make_pairs(task, wrong, 2, sentences, 1); });
    error_of(Code::usage, [&] { make_pairs(task, pool, -1, sentences, 1); });
    EXPECT_TRUE(make_pairs(task, pool, 0, sentences, 1).empty());
}

}  // namespace
}  // namespace tiller

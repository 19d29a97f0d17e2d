// Splits, prompts and pairs of the paper's protocol.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "core/util.h"
#include "tasks/numpy_permutation.h"
#include "test_tasks_files.h"
#include "tiller/task.h"

namespace tiller {
namespace {

using test::error_of;
using test::expect_parts;

Task numbered_task(int n) {
    Task task;
    task.name = "numbers";
    for (int i = 0; i < n; ++i) {
        const auto number = std::to_string(i);
        task.items.push_back({i, "in" + number, "out" + number, {"out" + number, "also" + number}});
    }
    return task;
}

nlohmann::json golden() {
    return nlohmann::json::parse(
        read_file(std::filesystem::path(TILLER_TESTS_DIR) / "unit/golden_splits.json", 1 << 20));
}

TEST(PaperSplit, IsSklearnsItemForItem) {
    const auto all = golden();
    ASSERT_EQ(all.at("whole").size(), 15u);
    for (const auto& g : all.at("whole")) {
        const Split split = paper_split(numbered_task(g.at("n")), g.at("seed"));
        EXPECT_EQ(split.train, g.at("train").get<std::vector<int>>()) << g;
        EXPECT_EQ(split.test, g.at("test").get<std::vector<int>>()) << g;
        EXPECT_EQ(split.valid, g.at("valid").get<std::vector<int>>()) << g;
    }
}

TEST(PaperSplit, IsSklearnsForEverySize) {
    const auto golden_file = golden();
    ASSERT_EQ(golden_file.at("digests").size(), 300u);
    for (const auto& g : golden_file.at("digests")) {
        const Split split = paper_split(numbered_task(g.at("n")), g.at("seed"));
        ASSERT_EQ(split.train.size(), g.at("train").get<std::size_t>()) << g;
        ASSERT_EQ(split.test.size(), g.at("test").get<std::size_t>()) << g;
        ASSERT_EQ(split.valid.size(), g.at("valid").get<std::size_t>()) << g;
        std::vector<int> all = split.train;
        all.insert(all.end(), split.test.begin(), split.test.end());
        all.insert(all.end(), split.valid.begin(), split.valid.end());
        ASSERT_EQ(sha256(fmt::format("{}", fmt::join(all, " "))), g.at("sha256")) << g;
    }
}

TEST(PaperSplit, Refusals) {
    expect_parts(error_of(Code::bad_input, [] { paper_split(numbered_task(3), 0); }), {"3 items", "4"});
    expect_parts(error_of(Code::bad_input, [] { paper_split(numbered_task(9), 4294967296); }),
                 {"4294967296", "4294967295"});
    EXPECT_TRUE(numpy_permutation(1, 0).empty());
    EXPECT_EQ(numpy_permutation(1, 1), std::vector<int>{0});
}

TEST(NaturalPrompt, PutsTheInputInItsPlace) {
    const Task task = numbered_task(2);
    const Prompt prompt = make_natural_prompt(task, 1, "Of {X} we say {X}");
    EXPECT_EQ(prompt.text, "Of in1 we say {X}");
    EXPECT_EQ(prompt.targets, (std::vector<std::string>{" out1", " also1"}));
    EXPECT_EQ(prompt.item, 1);
    expect_parts(error_of(Code::usage, [&] { make_natural_prompt(task, 0, "Nothing here"); }), {"{X}"});
}

TEST(NaturalPrompt, TemplatesOfWordsAndPlaces) {
    EXPECT_EQ(natural_templates("antonym").size(), 5u);
    EXPECT_EQ(natural_templates("country-capital").size(), 3u);
    std::set<std::string> all;
    for (const char* task : {"antonym", "country-capital"})
        for (const auto& form : natural_templates(task)) {
            EXPECT_NE(form.find("{X}"), std::string::npos) << form;
            EXPECT_NE(form.back(), ' ') << form;  // the answer brings its blank
            all.insert(form);
        }
    EXPECT_EQ(all.size(), 8u);
}

TEST(TestPrompt, PermutedLabelsChangeNothingElse) {
    const Task task = numbered_task(12);
    const std::vector<int> pool = {0, 1, 2, 3, 4, 5, 6, 7};
    const Prompt right = make_test_prompt(task, pool, 9, 3, 5),
                 wrong = make_test_prompt(task, pool, 9, 3, 5, true);
    EXPECT_NE(right.text, wrong.text);
    std::multiset<char> a(right.text.begin(), right.text.end()), b(wrong.text.begin(), wrong.text.end());
    EXPECT_EQ(a, b);
    EXPECT_EQ(make_test_prompt(task, pool, 9, 3, 5, true).text, wrong.text);
    EXPECT_EQ(make_test_prompt(task, pool, 9, 0, 5, true).text, "Q: in9\nA:");
}

TEST(MakePrompts, QueriesOfTheirOwn) {
    const Task task = numbered_task(12);
    const std::vector<int> pool = {0, 1, 2}, queries = {10, 11};
    const auto prompts = make_prompts(task, pool, 5, 3, 1, false, {}, queries);
    ASSERT_EQ(prompts.size(), 5u);
    std::set<int> asked;
    for (const auto& prompt : prompts) {
        asked.insert(prompt.item);
        for (const char* demo : {" in0", " in1", " in2"})
            EXPECT_NE(prompt.text.find(demo), std::string::npos) << prompt.text;
    }
    EXPECT_EQ(asked, (std::set<int>{10, 11}));
    expect_parts(error_of(Code::bad_input, [&] { make_prompts(task, pool, 1, 4, 1, false, {}, queries); }),
                 {"3 items", "at least 4"});
}

TEST(MakePairs, TheWaysOfThePapersCode) {
    const Task task = numbered_task(6);
    const std::vector<int> pool = {0, 1, 2, 3, 4, 5};
    const std::vector<std::string> sentences = {"It rained"};
    const auto plain = make_pairs(task, pool, 6, sentences, 3);
    const auto ended = make_pairs(task, pool, 6, sentences, 3, true, {}, {.keep_end = true});
    const auto bare = make_pairs(task, pool, 6, sentences, 3, true, {}, {.bare_unrelated = true});
    for (std::size_t i = 0; i < plain.size(); ++i) {
        EXPECT_EQ(ended[i].positive, plain[i].positive + "\n\n");
        EXPECT_EQ(ended[i].negative, plain[i].negative + "\n\n");
        EXPECT_EQ(bare[i].positive, plain[i].positive);
        EXPECT_EQ(bare[i].negative.substr(bare[i].negative.find("\nA")), "\nA:It rained");
    }
    const auto repeated = make_pairs(task, pool, 40, sentences, 3, true, {}, {.repeats = true});
    EXPECT_EQ(repeated.size(), 40u);
    std::set<std::string> different;
    for (const auto& pair : repeated) different.insert(pair.positive);
    EXPECT_EQ(different.size(), 6u);
    EXPECT_EQ(make_pairs(task, pool, 40, sentences, 3).size(), 6u);
}

}  // namespace
}  // namespace tiller

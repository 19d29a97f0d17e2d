#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tasks/split_shares.h"
#include "test_tasks_files.h"
#include "tiller/task.h"

namespace tiller {
namespace {

Task task_of(int n) {
    Task task;
    task.name = "numbers";
    for (int i = 0; i < n; ++i) {
        Item item;
        item.id = i;
        item.input = "in" + std::to_string(i);
        item.output = "out" + std::to_string(i);
        item.outputs = {item.output};
        task.items.push_back(item);
    }
    return task;
}

TEST(SplitTask, SizesAndDisjointness) {
    struct Case {
        int n;
        std::size_t train, test, valid;
    };
    for (const Case& c :
         {Case{4, 2, 1, 1}, Case{5, 3, 1, 1}, Case{7, 4, 2, 1}, Case{10, 7, 2, 1}, Case{20, 14, 4, 2},
          Case{100, 70, 21, 9}, Case{197, 137, 42, 18}, Case{1057, 739, 222, 96}}) {
        SCOPED_TRACE(c.n);
        const Split split = split_task(task_of(c.n), 5);
        EXPECT_EQ(split.train.size(), c.train);
        EXPECT_EQ(split.test.size(), c.test);
        EXPECT_EQ(split.valid.size(), c.valid);
        std::set<int> all(split.train.begin(), split.train.end());
        all.insert(split.test.begin(), split.test.end());
        all.insert(split.valid.begin(), split.valid.end());
        EXPECT_EQ(all.size(), static_cast<std::size_t>(c.n));  // nothing twice
        EXPECT_EQ(*all.begin(), 0);
        EXPECT_EQ(*all.rbegin(), c.n - 1);
    }
}

TEST(FoldTask, EachItemIsTestedOnceAndNeverTrainedOnThere) {
    for (const int n : {5, 12, 100, 203}) {
        const auto folds = fold_task(task_of(n), 3, 5);
        ASSERT_EQ(folds.size(), 5u);
        std::multiset<int> tested;
        for (const Split& fold : folds) {
            EXPECT_EQ(fold.valid, fold.test);
            EXPECT_EQ(fold.train.size() + fold.test.size(), static_cast<std::size_t>(n));
            EXPECT_LE(fold.test.size(), static_cast<std::size_t>((n + 4) / 5));
            EXPECT_GE(fold.test.size(), static_cast<std::size_t>(n / 5));
            const std::set<int> train(fold.train.begin(), fold.train.end());
            EXPECT_EQ(train.size(), fold.train.size());
            for (const int item : fold.test) EXPECT_FALSE(train.contains(item));
            tested.insert(fold.test.begin(), fold.test.end());
        }
        EXPECT_EQ(tested.size(), static_cast<std::size_t>(n));
        EXPECT_EQ(std::set<int>(tested.begin(), tested.end()).size(), tested.size());
    }
}

// `tiller eval` of a vector of the first draw, by a program that knows no draws, tests what was not trained
// on.
TEST(FoldTask, TheFirstDrawTestsItemsOfTheOneSplit) {
    for (const int n : {20, 100, 197, 205}) {
        const auto tested = fold_task(task_of(n), 7, 5).front().test,
                   of_split = split_task(task_of(n), 7).test;
        const std::set<int> known(of_split.begin(), of_split.end());
        for (const int item : tested) EXPECT_TRUE(known.contains(item)) << n;
    }
}

TEST(FoldTask, RefusesWhatCannotBeCut) {
    test::expect_parts(test::error_of(Code::bad_input, [] { fold_task(task_of(4), 0, 5); }),
                       {"numbers", "4 items", "at least 5"});
    test::expect_parts(test::error_of(Code::usage, [] { fold_task(task_of(9), 0, 1); }), {"1", "at least 2"});
}

// An input that stands several times is one thing to know: it is trained on, or tested, once.
TEST(SplitTask, ItemsWithOneInputAreOne) {
    const Task distinct = task_of(20);
    Task repeated = distinct;
    for (int i = 0; i < 60; ++i) {
        Item again = distinct.items[static_cast<std::size_t>(i % 20)];
        again.id = 20 + i;
        again.output = again.outputs[0] = "other" + std::to_string(i);
        repeated.items.push_back(again);
    }
    for (const std::uint64_t seed : {0u, 1u, 2u}) {
        const Split a = split_task(distinct, seed), b = split_task(repeated, seed);
        EXPECT_EQ(a.train, b.train);
        EXPECT_EQ(a.test, b.test);
        EXPECT_EQ(a.valid, b.valid);
    }
    Task few = task_of(3);
    few.items.insert(few.items.end(), 10, few.items[0]);
    const std::string error = test::error_of(Code::bad_input, [&] { split_task(few, 0); });
    EXPECT_NE(error.find("3 items with an input of their own"), std::string::npos) << error;
}

// Answers of repeated inputs are all right.
TEST(SplitTask, AnswersOfOneInputAreAllRight) {
    Task task = task_of(5);
    Item again = task.items[1];
    again.id = 5, again.output = "another", again.outputs = {"another", "out1"};
    task.items.push_back(again);
    EXPECT_EQ(make_prompt(task, {}, 1).targets, (std::vector<std::string>{" out1", " another"}));
    EXPECT_EQ(make_prompt(task, {}, 5).targets, (std::vector<std::string>{" another", " out1"}));
    EXPECT_EQ(make_prompt(task, {}, 0).targets, std::vector<std::string>{" out0"});
    EXPECT_EQ(make_natural_prompt(task, 1, "{X} is").targets,
              (std::vector<std::string>{" out1", " another"}));
}

TEST(SplitTask, DependsOnTheSeedOnly) {
    const Task task = task_of(50);
    const auto joined = [&](std::uint64_t seed) {
        Split split = split_task(task, seed);
        split.train.insert(split.train.end(), split.test.begin(), split.test.end());
        split.train.insert(split.train.end(), split.valid.begin(), split.valid.end());
        return split.train;
    };
    EXPECT_EQ(joined(1), joined(1));
    EXPECT_NE(joined(1), joined(2));
    EXPECT_FALSE(std::is_sorted(joined(1).begin(), joined(1).end()));
}

// From the Python program that test_tasks_random.cpp tells of: the numbers 0 to 19 shuffled by stream "split"
// of seed 3.
TEST(SplitTask, Golden) {
    const Split split = split_task(task_of(20), 3);
    EXPECT_EQ(split.train, (std::vector<int>{13, 16, 0, 15, 17, 14, 8, 9, 10, 18, 7, 1, 2, 6}));
    EXPECT_EQ(split.test, (std::vector<int>{19, 5, 3, 12}));
    EXPECT_EQ(split.valid, (std::vector<int>{11, 4}));
}

TEST(SplitTask, TakesOtherShares) {
    const Task task = task_of(50);
    const Split usual = split_task(task, 3), other = split_task(task, 3, {60, 10, 30});
    EXPECT_EQ(other.train.size(), 30u);
    EXPECT_EQ(other.valid.size(), 5u);
    EXPECT_EQ(other.test.size(), 15u);
    // The same shuffled order, so that the first training items are the same ones.
    EXPECT_TRUE(std::equal(other.train.begin(), other.train.end(), usual.train.begin()));
    std::set<int> all(other.train.begin(), other.train.end());
    all.insert(other.valid.begin(), other.valid.end());
    all.insert(other.test.begin(), other.test.end());
    EXPECT_EQ(all.size(), 50u);
    EXPECT_EQ(shares_from(shares_text({60, 10, 30})), (std::vector<int>{60, 10, 30}));
    test::expect_parts(test::error_of(Code::bad_input,
                                      [&] {
                                          split_task(task_of(9), 1, {60, 10, 30});
                                      }),
                       {"numbers", "9 items", "0 for validation", "60,10,30"});
    for (const std::vector<int>& bad :
         {std::vector<int>{}, {50, 50}, {100, 0, 0}, {60, 10, 31}, {-10, 80, 30}})
        test::error_of(Code::usage, [&] { split_task(task, 1, bad); });
    for (const char* bad : {"", "60", "60,10,x", "60;10;30", "60,10,30,", "6e1,10,30", "60,10,31"})
        test::error_of(Code::usage, [&] { shares_from(bad); });
}

TEST(SplitTask, RefusesTooSmallTasks) {
    for (const int n : {0, 1, 2, 3}) {
        SCOPED_TRACE(n);
        const auto message = test::error_of(Code::bad_input, [&] { split_task(task_of(n), 1); });
        test::expect_parts(message, {"numbers", "validation", "at least 4", "add items"});
    }
}

}  // namespace
}  // namespace tiller

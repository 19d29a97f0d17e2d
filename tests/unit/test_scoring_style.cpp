#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numeric>
#include <string>
#include <thread>

#include "core/paths.h"
#include "scoring/temporary_file.h"
#include "test_tasks_files.h"
#include "tiller/scoring.h"

namespace tiller {
namespace {

using test::error_of;
using test::ScratchFolder;

/// Rude and polite sentences made from a few parts.
Task manners(int n) {
    const char* things[] = {"the door", "this bill",  "my coat",  "a chair",
                            "the salt", "that noise", "our train"};
    const char* places[] = {"in the hall", "at work", "near the river", "upstairs", "by the shop"};
    Task task;
    task.name = "manners";
    task.family = Family::behavioural;
    for (int i = 0; i < n; ++i) {
        const std::string about = std::string(things[i % 7]) + " " + places[i % 5];
        Item item;
        item.id = i;
        item.input = "Hey you fool, see to " + about + "!";
        item.output = "Would you kindly see to " + about + ", please?";
        item.outputs = {item.output};
        task.items.push_back(item);
    }
    return task;
}

std::vector<int> range(int begin, int end) {
    std::vector<int> out(static_cast<std::size_t>(end - begin));
    std::iota(out.begin(), out.end(), begin);
    return out;
}

/// Sets TMPDIR for one test.
class TemporaryFolderSetting {
public:
    explicit TemporaryFolderSetting(const std::string& value) {
        if (const char* old = ::getenv("TMPDIR")) {
            old_ = old;
            had_ = true;
        }
        ::setenv("TMPDIR", value.c_str(), 1);
    }
    ~TemporaryFolderSetting() {
        if (had_)
            ::setenv("TMPDIR", old_.c_str(), 1);
        else
            ::unsetenv("TMPDIR");
    }

private:
    std::string old_;
    bool had_ = false;
};

TEST(StyleScorer, TellsTheSidesApart) {
    const auto scorer = StyleScorer::train(manners(60), range(0, 40), range(40, 60));
    EXPECT_EQ(scorer.held_out_count(), 40);
    EXPECT_GE(scorer.held_out_accuracy(), 0.95);
    EXPECT_GT(scorer.score("Would you please open a window, kindly?"), 0.8);
    EXPECT_LT(scorer.score("Hey fool, open a window!"), 0.2);
    // Case and blanks do not matter.
    EXPECT_EQ(scorer.score("HEY  fool ,open a window !\n"), scorer.score("hey fool, open a window!"));
}

TEST(StyleScorer, IsDeterministicAndStaysWhenMoved) {
    const Task task = manners(40);
    auto first = StyleScorer::train(task, range(0, 30), range(30, 40));
    const auto second = StyleScorer::train(task, range(0, 30), range(30, 40));
    const std::string text = "See to the garden, will you?";
    const double score = first.score(text);
    EXPECT_GT(score, 0);
    EXPECT_LT(score, 1);
    EXPECT_EQ(score, second.score(text));  // to the last bit
    const StyleScorer moved = std::move(first);
    EXPECT_EQ(moved.score(text), score);
    EXPECT_EQ(moved.held_out_accuracy(), second.held_out_accuracy());
}

TEST(StyleScorer, StrangeTexts) {
    const auto scorer = StyleScorer::train(manners(40), range(0, 30), {});
    EXPECT_EQ(scorer.held_out_count(), 0);
    EXPECT_EQ(scorer.held_out_accuracy(), 0);
    EXPECT_EQ(scorer.score(""), 0.5);
    EXPECT_EQ(scorer.score(" \n\t"), 0.5);
    for (const std::string& text :
         {std::string("\xff\xfe\xfd"), std::string("__label__output"), std::string("</s>"),
          std::string("please\0please", 13), std::string(50000, 'x'), std::string("\u732B"),
          std::string("line one\nline two")}) {
        const double score = scorer.score(text);
        EXPECT_GE(score, 0);
        EXPECT_LE(score, 1);
    }
    // A line break is a blank, not the end of the text.
    EXPECT_EQ(scorer.score("Hey\nfool"), scorer.score("Hey fool"));
}

TEST(StyleScorer, ATextCannotPoseAsALabel) {
    Task task = manners(40);
    for (auto& item : task.items) item.input = "__label__output " + item.input;
    const auto scorer = StyleScorer::train(task, range(0, 30), range(30, 40));
    EXPECT_EQ(scorer.held_out_accuracy(), 1);
}

TEST(StyleScorer, ScoresFromSeveralThreads) {
    const auto scorer = StyleScorer::train(manners(40), range(0, 30), {});
    const std::string text = "Kindly see to the door, fool.";
    const double expected = scorer.score(text);
    std::vector<double> scores(4);
    {
        std::vector<std::thread> threads;
        for (double& score : scores)
            threads.emplace_back([&] {
                for (int i = 0; i < 50; ++i) score = scorer.score(text);
            });
        for (auto& thread : threads) thread.join();
    }
    for (const double score : scores) EXPECT_EQ(score, expected);
}

TEST(StyleScorer, Refusals) {
    const Task task = manners(40);
    test::expect_parts(error_of(Code::bad_input, [&] { StyleScorer::train(task, range(0, 19), {}); }),
                       {"manners", "19", "at least 20"});
    EXPECT_NO_THROW(StyleScorer::train(task, range(0, 20), {}));
    test::expect_parts(error_of(Code::usage, [&] { StyleScorer::train(task, range(0, 30), range(29, 40)); }),
                       {"item 29", "disjoint"});
    error_of(Code::usage, [&] { StyleScorer::train(task, range(20, 41), {}); });
    error_of(Code::usage, [&] { StyleScorer::train(task, range(0, 30), range(39, 41)); });
}

TEST(StyleScorer, PrintsNothingAndLeavesNoFile) {
    const ScratchFolder folder;
    const TemporaryFolderSetting setting(folder.path().string());
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const auto scorer = StyleScorer::train(manners(40), range(0, 30), range(30, 40));
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
    testing::internal::CaptureStderr();  // the files of a capture lie in the same folder: end it before
                                         // looking
    EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
    testing::internal::GetCapturedStderr();
    for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
        ADD_FAILURE() << entry.path();
    EXPECT_GT(scorer.held_out_accuracy(), 0.9);
}

TEST(TemporaryFile, HoldsTheBytesUntilItIsDestroyed) {
    const ScratchFolder folder;
    const TemporaryFolderSetting setting(folder.path().string());
    const std::string bytes(200000, 'x');
    std::filesystem::path path;
    {
        errno = EIO;  // what an earlier call left there is nobody's error
        const TemporaryFile file(bytes);
        path = file.path();
        EXPECT_EQ(path.parent_path(), folder.path());
        std::ifstream in(path, std::ios::binary);
        EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), bytes);
    }
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(TemporaryFile, AFullDiskLeavesNone) {
    const ScratchFolder folder;
    const TemporaryFolderSetting setting(folder.path().string());
    rlimit limit{};
    ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
    const rlimit small{1000, limit.rlim_max};
    const auto before = std::signal(SIGXFSZ, SIG_IGN);
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
    const auto why = error_of(Code::environment, [] { TemporaryFile(std::string(2000, 'x')); });
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    std::signal(SIGXFSZ, before);
    test::expect_parts(why, {"temporary", "File too large"});
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(StyleScorer, NoFolderForTemporaryFiles) {
    const ScratchFolder folder;
    const TemporaryFolderSetting setting((folder.path() / "none").string());
    test::expect_parts(error_of(Code::environment, [] { StyleScorer::train(manners(40), range(0, 30), {}); }),
                       {"temporary", "TMPDIR"});
}

TEST(StyleScorer, OurOwnTasks) {
    // Lower bounds, well under what was measured; the numbers are printed beside every score in a report.
    for (const auto& [name, least] :
         {std::pair("formality", 0.9), std::pair("detoxification", 0.75),
          std::pair("sentiment_transfer", 0.75), std::pair("shakespeare", 0.75)}) {
        const Task task = find_task(name, data_dir());
        const Split split = split_task(task, 1);
        const auto scorer = StyleScorer::train(task, split.train, split.test);
        EXPECT_GE(scorer.held_out_accuracy(), least) << name;
    }
}

}  // namespace
}  // namespace tiller

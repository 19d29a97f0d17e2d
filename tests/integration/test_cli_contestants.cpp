// tiller compare --vector: a vector that somebody brings is judged as a method is.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "support/cli_test.h"
#include "support/tiny_study.h"
#include "tiller/vector.h"

namespace tiller {
namespace {

using nlohmann::json;
using test::expect_parts;

class CliContestants : public test::CliTest {
protected:
    void SetUp() override {
        test::CliTest::SetUp();
        make_icv("mine.gguf");
        Plan plan = test::tiny_plan("m.gguf", "data");
        plan.methods = {"icv"};
        folder.write("p.toml", plan_toml(plan));
    }
    test::ProgramResult compare(std::vector<std::string> more) const {
        std::vector<std::string> all = {"compare", "--plan", "p.toml", "-o", "run", "--threads", "1"};
        all.insert(all.end(), more.begin(), more.end());
        return run(all);
    }
    json summary() const { return json::parse(std::ifstream(folder.path() / "run/summary.json")); }
    static const json* setting(const json& task, const std::string& id) {
        for (const json& s : task.at("test"))
            if (s.at("id") == id) return &s;
        return nullptr;
    }
};

TEST_F(CliContestants, AVectorCompetesAtSeveralStrengths) {
    const auto r = compare({"--vector", "mine.gguf"});
    ASSERT_EQ(r.code, 0) << r.err;
    expect_parts(r.out, {"mine"});
    const json all = summary();
    for (const json& task : all.at("tasks")) {
        ASSERT_NE(setting(task, "mine-chosen"), nullptr) << task.at("name");
        ASSERT_NE(setting(task, "mine-random"), nullptr);
        EXPECT_EQ(setting(task, "mine-paper")->at("setting"), json({{"scale", 1.0}}));
    }
    // What was chosen is there to use, and says where it came from.
    const SteeringVector winner = load_vector(folder.path() / "run/winners/cheer-mine.gguf");
    EXPECT_EQ(winner.method, "mine");
    EXPECT_EQ(winner.provenance.settings.at("brought.method"), "icv");
    EXPECT_EQ(winner.provenance.task, "cheer");
    const auto used = run({"generate", "-m", "m.gguf", "-p", "the tin is", "--from", "run", "--for", "cheer",
                           "--method", "mine", "-n", "3"});
    EXPECT_EQ(used.code, 0) << used.err;
    // The same command finds all done; a file with other contents does not.
    const auto size = std::filesystem::file_size(folder.path() / "run/records.jsonl");
    ASSERT_EQ(compare({"--vector", "mine.gguf"}).code, 0);
    EXPECT_EQ(std::filesystem::file_size(folder.path() / "run/records.jsonl"), size);
    make_fv("mine.gguf");
    ASSERT_EQ(compare({"--vector", "mine.gguf"}).code, 0);
    EXPECT_GT(std::filesystem::file_size(folder.path() / "run/records.jsonl"), size);
}

// The method's own vector at its own strength is the method: the same scores, item by item.
TEST_F(CliContestants, AMethodsVectorScoresAsTheMethod) {
    ASSERT_EQ(compare({}).code, 0);
    std::filesystem::copy_file(folder.path() / "run/winners/cheer-icv.gguf", folder.path() / "brought.gguf");
    const json before = summary();
    std::filesystem::remove_all(folder.path() / "run");
    ASSERT_EQ(compare({"--vector", "brought.gguf"}).code, 0);
    const json after = summary();
    const json& task = after.at("tasks").at(1);
    ASSERT_EQ(task.at("name"), "cheer");
    EXPECT_EQ(setting(task, "brought-paper")->at("metrics"), setting(task, "icv-chosen")->at("metrics"));
    EXPECT_EQ(setting(task, "icv-chosen")->at("metrics"),
              setting(before.at("tasks").at(1), "icv-chosen")->at("metrics"));
}

TEST_F(CliContestants, OtherToolsVectorsCompete) {
    const auto made = run(
        {"export", "mine.gguf", "--to", "llama.cpp", "-m", "m.gguf", "-o", "theirs.gguf", "--threads", "1"});
    ASSERT_EQ(made.code, 0) << made.err;
    const auto r = compare({"--vector", "theirs.gguf"});
    ASSERT_EQ(r.code, 0) << r.err;
    const json all = summary();
    EXPECT_NE(setting(all.at("tasks").at(0), "theirs-chosen"), nullptr);
}

TEST_F(CliContestants, WhatCannotCompeteIsRefusedBeforeAnyWork) {
    expect_parts(compare({"--vector", "absent.gguf"}).err, {"absent.gguf"});
    EXPECT_EQ(compare({"--vector", "absent.gguf"}).code, 4);
    std::filesystem::copy_file(folder.path() / "mine.gguf", folder.path() / "icv.gguf");
    const auto taken = compare({"--vector", "icv.gguf"});
    EXPECT_EQ(taken.code, 3);
    expect_parts(taken.err, {"icv.gguf", "rename the file"});
    folder.write("noise.gguf", "GGUF");
    EXPECT_EQ(compare({"--vector", "noise.gguf"}).code, 3);
    const auto dose = run({"compare", "--protocol", "dose", "-m", "m.gguf", "-t",
                           "data/functional/twice.json", "--vector", "mine.gguf", "-o", "run"});
    EXPECT_EQ(dose.code, 3);
    expect_parts(dose.err, {"vectors", "dose"});
    EXPECT_FALSE(is_there("run"));
}

}  // namespace
}  // namespace tiller

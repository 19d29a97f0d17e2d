// The vectors that a study leaves: each does exactly what its setting did on the test items, and is the same
// file whenever it is written.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "core/util.h"
#include "study/winners.h"
#include "support/json_units.h"
#include "support/run_program.h"
#include "support/tiny_model.h"
#include "support/tiny_study.h"
#include "tiller/engine.h"

namespace tiller {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::slurp;

class StudyWinners : public test::StudyTest {
protected:
    void SetUp() override {
        StudyTest::SetUp();
        plan = test::tiny_plan(make_model(1), test::write_tasks(folder));
    }
    static fs::path make_model(std::uint64_t seed) {
        test::TinyOptions tiny;
        tiny.n_layer = 2;
        tiny.seed = seed;
        return test::make_tiny_model(tiny);
    }
    std::map<std::string, std::string> files(const std::string& run) const {
        std::map<std::string, std::string> bytes;
        if (fs::exists(folder.path() / run / "winners"))
            for (const auto& entry : fs::directory_iterator(folder.path() / run / "winners"))
                bytes[entry.path().filename().string()] = slurp(entry.path());
        return bytes;
    }
    // Records of a setting on the test items, by item.
    std::map<int, json> records(const TaskSummary& task, const std::string& setting) const {
        std::map<int, json> out;
        for (const auto& [unit, made] : test::json_units(folder.path() / "run"))
            for (const auto& r : made)
                if (r.value("phase", "") == "test" && r["setting"] == setting && r["task"] == task.name &&
                    r["seed"] == task.seed && r["model"] == task.model)
                    out[r["item"].get<int>()] = r;
        return out;
    }
    // The vector's file alone, on the items of the records: the same texts and log-probabilities.
    void expect_same_as_tested(const TaskSummary& summary, const WinnerSummary& winner) const {
        SCOPED_TRACE(summary.name + ", " + winner.method);
        const auto vector = load_vector(folder.path() / "run" / winner.file);
        EXPECT_FALSE(vector.extraction);
        EXPECT_EQ(vector.method, winner.method);
        const Task task = find_task(summary.name, plan.data_dir);
        const bool behavioural = task.family == Family::behavioural;
        const Split split = split_task(task, summary.seed);
        const auto model = Model::load(summary.model);
        Engine engine(model, host.engine);
        const auto tested = records(summary, winner.setting);
        ASSERT_EQ(tested.size(), 6u);
        for (const auto& [item, record] : tested) {
            const Prompt prompt = make_test_prompt(task, split.train, item, 0, summary.seed);
            Row row;
            row.prompt = model->tokenize_prompt(prompt.text);
            row.edits = edits_of(vector, vector.scale);
            row.max_new_tokens = behavioural ? plan.max_new_tokens_behavioural : plan.max_new_tokens;
            if (!behavioural) {
                row.stop = {"\n"};
                row.watch = {model->continuation(prompt.text, prompt.target).front()};
            }
            const auto result = engine.run({&row, 1}).front();
            EXPECT_EQ(valid_utf8(result.text), record["generated"].get<std::string>()) << item;
            if (!behavioural) {
                EXPECT_EQ(result.watch_logprob.front(), record["logprob"].get<float>()) << item;
            }
        }
    }
};

TEST_F(StudyWinners, EachDoesWhatWasTested) {
    plan.methods.clear();
    for (const Method* method : methods()) plan.methods.push_back(method->name());
    const Summary s = run();
    ASSERT_EQ(s.tasks.size(), 2u);
    EXPECT_EQ(files("run").size(), 2 * methods().size());
    for (const auto& task : s.tasks) {
        ASSERT_EQ(task.winners.size(), methods().size());
        double last = 2;
        for (const auto& winner : task.winners) {
            EXPECT_EQ(winner.setting, winner.method + "-chosen");
            EXPECT_EQ(winner.file, "winners/" + task.name + "-" + winner.method + ".gguf");
            expect_same_as_tested(task, winner);
            // Those that count come first, by falling score.
            for (const auto& setting : task.test)
                if (setting.id == winner.setting && winner.shown) {
                    EXPECT_LE(setting.metrics.at(task.primary).mean, last);
                    last = setting.metrics.at(task.primary).mean;
                }
        }
    }
}

TEST_F(StudyWinners, SettingsOfASearchWithABudgetToo) {
    plan.tasks = {"twice"};
    plan.methods = {"icv"};
    plan.functional.n_pairs = 24;
    bool with_pairs = false;
    for (const int n_setting : {6, 9, 12}) {
        plan.tuning = {1, "first_token", n_setting, 2, false};
        fs::remove_all(folder.path() / "run");
        const Summary s = run();
        expect_same_as_tested(s.tasks.at(0), s.tasks[0].winners.at(0));
        for (const auto& setting : s.tasks[0].test)
            with_pairs = with_pairs || (setting.kind == Kind::chosen && setting.setting.contains("pairs"));
    }
    EXPECT_TRUE(with_pairs) << "no budget chose a setting of fewer pairs: the test shows too little";
}

TEST_F(StudyWinners, SaysWhatItIs) {
    const Summary s = run();
    for (const auto& task : s.tasks)
        for (std::size_t place = 0; place < 2; ++place) {
            const auto& winner = task.winners.at(place);
            const auto vector = load_vector(folder.path() / "run" / winner.file);
            const auto& said = vector.provenance.settings;
            const SettingSummary* setting = nullptr;
            for (const auto& candidate : task.test)
                if (candidate.id == winner.setting) setting = &candidate;
            ASSERT_NE(setting, nullptr);
            const Interval& score = setting->metrics.at(task.primary);
            EXPECT_EQ(said.at("winner.metric"), task.primary);
            EXPECT_EQ(std::stod(said.at("winner.score")), score.mean);
            EXPECT_EQ(std::stod(said.at("winner.low")), score.low);
            EXPECT_EQ(std::stod(said.at("winner.high")), score.high);
            EXPECT_EQ(said.at("winner.n"), "6");
            EXPECT_EQ(said.at("winner.n_valid"), "3");
            EXPECT_EQ(said.at("winner.seeds"), "0");
            EXPECT_EQ(said.at("winner.place"), place == 0 ? "1 of 2" : "2 of 2");
            EXPECT_EQ(said.at("winner.counts"), winner.shown ? "true" : "false");
            EXPECT_EQ(said.contains("winner.collapsed"), task.behavioural());
            EXPECT_TRUE(said.contains("winner.zero_shot"));
            EXPECT_EQ(said.contains("winner.broken"), task.behavioural());
            EXPECT_FALSE(said.contains("winner.draw"));
            EXPECT_EQ(vector.provenance.task, task.name);
            EXPECT_EQ(vector.provenance.model_digest, s.models[0].digest);
        }
}

TEST_F(StudyWinners, RawExtractionsAreNoVectors) {
    run();
    int n = 0;
    for (const auto& entry : fs::directory_iterator(folder.path() / "run/vectors")) {
        const auto vector = load_vector(entry.path());
        EXPECT_TRUE(vector.extraction) << entry.path();
        test::error_of(Code::usage, [&] { edits_of(vector, 1); });
        ++n;
    }
    EXPECT_EQ(n, 4);
}

TEST_F(StudyWinners, TheSameBytesWheneverTheyAreWritten) {
    run();
    const auto before = files("run");
    ASSERT_EQ(before.size(), 4u);
    const std::string records = slurp(folder.path() / "run/records.jsonl");
    // Deleted, cut off, of other records, and a folder of a version that wrote none.
    fs::remove(folder.path() / "run/winners/twice-fv.gguf");
    fs::resize_file(folder.path() / "run/winners/twice-icv.gguf", 100);
    auto other = load_vector(folder.path() / "run/winners/cheer-fv.gguf");
    other.provenance.settings["winner.records"] = "000000000000";
    save_vector(other, folder.path() / "run/winners/cheer-fv.gguf");
    run();
    EXPECT_EQ(files("run"), before);
    fs::remove_all(folder.path() / "run/winners");
    run();
    EXPECT_EQ(files("run"), before);
    EXPECT_EQ(slurp(folder.path() / "run/records.jsonl"), records);
}

TEST_F(StudyWinners, AnInterruptedStudyLeavesTheSame) {
    const Summary whole = run("whole");
    std::atomic<bool> stop = false;
    host.cancel = &stop;
    int n_stop = 0;
    for (bool done = false; !done; ++n_stop) {
        ASSERT_LT(n_stop, 100);
        int n_step = 0;
        host.observer.step = [&](const std::string&, const std::string&, std::size_t, std::size_t) {
            stop = ++n_step >= 4 + 9 * n_stop;
        };
        stop = false;
        try {
            run();
            done = true;
        } catch (const Error& e) {
            ASSERT_EQ(e.code(), Code::interrupted) << e.what();
        }
    }
    EXPECT_GE(n_stop, 3);
    EXPECT_EQ(files("run"), files("whole"));
}

TEST_F(StudyWinners, OfTheFirstSeedAndNamedByModel) {
    plan.tasks = {"twice"};
    plan.methods = {"mean-diff"};
    plan.seeds = {5, 2};
    // Two models of one file name, as quantisations in folders of their own.
    fs::create_directories(folder.path() / "a");
    fs::create_directories(folder.path() / "b");
    fs::copy_file(make_model(1), folder.path() / "a/m.gguf");
    fs::copy_file(make_model(9), folder.path() / "b/m.gguf");
    plan.models = {(folder.path() / "a/m.gguf").string(), (folder.path() / "b/m.gguf").string()};
    const Summary s = run();
    const auto left = files("run");
    ASSERT_EQ(left.size(), 2u);
    EXPECT_TRUE(left.contains("m-1-twice-mean-diff.gguf"));
    EXPECT_TRUE(left.contains("m-2-twice-mean-diff.gguf"));
    ASSERT_EQ(s.tasks.size(), 4u);
    for (const auto& task : s.tasks) {
        ASSERT_EQ(task.winners.size(), task.seed == 5 ? 1u : 0u);
        if (task.seed != 5) continue;
        expect_same_as_tested(task, task.winners[0]);
        const auto vector = load_vector(folder.path() / "run" / task.winners[0].file);
        EXPECT_EQ(vector.provenance.seed, 5u);
        EXPECT_EQ(vector.provenance.settings.at("winner.seeds"), "5, the first of 5, 2");
    }
    EXPECT_EQ(study::winner_file(plan, plan.models[1], "t", "fv"), "winners/m-2-t-fv.gguf");
    plan.models[1] = "x/other.gguf";
    EXPECT_EQ(study::winner_file(plan, plan.models[1], "t", "fv"), "winners/other-t-fv.gguf");
    plan.models.resize(1);
    EXPECT_EQ(study::winner_file(plan, plan.models[0], "t", "fv"), "winners/t-fv.gguf");
}

TEST_F(StudyWinners, WhatDoesNotChooseLeavesNone) {
    plan.methods = {};
    const Summary s = run();
    EXPECT_FALSE(fs::exists(folder.path() / "run/winners"));
    EXPECT_TRUE(s.tasks[0].winners.empty());
    TaskSummary task;
    SettingSummary chosen;
    chosen.kind = Kind::chosen;
    chosen.method = "fv";
    task.test = {chosen};
    EXPECT_EQ(study::winners_of(plan, task).size(), 1u);
    for (const char* protocol : {"paper", "dose", "crossed", "transfer"}) {
        plan.protocol = protocol;
        EXPECT_TRUE(study::winners_of(plan, task).empty()) << protocol;
    }
}

// What a study would choose, without a study.
TEST_F(StudyWinners, ATunedVectorIsTheWinner) {
    for (const char* name : {"twice", "cheer"})
        for (const char* method : {"fv", "icv", "task-vector", "conceptor"}) {
            SCOPED_TRACE(std::string(name) + ", " + method);
            plan.tasks = {name};
            plan.methods = {method};
            fs::remove_all(folder.path() / "run");
            const Summary s = run();
            const auto winner = load_vector(folder.path() / "run" / s.tasks.at(0).winners.at(0).file);
            const TunedVector tuned = tune_vector(plan, folder.path() / "tuned", host);
            fs::remove_all(folder.path() / "tuned");
            EXPECT_EQ(tuned.vector.directions, winner.directions);
            EXPECT_EQ(tuned.vector.scale, winner.scale);
            EXPECT_EQ(tuned.vector.positions, winner.positions);
            EXPECT_EQ(tuned.vector.operation, winner.operation);
            EXPECT_FALSE(tuned.vector.extraction);
            EXPECT_EQ(tuned.n_valid, 3);
            EXPECT_EQ(tuned.n_setting, static_cast<int>(s.tasks[0].grid.size()));
            for (const auto& point : s.tasks[0].grid)
                if (point.setting == tuned.setting) {
                    EXPECT_EQ(tuned.score.mean, point.metrics.at(tuned.primary).mean);
                }
            EXPECT_EQ(tuned.vector.provenance.settings.at("tuned.metric"), tuned.primary);
            EXPECT_EQ(tuned.collapsed >= 0, std::string(name) == "cheer");
        }
}

}  // namespace
}  // namespace tiller

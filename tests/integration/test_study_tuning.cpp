// Equal budgets, oracle scores, baselines with an instruction, several seeds: whole studies on a tiny model.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "support/run_program.h"
#include "support/tiny_model.h"
#include "support/tiny_study.h"

namespace tiller {
namespace {

namespace fs = std::filesystem;

class StudyTuning : public test::StudyTest {
protected:
    void SetUp() override {
        StudyTest::SetUp();
        test::TinyOptions tiny;
        tiny.n_layer = 4;
        plan = test::tiny_plan(test::make_tiny_model(tiny), test::write_tasks(folder));
        plan.controls = false;
        host.check = false;
    }
};

const AnalysisSummary* find(const std::vector<AnalysisSummary>& list, const std::string& id) {
    for (const auto& analysis : list)
        if (analysis.id == id) return &analysis;
    return nullptr;
}

TEST_F(StudyTuning, EveryMethodTriesAsManySettingsAndTheOracleIsNeverBelowTheChosen) {
    plan.tuning = {9, 5, true};
    plan.functional.n_pairs = plan.behavioural.n_pairs = 20;
    const Summary summary = run("run");
    ASSERT_EQ(summary.tasks.size(), 2U);
    for (const auto& task : summary.tasks) {
        std::map<std::string, int> tried;
        bool varied = false;
        for (const auto& point : task.grid) {
            ++tried[point.method];
            varied = varied || point.setting.count("pairs") != 0 || point.setting.count("layer_begin") != 0;
        }
        const int budget = task.family == "behavioural" ? 5 : 9;
        EXPECT_EQ(tried, (std::map<std::string, int>{{"fv", budget}, {"icv", budget}})) << task.name;
        EXPECT_TRUE(varied) << task.name << ": strength alone was varied";
        const auto* selection = find(task.analyses, "selection");
        ASSERT_NE(selection, nullptr);
        ASSERT_EQ(selection->rows.size(), 2U);
        for (const auto& row : selection->rows) {
            ASSERT_EQ(row.values.size(), selection->columns.size());
            const double by_default = row.values[1].mean, chosen = row.values[2].mean,
                         oracle = row.values[3].mean;
            EXPECT_GE(oracle, task.family == "behavioural" ? -1.0 : std::max(by_default, chosen));
            EXPECT_NEAR(row.values[4].mean, chosen - by_default, 1e-12);
            EXPECT_NEAR(row.values[5].mean, oracle - chosen, 1e-12);
        }
    }
    EXPECT_EQ(to_json(run("run")), to_json(summary)) << "the second start changed something";
}

// Texts of several methods are generated together: the ledger gives each its part.
TEST_F(StudyTuning, MethodsThatShareAUnitShareItsCost) {
    plan.tuning = {9, 5, false};
    plan.functional.n_pairs = plan.behavioural.n_pairs = 20;
    const Summary summary = run("run");
    std::map<std::string, std::map<std::string, std::uint64_t>> tokens;  // task -> method
    for (const Cost& cost : read_costs(folder.path() / "run"))
        if (cost.phase == "tune") tokens[cost.task][cost.method] += cost.n_token;
    for (const auto& task : summary.tasks) {
        const auto& by_method = tokens[task.name];
        ASSERT_EQ(by_method.size(), 2U) << task.name;
        EXPECT_GT(by_method.at("fv"), 0U);
        EXPECT_GT(by_method.at("icv"), 0U);
    }
}

TEST_F(StudyTuning, WithoutABudgetTheMethodsOwnGridsAreTried) {
    const Summary summary = run("run");
    for (const auto& task : summary.tasks) EXPECT_EQ(find(task.analyses, "selection"), nullptr);
}

TEST_F(StudyTuning, InstructionsBesideTheDataBecomeBaselines) {
    folder.write("data/instructions.json",
                 R"({"twice": {"instruction": "Write the word two times.", "cue": "Double"}})");
    const Summary summary = run("run");
    std::vector<std::string> ids;
    for (const auto& s : summary.tasks[0].test)
        if (s.kind == "baseline") ids.push_back(s.id);
    EXPECT_EQ(ids, (std::vector<std::string>{"zero-shot", "cue", "instruction", "2-shot"}));
    for (const auto& s : summary.tasks[1].test) EXPECT_NE(s.id, "cue") << "cheer has no instruction";
    plan.instructions = false;
    for (const auto& s : run("without").tasks[0].test) EXPECT_NE(s.id, "instruction");
}

TEST_F(StudyTuning, SeveralSeedsAreAlsoSummedUpTogether) {
    plan.seeds = {1, 2, 3};
    plan.tasks = {"twice"};
    const Summary summary = run("run");
    ASSERT_EQ(summary.tasks.size(), 3U);
    const auto* seeds = find(summary.analyses, "seeds");
    ASSERT_NE(seeds, nullptr);
    double mean = 0;
    for (const auto& task : summary.tasks)
        for (const auto& s : task.test)
            if (s.id == "fv-chosen") mean += s.metrics.at("first_token").mean / 3;
    const auto row = std::find_if(seeds->rows.begin(), seeds->rows.end(),
                                  [](const AnalysisRow& r) { return r.label == "twice: FV"; });
    ASSERT_NE(row, seeds->rows.end());
    EXPECT_EQ(row->values[0].mean, 3);
    EXPECT_NEAR(row->values[1].mean, mean, 1e-12);
    const auto* pairs = find(summary.analyses, "seed-pairs");
    ASSERT_NE(pairs, nullptr);
    ASSERT_EQ(pairs->rows.size(), 1U);
    EXPECT_EQ(pairs->rows[0].label, "twice: FV - ICV");
    plan.seeds = {1};
    EXPECT_EQ(find(run("one").analyses, "seeds"), nullptr);
}

}  // namespace
}  // namespace tiller

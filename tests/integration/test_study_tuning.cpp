// Equal budgets, oracle scores, baselines with an instruction, several seeds: whole studies on a tiny model.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

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
    plan.tuning = {1, "first_token", 9, 5, true};
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
        const int budget = task.behavioural() ? 5 : 9;
        EXPECT_EQ(tried, (std::map<std::string, int>{{"fv", budget}, {"icv", budget}})) << task.name;
        EXPECT_TRUE(varied) << task.name << ": strength alone was varied";
        const auto* selection = find(task.analyses, "selection");
        ASSERT_NE(selection, nullptr);
        ASSERT_EQ(selection->rows.size(), 2U);
        for (const auto& row : selection->rows) {
            ASSERT_EQ(row.values.size(), selection->columns.size());
            const double by_default = row.values[1].mean, chosen = row.values[2].mean,
                         oracle = row.values[3].mean;
            EXPECT_GE(oracle, task.behavioural() ? -1.0 : std::max(by_default, chosen));
            EXPECT_NEAR(row.values[4].mean, chosen - by_default, 1e-12);
            EXPECT_NEAR(row.values[5].mean, oracle - chosen, 1e-12);
        }
    }
    EXPECT_EQ(to_json(run("run")), to_json(summary)) << "the second start changed something";
}

// Texts of several methods are generated together: the ledger gives each its part.
TEST_F(StudyTuning, MethodsThatShareAUnitShareItsCost) {
    plan.tuning = {1, "first_token", 9, 5, false};
    plan.functional.n_pairs = plan.behavioural.n_pairs = 20;
    const Summary summary = run("run");
    std::map<std::string, std::map<std::string, std::uint64_t>> tokens;  // task -> method
    for (const Cost& cost : read_costs(folder.path() / "run"))
        if (cost.phase == "tune") tokens[cost.task][cost.method] += cost.n_token;
    for (const auto& task : summary.tasks) {
        const auto& by_method = tokens[task.name];
        // Texts without a vector say which perplexity is none of a text any more.
        ASSERT_EQ(by_method.size(), task.behavioural() ? 3U : 2U) << task.name;
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
        if (s.kind == Kind::baseline) ids.push_back(s.id);
    EXPECT_EQ(ids, (std::vector<std::string>{"zero-shot", "cue", "instruction", "2-shot"}));
    for (const auto& s : summary.tasks[1].test) EXPECT_NE(s.id, "cue") << "cheer has no instruction";
    plan.instructions = false;
    for (const auto& s : run("without").tasks[0].test) EXPECT_NE(s.id, "instruction");
}

const AnalysisRow* answer_of(const Summary& summary, const std::string& task) {
    const auto* answers = find(summary.analyses, "answers");
    if (!answers) return nullptr;
    for (const auto& row : answers->rows)
        if (row.label.rfind(task + ": ", 0) == 0) return &row;
    return nullptr;
}

void expect_same(const Interval& a, const Interval& b) {
    EXPECT_EQ(a.mean, b.mean);
    EXPECT_EQ(a.low, b.low);
    EXPECT_EQ(a.high, b.high);
}

// The numbers are those of the tables that they come from.
TEST_F(StudyTuning, AnswersNameTheBestMethodOfEachTask) {
    plan.controls = true;
    plan.methods = {"fv", "icv", "mean-diff"};
    plan.collapse_limit = 1;
    const Summary summary = run();
    for (const auto& task : summary.tasks) {
        const auto* row = answer_of(summary, task.name);
        ASSERT_NE(row, nullptr) << task.name;
        ASSERT_EQ(row->values.size(), 8U);
        const SettingSummary* best = nullptr;
        for (const auto& s : task.test)
            if (s.kind == Kind::chosen &&
                (!best || s.metrics.at(task.primary).mean > best->metrics.at(task.primary).mean))
                best = &s;
        ASSERT_NE(best, nullptr);
        expect_same(row->values[0], best->metrics.at(task.primary));
        expect_same(row->values[1], best->difference.at("zero-shot"));
        expect_same(row->values[2], best->difference.at("random"));
        EXPECT_GE(row->values[3].mean, 0) << "over the next";
        EXPECT_EQ(std::isfinite(row->values[4].mean), task.behavioural());
        EXPECT_EQ(std::isfinite(row->values[5].mean), task.behavioural());
        EXPECT_GT(row->values[6].mean, 0) << "tokens read";
        const bool shown = row->values[1].low > 0 && row->values[2].low > 0;
        EXPECT_EQ(row->label.find("none shown") == std::string::npos, shown) << row->label;
        const auto setting = best->label.substr(best->label.find('(') + 1);
        EXPECT_EQ(row->remark.substr(row->remark.size() - setting.size() + 1),
                  setting.substr(0, setting.size() - 1));
    }
}

TEST_F(StudyTuning, AnswersLeaveOutWhatCollapses) {
    plan.tasks = {"cheer"};
    plan.collapse_limit = 0;
    const Summary summary = run();
    int n_chosen = 0;
    std::set<std::string> labels;  // of methods that may be named
    for (const auto& s : summary.tasks[0].test)
        if (s.kind == Kind::chosen) {
            ++n_chosen;
            if (s.metrics.at("collapsed").mean == 0)
                for (const char* form : {"cheer: {}", "cheer: none shown ({})"})
                    labels.insert(fmt::format(fmt::runtime(form), s.label.substr(0, s.label.find(','))));
        }
    ASSERT_LT(labels.size(), 2 * static_cast<std::size_t>(n_chosen))
        << "the tiny model's texts collapse here";
    if (labels.empty()) labels.insert("cheer: none");
    const auto* row = answer_of(summary, "cheer");
    ASSERT_NE(row, nullptr);
    EXPECT_EQ(labels.count(row->label), 1U) << row->label;
}

TEST_F(StudyTuning, AnswersOverSeedsAreMeans) {
    plan.seeds = {1, 2};
    plan.tasks = {"twice"};
    plan.methods = {"icv"};
    const Summary summary = run();
    const auto* answers = find(summary.analyses, "answers");
    ASSERT_NE(answers, nullptr);
    ASSERT_EQ(answers->rows.size(), 1U);
    EXPECT_EQ(answers->rows[0].label, "twice: none shown (ICV)") << "the tiny model knows no task";
    double mean = 0;
    for (const auto& task : summary.tasks)
        for (const auto& s : task.test)
            if (s.id == "icv-chosen") mean += s.metrics.at("first_token").mean / 2;
    EXPECT_NEAR(answers->rows[0].values[0].mean, mean, 1e-12);
    EXPECT_TRUE(std::isnan(answers->rows[0].values[3].mean)) << "there is no other method";
    plan.methods.clear();
    EXPECT_EQ(find(run("baselines").analyses, "answers"), nullptr);
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

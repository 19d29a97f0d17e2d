// The tables beside the scores, from a whole study on a tiny model: what is counted is what was run, and it
// is the same when the study was stopped on the way.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "protocols/tuned/evidence.h"
#include "support/json_units.h"
#include "support/run_program.h"
#include "support/table_cells.h"
#include "support/tiny_model.h"
#include "support/tiny_study.h"
#include "tiller/report.h"

namespace tiller {
namespace {

namespace fs = std::filesystem;
using test::expect_parts;

class StudyEvidence : public test::StudyTest {
protected:
    void SetUp() override {
        StudyTest::SetUp();
        test::TinyOptions tiny;
        tiny.n_layer = 2;
        plan = test::tiny_plan(test::make_tiny_model(tiny), test::write_tasks(folder));
        plan.methods = {"fv", "icv", "mean-diff", "task-vector"};
    }
};

// A number by the ids of its row and column.
double cell(const AnalysisSummary* table, const std::string& row, const std::string& column) {
    if (!table) throw std::runtime_error("no table");
    return test::cell(*table, row, column).mean;
}

TEST_F(StudyEvidence, CountsWhatIsRead) {
    const Summary s = run();
    const auto model = Model::load(plan.models[0]);
    const auto tokens = [&](const std::string& text) {
        return static_cast<double>(model->tokenize(text).size());
    };
    ASSERT_EQ(s.tasks.size(), 2u);
    for (const auto& t : s.tasks) {
        const bool behavioural = t.behavioural();
        const ExtractionPlan& e = behavioural ? plan.behavioural : plan.functional;
        const Task task = find_task(t.name, plan.data_dir);
        const Split split = split_task(task, 0);
        const auto* cost = t.analysis("cost");
        const FvTrials trials = make_trials(task, split.train, e.n_mean, e.n_patch, e.n_shot, 0);
        double n_fv = 0, n_mean = 0;
        for (const auto& prompt : trials.mean) n_fv += tokens(prompt);
        for (const auto& trial : trials.patch) n_fv += tokens(trial.prompt) + 8;  // heads
        for (const auto& prompt : make_prompts(task, split.train, e.n_mean, e.n_shot, 0, false))
            n_mean += tokens(prompt.text);
        EXPECT_EQ(cell(cost, "fv", "texts"), e.n_mean + e.n_patch);
        EXPECT_EQ(cell(cost, "fv", "tokens"), n_fv);
        EXPECT_EQ(cell(cost, "task-vector", "texts"), e.n_mean);
        EXPECT_EQ(cell(cost, "task-vector", "tokens"), n_mean);
        EXPECT_EQ(cell(cost, "icv", "texts"), 2 * e.n_pairs);
        EXPECT_EQ(cell(cost, "icv", "tokens"), cell(cost, "mean-diff", "tokens"));
        // One layer, or every layer.
        const double width = 4.0 * s.models[0].n_embd;
        EXPECT_EQ(cell(cost, "fv", "bytes"), width);
        EXPECT_EQ(cell(cost, "mean-diff", "bytes"), width);
        EXPECT_EQ(cell(cost, "icv", "bytes"), 2 * width);
        EXPECT_EQ(cell(cost, "icv", "settings"), 8);
        EXPECT_EQ(cell(cost, "icv", "extra"), 0);
        // Few-shot prompts against zero-shot prompts of the items that were tested.
        const int n_shot = behavioural ? plan.n_shot_behavioural : plan.n_shot;
        double extra = 0;
        for (int i = 0; i < 6; ++i) {
            const int item = split.test[static_cast<std::size_t>(i)];
            extra += (tokens(make_test_prompt(task, split.train, item, n_shot, 0).text) -
                      tokens(make_test_prompt(task, split.train, item, 0, 0).text)) /
                     6;
        }
        const std::string few_shot = std::to_string(n_shot) + "-shot";
        EXPECT_NEAR(cell(cost, few_shot, "extra"), extra, 1e-9);
        EXPECT_EQ(cell(cost, "fv", "queries"), std::floor(n_fv / extra) + 1);
    }
}

TEST_F(StudyEvidence, EveryTableIsThereAndInTheReports) {
    const Summary s = run();
    const TaskSummary &twice = s.tasks[0], &cheer = s.tasks[1];
    const auto* scorers = twice.analysis("scorers");
    for (const auto& setting : twice.test) {
        const std::string column = setting.id == "fv-chosen" ? "fv" : setting.id == "icv-chosen" ? "icv" : "";
        if (column.empty()) continue;
        EXPECT_EQ(cell(scorers, "first_token", column), setting.metrics.at("first_token").mean);
        EXPECT_EQ(cell(scorers, "f1", column), setting.metrics.at("f1").mean);
    }
    EXPECT_EQ(cell(cheer.analysis("scorers"), "style", "zero-shot"), cheer.test[0].metrics.at("style").mean);
    const auto* predictors = twice.analysis("predictors");
    for (const char* row : {"agreement", "separability_best"}) {
        EXPECT_TRUE(std::isfinite(cell(predictors, row, "icv"))) << row;
        EXPECT_TRUE(std::isfinite(cell(predictors, row, "mean-diff"))) << row;
        EXPECT_TRUE(std::isnan(cell(predictors, row, "fv"))) << row;
    }
    EXPECT_LE(cell(predictors, "agreement", "icv"), cell(predictors, "agreement_best", "icv"));
    const double top = cell(predictors, "aie_top", "fv");
    EXPECT_EQ(top, 1);  // the model has eight heads
    for (const char* method : {"fv", "icv", "mean-diff", "task-vector"}) {
        const double rank = cell(predictors, "lens_rank", method);
        EXPECT_GE(rank, 1) << method;
        EXPECT_TRUE(std::isfinite(cell(predictors, "lens_gain", method))) << method;
    }
    // Texts have no first token that is right.
    EXPECT_THROW(cell(cheer.analysis("predictors"), "lens_rank", "icv"), std::runtime_error);
    // Two tasks are too few for a correlation.
    EXPECT_EQ(s.analysis("predictor_correlation"), nullptr);
    EXPECT_NE(s.analysis("scorer_flips"), nullptr);
    EXPECT_NE(s.analysis("cost"), nullptr);
    expect_parts(report_html(s, {}), {"The same outputs under every score", "Known before the test",
                                      "What the methods cost", "cheaper from query"});
    expect_parts(report_markdown(s, {}), {"The same outputs under every score:", "Known before the test:"});
    expect_parts(report_csv(s), {",scorers,First token,,analysis,,FV,", ",cost,FV,,analysis,,tokens read,"});
    EXPECT_EQ(to_json(summary_from_json(to_json(s))), to_json(s));
}

TEST_F(StudyEvidence, FourTasksHaveACorrelation) {
    // The same words under other names: other splits.
    const std::string text = test::slurp(fs::path(plan.data_dir) / "functional/twice.json");
    plan.tasks = {"twice"};
    for (const char* name : {"again", "anew", "afresh"}) {
        folder.write(std::string("data/functional/") + name + ".json", text);
        plan.tasks.push_back(name);
    }
    plan.methods = {"mean-diff"};
    const Summary s = run();
    const auto* found = s.analysis("predictor_correlation");
    ASSERT_NE(found, nullptr);
    const auto agreement = std::find_if(found->rows.begin(), found->rows.end(), [](const AnalysisRow& row) {
        return row.label == "mean-diff: Agreement of pairs, mean of layers";
    });
    ASSERT_TRUE(agreement != found->rows.end());
    EXPECT_TRUE(agreement->id.ends_with(" mean-diff agreement")) << agreement->id;
    EXPECT_EQ(found->at(*agreement, "tasks").mean, 4);
    for (const auto& row : found->rows)
        EXPECT_TRUE(std::isfinite(row.values[0].mean) || !row.remark.empty()) << row.label;
}

TEST_F(StudyEvidence, StoppedAnywhereTheTablesAreTheSame) {
    plan.tasks = {"twice"};
    test::expect_resumes(
        host, folder.path(), [&](const std::string& name) { return run(name); }, 5);
    // The vectors are read once; what was read stands in the journal.
    int n_reading = 0;
    for (const auto& [unit, records] : test::json_units(folder.path() / "run"))
        n_reading += unit.find("/predict/") != std::string::npos;
    EXPECT_EQ(n_reading, 4);
}

}  // namespace
}  // namespace tiller

// The protocol "transfer" on tiny models: its tables, interruption, what a form changes, and vectors of
// another quantisation.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/json_units.h"
#include "support/run_program.h"
#include "support/table_cells.h"
#include "support/tiny_model.h"
#include "support/tiny_study.h"
#include "tiller/report.h"

namespace tiller {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::cell;
using test::error_of;
using test::expect_parts;
using test::slurp;

class TransferStudy : public test::StudyTest {
protected:
    void SetUp() override {
        StudyTest::SetUp();
        const Plan small = test::tiny_plan(test::make_tiny_model(tiny), test::write_tasks(folder));
        plan = default_plan("transfer");
        plan.models = small.models;
        plan.tasks = {"twice"};
        plan.data_dir = small.data_dir;
        plan.n_test = 6, plan.n_valid = 3;
        plan.functional = small.functional;
        plan.n_bootstrap = 100;
        plan.transfer.shots = {1, 2};
    }
    // Log-probabilities of the test records by "setting/item".
    std::map<std::string, double> logprobs(const std::string& name = "run") const {
        std::map<std::string, double> out;
        for (const auto& [unit, list] : test::json_units(folder.path() / name))
            for (const auto& r : list)
                if (r.value("phase", "") == "test")
                    out[r.at("setting").get<std::string>() + "/" + std::to_string(r.at("item").get<int>())] =
                        r.at("logprob").get<double>();
        return out;
    }
    // Mean over the items of a setting.
    double mean(const std::string& setting, const std::string& name = "run") const {
        double sum = 0;
        int n = 0;
        for (const auto& [key, value] : logprobs(name))
            if (key.substr(0, key.rfind('/')) == setting) sum += value, ++n;
        EXPECT_GT(n, 0) << setting;
        return sum / n;
    }

    // Interrupted after ever more steps, a run ends as if it had not been.
    void expect_resumes(int stride) {
        test::expect_resumes(
            host, folder.path(), [&](const std::string& name) { return run(name); }, 3, stride);
    }

    test::TinyOptions tiny;
};

const AnalysisSummary& table(const std::vector<AnalysisSummary>& analyses, const std::string& id) {
    for (const auto& analysis : analyses)
        if (analysis.id == id) return analysis;
    throw std::runtime_error("no table " + id);
}

std::vector<std::string> labels(const AnalysisSummary& t) {
    std::vector<std::string> out;
    for (const auto& column : t.columns) out.push_back(column.label);
    return out;
}

TEST_F(TransferStudy, HasEveryFormAndTable) {
    const Summary s = run();
    ASSERT_EQ(s.tasks.size(), 1u);
    const TaskSummary& t = s.tasks[0];
    const auto &gains = table(t.analyses, "transfer"), &hits = table(t.analyses, "transfer-accuracy"),
               &kept = table(t.analyses, "transfer-kept"), &together = table(t.analyses, "composition"),
               &shots = table(t.analyses, "shots");
    EXPECT_EQ(labels(gains), (std::vector<std::string>{"in qa", "in arrow", "in input-output", "in german",
                                                       "in choice", "in choice-word", "in natural"}));
    EXPECT_EQ(gains.rows.size(), 3u * 5 + 3);  // methods, forms; controls
    EXPECT_EQ(hits.rows.size(), 1 + gains.rows.size());
    EXPECT_EQ(kept.rows.size(), 3u * 5);
    EXPECT_EQ(together.rows.size(), 3u + 3 + 3);  // methods, pairs, negated
    EXPECT_EQ(shots.rows.size(), 3u * 3);
    for (const auto& analysis : t.analyses)
        for (const auto& row : analysis.rows) EXPECT_EQ(row.values.size(), analysis.columns.size());
    EXPECT_EQ(t.test.size(), 1u + 3 + 3);
    EXPECT_EQ(t.primary, "first_token");
    // The tables are of the records.
    for (const auto& [row, column, steered, clean] :
         {std::tuple("icv arrow", "german", "icv arrow>german", "unsteered german"),
          std::tuple("fv choice", "choice-word", "fv choice>choice-word", "unsteered choice-word"),
          std::tuple("fv-random qa", "natural", "fv-random qa>natural", "unsteered natural")})
        EXPECT_NEAR(cell(gains, row, column).mean, mean(steered) - mean(clean), 1e-9) << row;
    EXPECT_NEAR(cell(together, "fv + icv", "interaction").mean,
                mean("fv + icv") - mean("fv qa>qa") - mean("icv qa>qa") + mean("unsteered qa"), 1e-9);
    EXPECT_NEAR(cell(shots, "icv, 2-shot", "interaction").mean,
                mean("icv, 2-shot") - mean("unsteered, 2-shot") - mean("icv qa>qa") + mean("unsteered qa"),
                1e-9);
    EXPECT_TRUE(std::isnan(cell(shots, "icv, 0-shot", "interaction").mean));
    const auto& all = table(s.analyses, "transfer-summary");
    EXPECT_EQ(labels(all),
              (std::vector<std::string>{"own form", "other forms", "kept", "into choice", "out of choice",
                                        "within choice", "into choice-word", "into natural"}));
    double own = 0, other = 0;
    for (const std::string from : {"qa", "arrow", "input-output", "german"})
        for (const std::string to : {"qa", "arrow", "input-output", "german"})
            (from == to ? own : other) += cell(gains, "task-vector " + from, to).mean;
    EXPECT_NEAR(cell(all, "task-vector", "own").mean, own / 4, 1e-9);
    EXPECT_NEAR(cell(all, "task-vector", "other").mean, other / 12, 1e-9);
    EXPECT_EQ(s.findings.size(), 3u);
    expect_parts(t.verdict, {"fv", "icv", "task-vector"});
    EXPECT_EQ(to_json(summary_from_json(to_json(s))), to_json(s));
    expect_parts(report_html(s, {}), {"Gain by form", "Vectors beside demonstrations", "fv from german"});
    expect_parts(report_csv(s), {"transfer-kept", "composition"});
}

TEST_F(TransferStudy, StoppedAnywhereItGoesOn) {
    plan.transfer.forms = {"qa", "arrow"};
    plan.transfer.places = {"natural"};
    plan.methods = {"fv", "icv"};
    expect_resumes(1);
}

// Vectors taken in another form are others, and say where they were taken; the papers' form is that of plain
// extraction.
TEST_F(TransferStudy, FormsGiveOtherVectors) {
    plan.transfer.forms = {"qa", "arrow", "choice"};
    plan.transfer.places = {};
    plan.transfer.shots = {1};
    run();
    std::map<std::string, SteeringVector> vectors;
    for (const auto& entry : fs::directory_iterator(folder.path() / "run/vectors"))
        if (entry.path().filename().string().find(".chosen") == std::string::npos) {
            auto v = load_vector(entry.path());
            vectors.emplace(v.method + " " + v.provenance.settings.at("form"), v);
        }
    ASSERT_EQ(vectors.size(), 9u);
    for (const std::string method : {"fv", "icv", "task-vector"}) {
        const auto& qa = vectors.at(method + " qa");
        for (const std::string form : {"arrow", "choice"}) {
            const auto& other = vectors.at(method + " " + form);
            EXPECT_NE(other.provenance.prompts_digest, qa.provenance.prompts_digest) << method << form;
            EXPECT_NE(other.directions, qa.directions) << method << form;
        }
        Plan tuned = test::tiny_plan(plan.models[0], plan.data_dir);
        tuned.tasks = {"twice"};
        tuned.methods = {method};
        run_study(tuned, folder.path() / method, host);
        for (const auto& entry : fs::directory_iterator(folder.path() / method / "vectors"))
            EXPECT_EQ(load_vector(entry.path()).directions, qa.directions) << method;
    }
}

TEST_F(TransferStudy, RefusesTasksOfStyleFirst) {
    plan.tasks = {"twice", "cheer"};
    expect_parts(error_of(Code::bad_input, [&] { run(); }), {"cheer", "behavioural", "transfer"});
    EXPECT_FALSE(fs::exists(folder.path() / "run"));
}

class TransferModels : public TransferStudy {
protected:
    void SetUp() override {
        tiny.n_embd = 64;  // a width that quantised blocks fit in
        tiny.n_layer = 2;
        TransferStudy::SetUp();
        const fs::path model = plan.models[0];
        plan.models = {model.string(), test::quantise_tiny_model(model, "Q8_0").string()};
        plan.methods = {"icv", "task-vector"};
        plan.transfer.forms = {"qa"};
        plan.transfer.places = {};
        plan.transfer.shots = {1};
    }
    // What the tables call a model.
    std::string title(std::size_t m) const { return fs::path(plan.models[m]).stem().string(); }
};

TEST_F(TransferModels, VectorsOfOneAreAppliedToTheOther) {
    const Summary s = run();
    const auto& gains = table(s.analyses, "quantisation");
    ASSERT_EQ(gains.rows.size(), 4u);
    ASSERT_EQ(gains.columns.size(), 2u);
    // A vector of the float model does to the quantised one nearly what its own does, and not the same.
    for (const std::string method : {"icv", "task-vector"}) {
        const double own = cell(gains, method + " " + title(0), title(0)).mean,
                     crossed = cell(gains, method + " " + title(0), title(1)).mean;
        EXPECT_NEAR(own, crossed, 0.2 * std::abs(own) + 0.1) << method;
        EXPECT_NE(own, crossed) << method;
    }
    for (const auto& row : table(s.analyses, "quantisation-accuracy").rows)
        for (const auto& value : row.values) EXPECT_TRUE(value.mean >= 0 && value.mean <= 1);
    EXPECT_EQ(table(s.analyses, "quantisation-kept").rows.size(), 4u);
    // One task on two models is one task.
    std::string findings;
    for (const auto& finding : s.findings) findings += finding + "\n";
    expect_parts(findings, {"over 1 task."});
    // Nothing is left to do, and nothing is done again.
    const std::string records = slurp(folder.path() / "run/records.jsonl"),
                      costs = slurp(folder.path() / "run/cost.jsonl");
    EXPECT_EQ(to_json(run()), to_json(s));
    EXPECT_EQ(slurp(folder.path() / "run/records.jsonl"), records);
    EXPECT_EQ(slurp(folder.path() / "run/cost.jsonl"), costs);
}

TEST_F(TransferModels, StoppedAnywhereItGoesOn) { expect_resumes(1); }

// The model itself under another name: its vectors do exactly what its own do.
TEST_F(TransferModels, TheSameModelTwiceGivesTheSameNumbers) {
    const fs::path copy = folder.path() / "copy.gguf";
    fs::copy_file(plan.models[0], copy);
    plan.models[1] = copy.string();
    const Summary s = run();
    const auto& gains = table(s.analyses, "quantisation");
    for (const std::string method : {"icv", "task-vector"})
        for (std::size_t a = 0; a < 2; ++a)
            for (std::size_t b = 0; b < 2; ++b)
                EXPECT_EQ(cell(gains, method + " " + title(a), title(b)).mean,
                          cell(gains, method + " " + title(0), title(0)).mean)
                    << method << a << b;
}

TEST_F(TransferModels, OtherShapesAreLeftOut) {
    tiny.n_layer = 3;
    plan.models[1] = test::make_tiny_model(tiny).string();
    const Summary s = run();
    EXPECT_EQ(s.tasks.size(), 2u);
    for (const auto& analysis : s.analyses) EXPECT_NE(analysis.id, "quantisation");
}

}  // namespace
}  // namespace tiller

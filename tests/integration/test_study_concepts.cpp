// A study with concept heads beside function vectors: other tasks' prompts, the table of heads, and what
// tasks share.
#include <gtest/gtest.h>

#include <map>

#include "support/tiny_model.h"
#include "support/tiny_study.h"
#include "tiller/vector.h"

namespace tiller {
namespace {

namespace fs = std::filesystem;
using test::slurp;

class StudyConcepts : public test::StudyTest {
protected:
    void SetUp() override {
        StudyTest::SetUp();
        test::TinyOptions tiny;
        tiny.n_layer = 2;
        plan = test::tiny_plan(test::make_tiny_model(tiny), test::write_tasks(folder));
        for (const char* name : {"first", "second", "third", "fourth"}) {
            std::string items;
            for (const std::string w : test::kWords)
                items += fmt::format(R"({}{{"input": "{}", "output": "{} {}"}})", items.empty() ? "[" : ",\n",
                                     w, name, w);
            folder.write(fmt::format("data/functional/{}.json", name), items + "]\n");
        }
        plan.tasks = {"twice", "first", "second", "third", "fourth"};
        plan.methods = {"fv", "concept-heads"};
    }
    SteeringVector vector(const Summary& s, const std::string& what) const {
        return load_vector(folder.path() / "run" / s.provenance.vector_files.at(what));
    }
};

const AnalysisSummary* heads_of(const TaskSummary& task) {
    for (const auto& analysis : task.analyses)
        if (analysis.id == "heads") return &analysis;
    return nullptr;
}

TEST_F(StudyConcepts, StandsBesideFunctionVectors) {
    const Summary s = run();
    ASSERT_EQ(s.tasks.size(), 5u);
    const auto v = vector(s, "first/concept-heads"), f = vector(s, "first/fv");
    EXPECT_EQ(v.provenance.settings.at("concepts"), "first, twice, second, third, fourth");
    EXPECT_EQ(v.provenance.settings.at("forms"), "qa, arrow, german, choice");
    EXPECT_EQ(v.mean_head_output, f.mean_head_output);
    for (const auto& task : s.tasks) {
        // The head map is the causal search's, whatever method came last.
        const auto effects = vector(s, task.name + "/fv").aie;
        ASSERT_EQ(task.aie.size(), effects.size());
        for (std::size_t il = 0; il < effects.size(); ++il)
            EXPECT_EQ(task.aie[il], std::vector<double>(effects[il].begin(), effects[il].end()));
        const auto* heads = heads_of(task);
        ASSERT_TRUE(heads) << task.name;
        ASSERT_EQ(heads->rows.size(), 2u);
        EXPECT_EQ(heads->rows[0].label, "AIE");
        EXPECT_EQ(heads->rows[1].label, "concept score (concept-heads)");
        EXPECT_EQ(heads->rows[1].values[0].mean, 8) << "all eight heads are among the first ten";
        EXPECT_EQ(heads->rows[1].values[1].mean, 8);
        EXPECT_LT(std::abs(heads->rows[1].values[2].mean), 1);
        EXPECT_DOUBLE_EQ(heads->rows[1].values[3].mean, 0.5);
        const auto top = vector(s, task.name + "/concept-heads").heads.at(0);
        EXPECT_TRUE(heads->rows[1].remark.starts_with(fmt::format("{}.{} ", top.layer, top.head)))
            << heads->rows[1].remark;
    }
    // Five tasks are each other's contrasts: the first has read all sets of prompts.
    std::map<std::string, std::uint64_t> tokens;
    for (const auto& c : read_costs(folder.path() / "run"))
        if (c.phase == "extract" && c.method == "concept-heads") tokens[c.task] = c.n_token;
    EXPECT_GT(tokens.at("twice"), 0u);
    for (const char* name : {"first", "second", "third", "fourth"}) EXPECT_EQ(tokens.at(name), 0u) << name;
    EXPECT_TRUE(fs::is_empty(folder.path() / "run/checkpoints"));
    // Alone on a task, with the catalogue's tasks beside it: no effects, so no map of them.
    plan.tasks = {"twice"};
    plan.methods = {"concept-heads"};
    const Summary alone = run("alone");
    EXPECT_TRUE(alone.tasks[0].aie.empty());
    EXPECT_TRUE(alone.tasks[0].top_heads.empty());
    const auto* heads = heads_of(alone.tasks[0]);
    ASSERT_TRUE(heads);
    ASSERT_EQ(heads->rows.size(), 1u);
    EXPECT_TRUE(std::isnan(heads->rows[0].values[0].mean));
    for (const auto& analysis : alone.tasks[0].analyses) {
        if (analysis.id != "predictors") continue;
        for (const auto& row : analysis.rows)
            EXPECT_EQ(row.label.find("AIE"), std::string::npos) << row.label;
    }
}

TEST_F(StudyConcepts, InterruptedRunsEndAlike) {
    plan.tasks = {"twice", "first", "cheer"};
    plan.n_test = 3;
    test::expect_resumes(
        host, folder.path(), [&](const std::string& name) { return run(name); }, 3, 12);
    EXPECT_TRUE(fs::is_empty(folder.path() / "run/checkpoints"));
}

// What a task's vector is made from is part of the other tasks' files.
TEST_F(StudyConcepts, AChangedContrastIsNotMistakenForTheOldOne) {
    plan.tasks = {"twice", "first", "second"};
    const auto file = run().provenance.vector_files.at("twice/concept-heads");
    EXPECT_EQ(run().provenance.vector_files.at("twice/concept-heads"), file);
    std::string items;
    for (const std::string w : test::kWords)
        items +=
            fmt::format(R"({}{{"input": "{}", "output": "{} else"}})", items.empty() ? "[" : ",\n", w, w);
    folder.write("data/functional/second.json", items + "]\n");
    EXPECT_NE(run("again").provenance.vector_files.at("twice/concept-heads"), file);
}

TEST_F(StudyConcepts, TransferTakesItInEveryForm) {
    plan.protocol = "transfer";
    plan.n_example = 0;
    plan.tasks = {"twice", "first", "second"};
    plan.transfer.forms = {"qa", "choice"};
    plan.transfer.places = {};
    plan.transfer.shots = {};
    plan.transfer.factors = {};
    const Summary s = run();
    ASSERT_EQ(s.tasks.size(), 3u);
    std::map<std::string, SteeringVector> of_form;
    for (const auto& entry : fs::directory_iterator(folder.path() / "run/vectors")) {
        auto v = load_vector(entry.path());
        if (v.method == "concept-heads" && v.provenance.task == "twice")
            of_form.emplace(v.provenance.settings.at("form"), std::move(v));
    }
    ASSERT_EQ(of_form.size(), 2u);
    EXPECT_EQ(of_form.at("qa").aie, of_form.at("choice").aie) << "one ranking";
    EXPECT_NE(of_form.at("qa").mean_head_output, of_form.at("choice").mean_head_output);
}

}  // namespace
}  // namespace tiller

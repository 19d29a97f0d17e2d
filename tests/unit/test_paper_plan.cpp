// Plans of the paper's protocol: defaults, the table [paper], refusals; codes of layers.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>

#include "protocols/paper/paper.h"
#include "test_tasks_files.h"
#include "tiller/study.h"

namespace tiller {
namespace {

using test::error_of;
using test::expect_parts;

class PaperPlanFile : public testing::Test {
protected:
    Plan load(const std::string& text) const { return load_plan(folder.write("plan.toml", text)); }
    std::string refusal(const std::string& text) const {
        return error_of(Code::bad_input, [&] { load("# a comment\n" + text); });
    }
    test::ScratchFolder folder;
};

TEST_F(PaperPlanFile, MissingKeysAreThePapers) {
    const Plan plan = load("protocol = \"paper\"\n");
    EXPECT_EQ(plan_toml(plan), plan_toml(paper_plan()));
    EXPECT_EQ(plan.n_shot, 50);
    EXPECT_EQ(plan.max_new_tokens, 16);
    EXPECT_EQ(plan.temperature, 0.1f);
    EXPECT_EQ(plan.top_p, 0.9f);
    EXPECT_EQ(plan.functional.n_patch, 25);
    EXPECT_EQ(plan.behavioural.n_shot, 10);
    EXPECT_FALSE(plan.controls);
    EXPECT_EQ(plan.paper.shots, (std::vector<int>{0, 3}));
    EXPECT_TRUE(plan.paper.defects.empty());
    EXPECT_NO_THROW(check_plan(plan));
}

TEST_F(PaperPlanFile, EveryFieldSurvivesTheRoundTrip) {
    Plan plan = paper_plan();
    plan.paper.shots = {1, 2};
    plan.paper.n_pairs = {7};
    plan.paper.alphas = {-0.5, 1.0 / 3};
    plan.paper.n_template = 3;
    plan.paper.layers = {"middle4"};
    plan.paper.layer_pairs = {8, 9};
    plan.paper.layer_alphas = {2};
    plan.paper.always_bos = false;
    for (const auto& defect : study::paper_defects()) plan.paper.defects.emplace_back(defect.name);
    const Plan read = load(plan_toml(plan));
    EXPECT_EQ(plan_toml(read), plan_toml(plan));
    EXPECT_EQ(read.paper.alphas, plan.paper.alphas);
    EXPECT_EQ(read.paper.layer_pairs, plan.paper.layer_pairs);
    EXPECT_EQ(read.paper.defects.size(), study::paper_defects().size());
    EXPECT_FALSE(read.paper.always_bos);
}

TEST_F(PaperPlanFile, TheTunedPlanHasNoSuchTable) {
    EXPECT_EQ(plan_toml(Plan{}).find("[paper]"), std::string::npos);
    expect_parts(refusal("n_test = 5\n[paper]\nshots = [0]\n"),
                 {"line 3", "[paper]", "protocol = \"paper\""});
}

TEST_F(PaperPlanFile, RefusalsNameLineAndKey) {
    const std::string head = "protocol = \"paper\"\n";  // line 2
    expect_parts(refusal("protocol = \"papers\"\n"), {"line 2", "papers", "tuned"});
    expect_parts(refusal("protocol = 3\n"), {"line 2", "protocol"});
    expect_parts(refusal(head + "controls = true\n"), {"line 3", "controls"});
    expect_parts(refusal(head + "seeds = [4294967296]\n"), {"line 3", "seeds", "4294967296"});
    expect_parts(refusal(head + "[paper]\nshots = []\n"), {"line 4", "paper.shots", "empty"});
    expect_parts(refusal(head + "[paper]\nshots = [0, -1]\n"), {"line 4", "paper.shots", "-1"});
    expect_parts(refusal(head + "[paper]\nshots = [0, 0]\n"), {"line 4", "0 twice"});
    expect_parts(refusal(head + "[paper]\nshots = [0.5]\n"), {"line 4", "shots", "whole numbers"});
    expect_parts(refusal(head + "[paper]\nn_pairs = [0]\n"), {"line 4", "paper.n_pairs", "0"});
    expect_parts(refusal(head + "[paper]\nlayer_pairs = []\n"), {"line 4", "paper.layer_pairs"});
    expect_parts(refusal(head + "[paper]\nalphas = [nan]\n"), {"line 4", "paper.alphas", "nan"});
    expect_parts(refusal(head + "[paper]\nalphas = [1, 1.0]\n"), {"line 4", "paper.alphas", "twice"});
    expect_parts(refusal(head + "[paper]\nalphas = [\"1\"]\n"), {"line 4", "alphas", "numbers"});
    expect_parts(refusal(head + "[paper]\nn_template = 6\n"), {"line 4", "paper.n_template", "6"});
    expect_parts(refusal(head + "[paper]\nlayers = [\"center\"]\n"), {"line 4", "center", "middle2"});
    expect_parts(refusal(head + "[paper]\ndefects = [\"split\"]\n"),
                 {"line 4", "\"split\"", "split_present"});
    expect_parts(refusal(head + "[paper]\ndefect = []\n"), {"line 4", "\"defect\"", "defects"});
}

// A whole number where a number is meant is one.
TEST_F(PaperPlanFile, WholeNumbersAreNumbers) {
    EXPECT_EQ(load("protocol = \"paper\"\n[paper]\nalphas = [1, 2.5]\n").paper.alphas,
              (std::vector<double>{1, 2.5}));
}

TEST_F(PaperPlanFile, TheShippedPlansLoad) {
    std::set<std::string> names;
    const auto studies = std::filesystem::path(TILLER_TESTS_DIR).parent_path() / "studies";
    for (const auto& entry : std::filesystem::directory_iterator(studies)) {
        const Plan plan = load_plan(entry.path());
        for (const auto& task : plan.tasks)
            EXPECT_NO_THROW(find_task(task, studies.parent_path() / "data")) << entry.path() << task;
        const auto name = entry.path().filename().string();
        // A file's name begins with its protocol's; the honest and the full comparison have the default one.
        const std::string first = name.substr(0, name.find('-'));
        EXPECT_EQ(first == "honest" || first == "full.toml" ? "tuned" : first, plan.protocol) << name;
        if (plan.protocol == "paper") names.insert(name);
    }
    EXPECT_EQ(names, (std::set<std::string>{"paper-full.toml", "paper-llama2-7b.toml", "paper-quick.toml"}));
    // The full one says what the defaults are.
    const Plan full = load_plan(studies / "paper-full.toml");
    Plan plan = paper_plan();
    plan.title = full.title, plan.tasks = full.tasks;
    EXPECT_EQ(plan_toml(full), plan_toml(plan));
}

TEST(LayerCodes, AreTheReferences) {
    const auto run = [](const char* code, int n) {
        const auto r = study::layers_of(code, n);
        return std::pair(r.begin, r.end);
    };
    EXPECT_EQ(run("first", 32), std::pair(0, 1));
    EXPECT_EQ(run("last", 32), std::pair(31, 32));
    EXPECT_EQ(run("all", 32), std::pair(0, 32));
    EXPECT_EQ(run("middle", 32), std::pair(16, 17));
    EXPECT_EQ(run("middle2", 32), std::pair(15, 17));
    EXPECT_EQ(run("middle4", 32), std::pair(14, 18));
    EXPECT_EQ(run("middle", 5), std::pair(2, 3));
    EXPECT_EQ(run("middle4", 2), std::pair(0, 2));  // cut to what there is
    EXPECT_EQ(run("middle2", 1), std::pair(0, 1));
    expect_parts(error_of(Code::usage, [] { study::layers_of("half", 4); }), {"half", "middle4"});
}

// The settings that the paper's code names for Llama-2-7b are those of its general rules.
TEST(PaperSettings, Llama2) {
    ModelInfo info;
    info.n_layer = 32;
    info.n_head.assign(32, 32);
    const Setting setting = find_method("fv").paper_setting(info);
    EXPECT_EQ(setting.at("heads"), 20);
    EXPECT_EQ(setting.at("layer"), 11);
}

}  // namespace
}  // namespace tiller

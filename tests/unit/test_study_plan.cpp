// Plan files: what is read back, and what is refused with its line and key.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "test_tasks_files.h"
#include "tiller/study.h"

namespace tiller {
namespace {

using test::error_of;
using test::expect_parts;

class PlanFile : public testing::Test {
protected:
    Plan load(const std::string& text) const { return load_plan(folder.write("plan.toml", text)); }
    /// The message with which a plan is refused.
    std::string refusal(const std::string& text, Code code = Code::bad_input) const {
        return error_of(code, [&] { load(text); });
    }

    test::ScratchFolder folder;
};

TEST_F(PlanFile, DefaultPlanSurvivesTheRoundTrip) {
    const std::string text = plan_toml(Plan{});
    EXPECT_EQ(plan_toml(load(text)), text);
}

// Only where it says something: plans without it are what they were before the field was there.
TEST_F(PlanFile, FamilyOfTaskFiles) {
    EXPECT_EQ(plan_toml(Plan{}).find("family"), std::string::npos);
    Plan plan;
    plan.tasks = {"antonym", "my.csv"};
    plan.family = "behavioural";
    check_plan(plan);
    EXPECT_EQ(load(plan_toml(plan)).family, "behavioural");
    expect_parts(refusal("tasks = [\"my.csv\"]\nfamily = \"style\"\n"),
                 {"line 2", "\"style\"", "extractive"});
    expect_parts(refusal("tasks = [\"antonym\"]\nfamily = \"behavioural\"\n"),
                 {"line 2", "no task is a file"});
}

TEST_F(PlanFile, EveryFieldSurvivesTheRoundTrip) {
    Plan plan;
    plan.title = "quote \" backslash \\ tab \t line\nend \x7f, gr\xc3\xbc\xc3\x9f";
    plan.models = {"a b.gguf", "/x/\"y\".gguf"};
    plan.tasks = {"antonym"};
    plan.methods = {};
    plan.seeds = {3, 1, 9223372036854775807};
    plan.data_dir = "C:\\data";
    plan.n_test = 3, plan.n_valid = 4, plan.n_shot = 5, plan.n_shot_behavioural = 6;
    plan.controls = false;
    plan.functional = {7, 8, 9, 10};
    plan.behavioural = {11, 12, 13, 14};
    plan.max_new_tokens = 15, plan.max_new_tokens_behavioural = 16;
    plan.temperature = 0.7f, plan.top_p = 0.95f, plan.top_k = 17;
    plan.collapse_limit = 1.0 / 3;
    plan.n_bootstrap = 118, plan.n_example = 0;
    const Plan read = load(plan_toml(plan));
    EXPECT_EQ(read.title, plan.title);
    EXPECT_EQ(read.models, plan.models);
    EXPECT_EQ(read.tasks, plan.tasks);
    EXPECT_TRUE(read.methods.empty());
    EXPECT_EQ(read.seeds, plan.seeds);
    EXPECT_EQ(read.data_dir, plan.data_dir);
    EXPECT_EQ(read.functional.n_pairs, 10);
    EXPECT_EQ(read.behavioural.n_mean, 11);
    EXPECT_EQ(read.temperature, plan.temperature);
    EXPECT_EQ(read.top_p, plan.top_p);
    EXPECT_EQ(read.collapse_limit, plan.collapse_limit);
    EXPECT_EQ(plan_toml(read), plan_toml(plan));
}

TEST_F(PlanFile, MissingKeysKeepTheirDefaults) {
    const Plan plan = load("n_test = 7\n[behavioural]\nn_pairs = 9\n");
    EXPECT_EQ(plan.n_test, 7);
    EXPECT_EQ(plan.behavioural.n_pairs, 9);
    const Plan standard = default_plan("tuned");
    EXPECT_EQ(plan.behavioural.n_mean, standard.behavioural.n_mean);
    EXPECT_EQ(plan.functional.n_pairs, standard.functional.n_pairs);
    EXPECT_EQ(plan.tuning.n_fold, 5);
    EXPECT_EQ(plan.models, Plan{}.models);
}

TEST_F(PlanFile, ASplitIsWrittenOnlyWhereThereIsOne) {
    const Plan plan = load("[tuning]\nn_fold = 1\nsplit = [60, 10, 30]\n");
    EXPECT_EQ(plan.tuning.split, (std::vector<int>{60, 10, 30}));
    expect_parts(plan_toml(plan), {"split = [60, 10, 30]"});
    EXPECT_EQ(plan_toml(default_plan("tuned")).find("split"), std::string::npos);
}

TEST_F(PlanFile, UnknownKeysAreNamedWithTheirLine) {
    expect_parts(refusal("n_test = 5\n\nn_tests = 6\n"), {"plan.toml", "line 3", "\"n_tests\"", "n_valid"});
    expect_parts(refusal("n_test = 5\n[functional]\nn_mean = 5\nn_heads = 2\n"),
                 {"line 4", "\"n_heads\"", "n_patch"});
    expect_parts(refusal("[extractive]\nn_mean = 5\n"), {"line 1", "\"extractive\"", "functional"});
}

struct Bad {
    const char *name, *text, *line, *key;
};
void PrintTo(const Bad& bad, std::ostream* out) { *out << bad.name; }

class BadPlan : public PlanFile, public testing::WithParamInterface<Bad> {};

TEST_P(BadPlan, IsRefusedWithLineAndKey) {
    const std::string text = std::string("# a comment\n") + GetParam().text;
    expect_parts(refusal(text), {"plan.toml", GetParam().line, GetParam().key});
}

INSTANTIATE_TEST_SUITE_P(
    Types, BadPlan,
    testing::Values(Bad{"string", "title = 3\n", "line 2", "title"},
                    Bad{"integer", "n_test = \"5\"\n", "line 2", "n_test"},
                    Bad{"integer_as_float", "n_test = 5.0\n", "line 2", "n_test"},
                    Bad{"boolean", "controls = 1\n", "line 2", "controls"},
                    Bad{"number", "\ncollapse_limit = \"0.1\"\n", "line 3", "collapse_limit"},
                    Bad{"number_as_boolean", "[sampling]\ntop_p = true\n", "line 3", "top_p"},
                    Bad{"list", "tasks = \"antonym\"\n", "line 2", "tasks"},
                    Bad{"list_of_numbers", "tasks = [\"antonym\", 3]\n", "line 2", "tasks"},
                    Bad{"seeds_of_strings", "seeds = [\"0\"]\n", "line 2", "seeds"},
                    Bad{"negative_seed", "seeds = [-1]\n", "line 2", "seeds"},
                    Bad{"table", "functional = 3\n", "line 2", "functional"},
                    Bad{"value", "[n_test]\nx = 1\n", "line 2", "n_test"},
                    Bad{"date", "n_test = 2026-01-01\n", "line 2", "n_test"}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Values, BadPlan,
    testing::Values(Bad{"zero_test", "title = \"t\"\nn_test = 0\n", "line 3", "n_test"},
                    Bad{"negative_test", "n_test = -5\n", "line 2", "n_test is -5"},
                    Bad{"one_test", "n_test = 1\n", "line 2", "at least 2"},
                    Bad{"zero_valid", "n_valid = 0\n", "line 2", "n_valid"},
                    Bad{"split_and_folds", "[tuning]\nsplit = [60, 10, 30]\n", "line 3", "n_fold = 1"},
                    Bad{"split_of_101", "[tuning]\nn_fold = 1\nsplit = [60, 10, 31]\n", "line 4", "101"},
                    Bad{"split_of_two", "[tuning]\nn_fold = 1\nsplit = [60, 40]\n", "line 4", "expected 3"},
                    Bad{"zero_shot", "n_shot = 0\n", "line 2", "n_shot"},
                    Bad{"few_resamples", "n_bootstrap = 99\n", "line 2", "n_bootstrap"},
                    Bad{"negative_examples", "n_example = -1\n", "line 2", "n_example"},
                    Bad{"zero_mean", "[functional]\nn_mean = 0\n", "line 3", "functional.n_mean"},
                    Bad{"negative_pairs", "[functional]\nn_mean = 3\n\n[behavioural]\nn_pairs = -2\n",
                        "line 6", "behavioural.n_pairs is -2"},
                    Bad{"too_many", "n_test = 3000000000\n", "line 2", "n_test"},
                    Bad{"far_too_many", "max_new_tokens = 100000001\n", "line 2", "max_new_tokens"},
                    Bad{"cold", "[sampling]\ntemperature = -0.1\n", "line 3", "sampling.temperature"},
                    Bad{"infinite", "[sampling]\ntemperature = inf\n", "line 3", "sampling.temperature"},
                    Bad{"no_nucleus", "[sampling]\ntop_p = 0\n", "line 3", "sampling.top_p"},
                    Bad{"nan", "collapse_limit = nan\n", "line 2", "collapse_limit"},
                    Bad{"limit", "collapse_limit = 1.5\n", "line 2", "collapse_limit"},
                    Bad{"no_models", "models = []\n", "line 2", "models"},
                    Bad{"no_tasks", "tasks = []\n", "line 2", "tasks"},
                    Bad{"no_seeds", "seeds = []\n", "line 2", "seeds"},
                    Bad{"task_twice", "tasks = [\"antonym\", \"antonym\"]\n", "line 2", "antonym"},
                    Bad{"method_twice", "methods = [\"fv\", \"icv\", \"fv\"]\n", "line 2",
                        "methods names fv twice"},
                    Bad{"seed_twice", "seeds = [1, 1]\n", "line 2", "seeds"},
                    Bad{"model_twice", "models = [\"m\", \"m\"]\n", "line 2", "models"}),
    [](const auto& test) { return test.param.name; });

TEST_F(PlanFile, UnknownMethodIsAUsageError) {
    expect_parts(refusal("n_test = 4\nmethods = [\"fv\", \"lora\"]\n", Code::usage),
                 {"line 2", "methods", "\"lora\"", "icv"});
}

TEST_F(PlanFile, NotToml) {
    expect_parts(refusal("n_test = 5\nn_valid\n"), {"plan.toml", "line", "TOML"});
    expect_parts(refusal("n_test = 5\nn_test = 6\n"), {"line 2", "TOML"});
    expect_parts(refusal("title = \"\xff\xfe\"\n"), {"TOML"});
    expect_parts(refusal(std::string("title = \"a\0b\"\n", 14)), {"TOML"});
    expect_parts(refusal("tasks = " + std::string(100'000, '[')), {"TOML"});
}

// The parser calls itself for each part of a key; 50,000 ended the process.
TEST_F(PlanFile, KeysAndValuesThatAreTooDeep) {
    std::string key = "a";
    for (int i = 0; i < 50'000; ++i) key += ".a";
    for (const std::string& text :
         {key + " = 1\n", "[" + key + "]\n", "x = {" + key + " = 1}\n", "\"a.b\"" + key.substr(1) + " = 1\n"})
        expect_parts(refusal("# one\n" + text), {"plan.toml", "line 2", "dotted key", "32 deep"});
    expect_parts(refusal("x = " + std::string(50'000, '{')), {"line 1", "nested"});
    // A line that ends within a text counts, whether or not a backslash hides its end.
    expect_parts(refusal("title = \"\"\"a\\\nb\nc\"\"\"\nx = " + std::string(50, '[')), {"line 4", "nested"});
    // Texts and comments may hold what they like.
    const std::string dots(1000, '.'), open(100, '[');
    const Plan plan = load("title = \"" + dots + "\\\"[[[[\" # " + dots + "\nn_test = 5\ndata_dir = '''" +
                           dots + "'\n" + open + "'''\n");
    EXPECT_EQ(plan.n_test, 5);
    EXPECT_EQ(plan.title, dots + "\"[[[[");
}

TEST_F(PlanFile, TooLarge) {
    expect_parts(refusal("# " + std::string(1 << 20, 'x') + "\n"), {"plan.toml", "1048576"});
}

TEST_F(PlanFile, MissingFileAndFolder) {
    expect_parts(error_of(Code::missing, [&] { load_plan(folder.path() / "no.toml"); }), {"no.toml"});
    error_of(Code::bad_input, [&] { load_plan(folder.path()); });
}

// What a run folder's plan.toml could not hold is refused before the work, not when the summary is made.
TEST(CheckPlan, RefusesWhatTomlCannotHold) {
    Plan plan;
    plan.seeds = {std::numeric_limits<std::uint64_t>::max()};
    expect_parts(error_of(Code::bad_input, [&] { check_plan(plan); }), {"seeds", "18446744073709551615"});
    plan = {};
    plan.models = {"/models/\xff.gguf"};
    expect_parts(error_of(Code::bad_input, [&] { check_plan(plan); }), {"models", "UTF-8"});
    plan = {};
    plan.n_test = std::numeric_limits<int>::max();
    expect_parts(error_of(Code::bad_input, [&] { check_plan(plan); }), {"n_test"});
    EXPECT_NO_THROW(check_plan(Plan{}));
}

TEST(CheckPlan, UnknownMethod) {
    Plan plan;
    plan.methods = {"FV"};
    expect_parts(error_of(Code::usage, [&] { check_plan(plan); }), {"\"FV\"", "known"});
}

}  // namespace
}  // namespace tiller

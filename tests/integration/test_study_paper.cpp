// The paper's protocol on a tiny model: its conditions, interruption, and what each switch of a known defect
// changes.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "support/json_units.h"
#include "support/run_program.h"
#include "support/tiny_model.h"
#include "support/tiny_study.h"
#include "tiller/report.h"

namespace tiller {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::error_of;
using test::expect_parts;
using test::slurp;

class PaperStudy : public test::StudyTest {
protected:
    void SetUp() override {
        StudyTest::SetUp();
        tiny.n_layer = 3;
        tiny.attention_bias = true;
        const auto data = test::write_tasks(folder);
        plan = paper_plan();
        plan.models = {test::make_tiny_model(tiny).string()};
        plan.tasks = {"twice", "cheer"};
        plan.data_dir = data.string();
        plan.n_test = 6, plan.n_shot = 4, plan.n_shot_behavioural = 2;
        plan.functional = plan.behavioural = {5, 3, 2, 5};
        plan.max_new_tokens = plan.max_new_tokens_behavioural = 4;
        plan.n_bootstrap = 100, plan.n_example = 2;
        plan.paper.shots = {0, 2};
        plan.paper.n_pairs = {3, 50};
        plan.paper.layer_pairs = {50};
        plan.paper.alphas = {-1, 1};
        plan.paper.layer_alphas = {1};
    }
    // One task, few conditions: for the switches.
    void make_small() {
        plan.tasks = {"twice"};
        plan.paper.layers = {};
        plan.paper.shots = {0};
        plan.paper.alphas = {1};
        plan.paper.n_pairs = {50};
    }
    // Test records of a run by "setting/item".
    std::map<std::string, json> records(const std::string& name) const {
        std::map<std::string, json> out;
        for (const auto& [unit, list] : test::json_units(folder.path() / name))
            for (const auto& r : list)
                if (r.value("phase", "") == "test")
                    out[r.at("setting").get<std::string>() + "/" + std::to_string(r.at("item").get<int>())] =
                        r;
        return out;
    }
    std::map<std::string, json> with_defect(const char* defect) {
        plan.paper.defects = {defect};
        run(defect);
        plan.paper.defects = {};
        return records(defect);
    }

    test::TinyOptions tiny;
};

std::vector<std::string> ids(const std::vector<SettingSummary>& settings) {
    std::vector<std::string> out;
    for (const auto& s : settings) out.push_back(s.id);
    return out;
}

TEST_F(PaperStudy, HasTheConditionsOfThePlan) {
    const Summary s = run();
    ASSERT_EQ(s.tasks.size(), 2u);
    const TaskSummary& t = s.tasks[0];
    EXPECT_EQ(t.primary, "first_word");
    EXPECT_EQ(t.n_train, 28);
    EXPECT_EQ(t.n_valid, 4);
    EXPECT_EQ(t.n_test, 6);
    EXPECT_TRUE(t.grid.empty());
    // 28 training items give no 50 pairs; the condition says how many it has.
    EXPECT_EQ(ids(t.test),
              (std::vector<std::string>{"zero-shot", "2-shot-permuted", "4-shot", "fv 0-shot", "fv 2-shot",
                                        "icv 28 pairs alpha 1 0-shot", "icv 28 pairs alpha 1 2-shot"}));
    ASSERT_EQ(t.tables.size(), 3u);
    EXPECT_EQ(t.tables[0].id, "strength");
    EXPECT_EQ(t.tables[0].settings.size(), 8u);  // 2 shots, 2 sets of pairs, 2 strengths
    EXPECT_EQ(t.tables[1].id, "natural");
    EXPECT_EQ(t.tables[1].primary, "present");
    EXPECT_EQ(t.tables[1].settings.size(), 6u);  // unsteered, FV, 4 ICV
    EXPECT_EQ(t.tables[2].id, "layers");
    EXPECT_EQ(t.tables[2].settings.size(), 24u);  // 6 codes, 2 shots, FV and ICV
    for (const auto& setting : t.test) {
        EXPECT_EQ(setting.n, 6) << setting.id;
        for (const char* metric :
             {"first_word", "f1", "present", "ngram_entropy", "distinct_1", "distinct_2"})
            EXPECT_TRUE(setting.metrics.count(metric)) << setting.id << metric;
        EXPECT_EQ(setting.difference.count("unsteered"), setting.kind != Kind::baseline) << setting.id;
    }
    const TaskSummary& cheer = s.tasks[1];
    EXPECT_EQ(cheer.primary, "style");
    EXPECT_EQ(ids(cheer.test),
              (std::vector<std::string>{"zero-shot", "2-shot", "fv 0-shot", "icv 28 pairs alpha 1 0-shot"}));
    ASSERT_EQ(cheer.tables.size(), 2u);  // no natural text
    EXPECT_EQ(cheer.tables[1].settings.size(), 12u);
    for (const auto& setting : cheer.test)
        for (const char* metric : {"perplexity", "rouge_l"})
            EXPECT_TRUE(setting.metrics.count(metric)) << setting.id << metric;
    EXPECT_EQ(s.findings.size(), 2u);
    expect_parts(t.verdict, {"First-word score", "FV", "ICV", "zero-shot"});
    // Reports have every table, and a summary that is written is the one that is read.
    EXPECT_EQ(to_json(summary_from_json(to_json(s))), to_json(s));
    expect_parts(report_html(s, {}), {"Edit layers", "Natural text", "over unsteered", "middle4"});
    expect_parts(report_markdown(s, {}), {"Edit layers:", "over unsteered"});
    expect_parts(report_csv(s), {",layers,fv middle2 0-shot,", ",natural,", ",unsteered,"});
}

TEST_F(PaperStudy, InAllLayersAnInContextVectorIsWhatItAlwaysIs) {
    const Summary s = run();
    const auto of = [](const std::vector<SettingSummary>& list, const std::string& id) {
        for (const auto& setting : list)
            if (setting.id == id) return setting;
        ADD_FAILURE() << id;
        return SettingSummary{};
    };
    const auto& t = s.tasks[0];
    const auto all = of(t.tables[2].settings, "icv 28 pairs alpha 1 all 0-shot");
    const auto plain = of(t.test, "icv 28 pairs alpha 1 0-shot");
    for (const auto& [name, value] : plain.metrics) EXPECT_EQ(all.metrics.at(name).mean, value.mean) << name;
    EXPECT_EQ(all.layers, "all");
    EXPECT_EQ(all.setting.at("layer_begin"), 0);
    EXPECT_EQ(all.setting.at("layer_end"), 3);
    for (const auto& [key, record] : records("run"))
        EXPECT_EQ(key.find("icv 28 pairs alpha 1 all"), std::string::npos);
}

TEST_F(PaperStudy, UsesThePapersItems) {
    run();
    const Task task = find_task("twice", plan.data_dir);
    const Split split = paper_split(task, 0);
    std::set<int> tested, expected(split.test.begin(), split.test.begin() + 6);
    for (const auto& [key, r] : records("run"))
        if (r.at("task") == "twice") tested.insert(r.at("item").get<int>());
    EXPECT_EQ(tested, expected);
}

TEST_F(PaperStudy, StoppedAnywhereItGoesOn) {
    plan.paper.layers = {"middle"};
    test::expect_resumes(
        host, folder.path(), [&](const std::string& name) { return run(name); }, 3);
}

TEST_F(PaperStudy, FewerPairsAreThoseOfASmallerPlan) {
    run();
    const auto vector_of = [&](const std::string& run, const std::string& name) {
        for (const auto& entry : fs::directory_iterator(folder.path() / run / "vectors"))
            if (entry.path().filename().string().find(name) != std::string::npos)
                return load_vector(entry.path());
        throw std::runtime_error(name);
    };
    const auto nested = vector_of("run", "twice-s0-icv-3-");
    plan.tasks = {"twice"};
    plan.paper.n_pairs = {3};
    plan.paper.layers = {};
    run("small");
    const auto alone = vector_of("small", "twice-s0-icv-3-");
    EXPECT_EQ(nested.directions, alone.directions);
    EXPECT_EQ(nested.provenance.prompts_digest, alone.provenance.prompts_digest);
    EXPECT_EQ(nested.provenance.settings.at("pairs"), "3");
}

TEST_F(PaperStudy, SwitchesOfExtraction) {
    make_small();
    run();
    const auto plain = records("run");
    for (const auto& [defect, changed, kept] :
         {std::tuple("bias_per_head", "fv", "icv"), std::tuple("pairs_repeat", "icv", "fv"),
          std::tuple("negative_without_blank", "icv", "fv")}) {
        const auto other = with_defect(defect);
        bool differs = false;
        for (const auto& [key, r] : other) {
            if (key.rfind(changed, 0) == 0 && (!plain.count(key) || plain.at(key)["logprob"] != r["logprob"]))
                differs = true;
            if (key.rfind(kept, 0) == 0 || key.rfind("zero-shot", 0) == 0) {
                EXPECT_EQ(plain.at(key)["logprob"], r["logprob"]) << defect << key;
            }
        }
        EXPECT_TRUE(differs) << defect;
    }
    // With replacement there are as many as were asked for.
    bool fifty = false;
    for (const auto& [key, r] : records("pairs_repeat")) fifty |= key.rfind("icv 50 pairs", 0) == 0;
    EXPECT_TRUE(fifty);
}

TEST_F(PaperStudy, SwitchOfGreedyFunctionVectors) {
    make_small();
    plan.temperature = 2;  // so that a sampled text is not the greedy one
    run();
    const auto plain = records("run"), greedy = with_defect("greedy_fv");
    int n_fv = 0, n_other = 0;
    for (const auto& [key, r] : greedy) {
        const bool same = plain.at(key)["generated"] == r["generated"];
        if (key.rfind("fv", 0) == 0 || key.find(" fv/") != std::string::npos)
            n_fv += !same;
        else
            n_other += !same;
    }
    EXPECT_GT(n_fv, 0);
    EXPECT_EQ(n_other, 0);
}

TEST_F(PaperStudy, SwitchOfThePromptsTail) {
    make_small();
    plan.temperature = 3;  // some texts end early
    plan.max_new_tokens = 24;
    plan.n_test = 8;
    run();
    const auto plain = records("run"), tail = with_defect("prompt_tail");
    int n_ended = 0, n_changed = 0;
    for (const auto& [key, r] : tail) {
        EXPECT_EQ(plain.at(key)["generated"], r["generated"]) << key;
        const bool same = plain.at(key)["ngram_entropy"] == r["ngram_entropy"];
        if (r["n_token"] == plan.max_new_tokens) {
            EXPECT_TRUE(same) << key;
        } else {
            ++n_ended;
            n_changed += !same;
        }
    }
    EXPECT_GT(n_ended, 0);
    EXPECT_GT(n_changed, 0);
}

// Several right answers, an output of several words: the scores change, the texts do not.
TEST_F(PaperStudy, SwitchesOfScoring) {
    make_small();
    run();
    const auto plain = records("run");
    for (const char* defect : {"first_answer_only", "blank_first_match", "articles_vanish",
                               "lowercase_folded", "split_present", "distinct_by_words"}) {
        for (const auto& [key, r] : with_defect(defect))
            EXPECT_EQ(plain.at(key)["generated"], r["generated"]) << defect << key;
        const Summary s = summarise_run(folder.path() / defect);
        bool said = false;
        for (const auto& note : s.notes) said |= note.find(defect) != std::string::npos;
        EXPECT_TRUE(said) << defect;
    }
    bool fewer = false;
    for (const auto& [key, r] : records("distinct_by_words"))
        fewer |= r["distinct_2"].get<double>() < plain.at(key)["distinct_2"].get<double>();
    EXPECT_TRUE(fewer);
}

TEST_F(PaperStudy, OnlyTheFirstAnswerCounts) {
    make_small();
    // Whatever is said holds a right answer, unless that one does not count.
    std::string items;
    for (const std::string w : test::kWords)
        items +=
            (items.empty() ? "[" : ",\n") + (R"({"input": ")" + w + R"(", "output": ["xyzzy", "a", "e"]})");
    plan.tasks = {folder.write("many.json", items + "]\n").string()};
    run();
    const auto plain = records("run"), first = with_defect("first_answer_only");
    for (const auto& [key, r] : first) {
        EXPECT_EQ(r["present"], 0) << key;
        EXPECT_GE(r["rank"].get<int>(), plain.at(key)["rank"].get<int>()) << key;
    }
    bool better = false;
    for (const auto& [key, r] : plain) better |= r["rank"] != first.at(key)["rank"];
    EXPECT_TRUE(better);
}

// Capital letters are right answers of this lowercase_* task, and small ones are said.
TEST_F(PaperStudy, SwitchOfFoldedCase) {
    make_small();
    std::string outputs, items;
    for (char letter = 'A'; letter <= 'Z'; ++letter)
        outputs += (outputs.empty() ? "[\"" : ", \"") + std::string(1, letter) + "\"";
    for (const std::string w : test::kWords)
        items += (items.empty() ? "[" : ",\n") + (R"({"input": ")" + w + R"(", "output": )" + outputs + "]}");
    plan.tasks = {folder.write("lowercase_letters.json", items + "]\n").string()};
    plan.max_new_tokens = 16;
    run();
    const auto plain = records("run");
    double kept = 0, folded = 0;
    for (const auto& [key, r] : with_defect("lowercase_folded")) {
        EXPECT_GE(r["present"].get<double>(), plain.at(key)["present"].get<double>()) << key;
        kept += plain.at(key)["present"].get<double>();
        folded += r["present"].get<double>();
    }
    EXPECT_GT(folded, kept);
}

TEST_F(PaperStudy, AlwaysBos) {
    tiny.add_bos = false;
    const auto path = test::make_tiny_model(tiny);
    const auto plain = Model::load(path), with = Model::load(path, {.always_bos = true});
    EXPECT_FALSE(plain->info().adds_bos);
    EXPECT_TRUE(with->info().adds_bos);
    auto tokens = plain->tokenize("Q: tin");
    EXPECT_EQ(with->tokenize("Q: tin").size(), tokens.size() + 1);
    make_small();
    plan.models = {path.string()};
    run();
    plan.paper.always_bos = false;
    run("without");
    bool differs = false;
    const auto with_bos = records("run");
    for (const auto& [key, r] : records("without")) differs |= with_bos.at(key)["logprob"] != r["logprob"];
    EXPECT_TRUE(differs);
}

TEST_F(PaperStudy, PromptsThatDoNotFitAreRefusedFirst) {
    plan.n_shot = 28;
    tiny.n_ctx = 64;
    plan.models = {test::make_tiny_model(tiny).string()};
    expect_parts(error_of(Code::bad_input, [&] { run(); }), {"twice", "28 demonstrations", "64", "n_shot"});
    EXPECT_FALSE(fs::exists(folder.path() / "run/vectors"));
    EXPECT_TRUE(test::json_units(folder.path() / "run").empty());
}

}  // namespace
}  // namespace tiller

// Tables beside the scores, from made-up records: planted changes of order, predictors that tell the outcome
// and ones that do not, costs worked out by hand.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "protocols/tuned/evidence.h"
#include "study/candidate.h"
#include "study/summarise.h"
#include "support/table_cells.h"
#include "test_tasks_files.h"
#include "tiller/error.h"

namespace tiller::study {
namespace {

constexpr int n_item = 40;

// A record of a functional item whose scores are all `right`.
ItemRecord functional(const std::string& setting, int item, bool right, std::size_t n_prompt) {
    const double score = right ? 1 : 0;
    ItemRecord r;
    r.setting = setting, r.item = item, r.generated = "", r.n_prompt = n_prompt;
    r.scores = {{"first_token", score}, {"rank", right ? 0 : 9}, {"logprob", -1},    {"first_word", score},
                {"exact", score},       {"f1", score},           {"contains", score}};
    return r;
}

class EvidenceTables : public testing::Test {
protected:
    EvidenceTables() {
        plan.n_bootstrap = 200;
        plan.methods = {"fv", "icv"};
        plan.n_shot = 5;
    }
    void setting(const std::string& id, const std::string& method, Kind kind) {
        closing.settings.push_back({id, id, method, kind});
    }
    // Zero-shot nothing, few-shot the first 10 of 40 items, FV the first 30, ICV the last 20.
    void make_functional() {
        close(Family::functional, "first_token", "5-shot");
        for (int i = 0; i < n_item; ++i) {
            add(functional("zero-shot", i, false, 8));
            add(functional("5-shot", i, i < 10, i % 2 ? 60 : 56));
            add(functional("fv-chosen", i, i < 30, 8));
            add(functional("icv-chosen", i, i >= 20, 8));
        }
    }
    void make_behavioural() {
        close(Family::behavioural, "style", "4-shot");
        for (int i = 0; i < n_item; ++i)
            for (const auto& [id, style] : {std::pair("zero-shot", 0.1), std::pair("4-shot", 0.5),
                                            std::pair("fv-chosen", 0.6), std::pair("icv-chosen", 0.4)}) {
                ItemRecord r;
                r.setting = id, r.item = i, r.generated = "";
                r.scores = {{"style", style}, {"rouge_l", 0.5}, {"collapsed", 0}};
                add(r);
            }
    }
    void close(Family family, const std::string& primary, const std::string& few_shot) {
        closing.model = "m", closing.task = "t", closing.family = family, closing.primary = primary;
        closing.seed = 3, closing.n_train = 70, closing.n_valid = 4, closing.n_test = n_item;
        closing.test_units = {"u"};
        setting("zero-shot", "none", Kind::baseline);
        setting(few_shot, "prompt", Kind::baseline);
        setting("fv-chosen", "fv", Kind::chosen);
        setting("icv-chosen", "icv", Kind::chosen);
    }
    void add(ItemRecord record) { made.push_back(std::move(record)); }
    // Sets a score of all records of a setting by item.
    template <class Value>
    void set(const std::string& id, const char* score, Value value) {
        for (auto& r : made)
            if (r.setting == id) r.scores[score] = value(r.item);
    }
    // As it is read from a run folder.
    TaskSummary summarised() const {
        const Units units = {{"u", record_lines(made, "u")}, {"v", record_lines(validation, "v")}};
        const auto line = record_lines<ClosingWith<TunedClosing>>({{closing, part}}, "task").at(0);
        return summarise_task(plan, records_of(units, line));
    }

    Plan plan;
    TaskClosing closing;
    TunedClosing part;
    std::vector<ItemRecord> made, validation;
};

const AnalysisSummary& analysis(const TaskSummary& t, const std::string& id) {
    const auto* found = t.analysis(id);
    if (!found) throw std::runtime_error("no table " + id);
    return *found;
}

const AnalysisRow& row(const AnalysisSummary& table, const std::string& id) {
    if (const auto* found = table.row(id)) return *found;
    throw std::runtime_error("no row " + id);
}

double cell(const AnalysisSummary& table, const std::string& row, const std::string& column) {
    return test::cell(table, row, column).mean;
}

std::vector<std::string> labels(const AnalysisSummary& table) {
    std::vector<std::string> out;
    for (const auto& column : table.columns) out.push_back(column.label);
    return out;
}

TEST_F(EvidenceTables, ASettingWithoutRecordsIsADamagedRun) {
    make_functional();
    made.erase(
        std::remove_if(made.begin(), made.end(), [](const auto& r) { return r.setting == "icv-chosen"; }),
        made.end());
    try {
        summarised();
        FAIL() << "a table without its records";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), Code::bad_input);
        EXPECT_NE(std::string(error.what()).find("records.jsonl"), std::string::npos) << error.what();
    }
}

TEST_F(EvidenceTables, WithoutPlantedChangesNoOrderChanges) {
    make_functional();
    const auto table = analysis(summarised(), "scorers");
    EXPECT_EQ(table.rows.size(), 7u);
    EXPECT_EQ(cell(table, "first_token", "fv"), 0.75);
    EXPECT_EQ(cell(table, "first_token", "icv"), 0.5);
    EXPECT_EQ(cell(table, "first_token", "zero-shot"), 0);
    EXPECT_TRUE(std::isnan(cell(table, "first_token", "changed")));
    for (const char* score : {"top_5", "first_word", "exact", "f1", "contains"}) {
        EXPECT_EQ(cell(table, score, "orders"), 1) << score;
        EXPECT_EQ(cell(table, score, "changed"), 0) << score;
        EXPECT_EQ(row(table, score).remark, "") << score;
    }
    // Level under another score is no change.
    EXPECT_EQ(cell(table, "gain", "changed"), 0);
}

TEST_F(EvidenceTables, PlantedChangesAreFoundAndTested) {
    make_functional();
    set("fv-chosen", "f1", [](int) { return 0.0; });
    set("icv-chosen", "f1", [](int i) { return i < 30 ? 0.5 : 0.0; });
    set("fv-chosen", "contains", [](int) { return 0; });
    set("icv-chosen", "contains", [](int i) { return i == 0 ? 1 : 0; });
    set("icv-chosen", "logprob", [](int i) { return -0.5 + 0.001 * i; });
    set("icv-chosen", "rank", [](int i) { return i < 35 ? 4 : 5; });
    const TaskSummary t = summarised();
    const auto& table = analysis(t, "scorers");
    EXPECT_EQ(cell(table, "f1", "changed"), 1);
    EXPECT_EQ(cell(table, "f1", "beyond"), 1);
    test::expect_parts(row(table, "f1").remark, {"ICV above FV", "beyond chance", "p ="});
    EXPECT_EQ(cell(table, "contains", "changed"), 1);
    EXPECT_EQ(cell(table, "contains", "beyond"), 0);
    test::expect_parts(row(table, "contains").remark, {"ICV above FV", "within chance", "p = 1"});
    // The gain is to the same item's zero-shot run, whose log-probability is -1.
    EXPECT_NEAR(cell(table, "gain", "icv"), 0.5 + 0.001 * 19.5, 1e-12);
    EXPECT_EQ(cell(table, "gain", "zero-shot"), 0);
    EXPECT_EQ(cell(table, "gain", "beyond"), 1);
    // Rank 4 of records, counted from 0, is the fifth.
    EXPECT_EQ(cell(table, "top_5", "icv"), 35.0 / 40);
    EXPECT_EQ(cell(table, "top_5", "beyond"), 0);
    EXPECT_EQ(cell(table, "exact", "changed"), 0);
    // Over tasks: this one twice, and a third without an order.
    Summary s;
    s.tasks = {t, t};
    set("icv-chosen", "first_token", [](int i) { return i < 30 ? 1 : 0; });
    s.tasks.push_back(summarised());
    EXPECT_EQ(cell(analysis(s.tasks.back(), "scorers"), "f1", "orders"), 0);
    const auto flips = scorer_flips(s);
    ASSERT_TRUE(flips);
    EXPECT_EQ(cell(*flips, "f1", "orders"), 2);
    EXPECT_EQ(cell(*flips, "f1", "changed"), 2);
    EXPECT_EQ(cell(*flips, "f1", "share"), 1);
    EXPECT_EQ(cell(*flips, "f1", "beyond"), 2);
    EXPECT_EQ(cell(*flips, "contains", "beyond"), 0);
    EXPECT_EQ(cell(*flips, "exact", "share"), 0);
    EXPECT_THROW(row(*flips, "first_token"), std::runtime_error);
}

TEST_F(EvidenceTables, ThePOfARemarkIsAdjustedForAllOrders) {
    make_functional();
    // ICV alone right on 7 items under "contains": 2 / 2^7 alone, times six orders.
    set("fv-chosen", "contains", [](int) { return 0; });
    set("icv-chosen", "contains", [](int i) { return i < 7 ? 1 : 0; });
    for (const char* id : {"fv-chosen", "icv-chosen"})
        for (const char* score : {"exact", "f1", "first_word", "rank"}) set(id, score, [](int) { return 1; });
    const TaskSummary t = summarised();
    test::expect_parts(row(analysis(t, "scorers"), "contains").remark, {"within chance", "p = 0.094"});
}

TEST_F(EvidenceTables, FilteredItemsAreThoseThatTheFewShotPromptGetsRight) {
    make_functional();
    const TaskSummary t = summarised();
    const auto& table = analysis(t, "scorers_filtered");
    test::expect_parts(table.title, {"10 of 40", "5-shot"});
    EXPECT_EQ(cell(table, "first_token", "fv"), 1);
    EXPECT_EQ(cell(table, "first_token", "icv"), 0);
    set("5-shot", "first_token", [](int) { return 0; });
    const TaskSummary none = summarised();
    EXPECT_EQ(none.analysis("scorers_filtered"), nullptr);
    EXPECT_NE(none.analysis("scorers"), nullptr);
}

TEST_F(EvidenceTables, BrokenRowsAreLeftOutOfTheGain) {
    make_functional();
    set("icv-chosen", "logprob", [](int i) { return i < 4 ? std::nan("") : -2.0; });
    const auto table = analysis(summarised(), "scorers");
    EXPECT_EQ(cell(table, "gain", "icv"), -1);
    EXPECT_EQ(cell(table, "gain", "fv"), 0);
    EXPECT_EQ(cell(table, "gain", "changed"), 0);
}

TEST_F(EvidenceTables, BehaviouralScores) {
    make_behavioural();
    // FV has the higher mean by a half of texts that are perfect; ICV is above 0.5 on nearly all.
    set("fv-chosen", "style", [](int i) { return i % 2 ? 1.0 : 0.2; });
    set("icv-chosen", "style", [](int i) { return i < 38 ? 0.55 : 0.5; });
    set("fv-chosen", "collapsed", [](int i) { return i % 2; });
    const auto table = analysis(summarised(), "scorers");
    ASSERT_EQ(table.rows.size(), 5u);
    EXPECT_EQ(cell(table, "style_half", "fv"), 0.5);
    EXPECT_EQ(cell(table, "style_half", "icv"), 0.95);
    EXPECT_EQ(cell(table, "style_half", "beyond"), 1);
    EXPECT_EQ(cell(table, "style_sure", "changed"), 0);
    EXPECT_NEAR(cell(table, "style_whole", "fv"), 0.2, 1e-12);
    EXPECT_EQ(cell(table, "style_whole", "beyond"), 1);
    EXPECT_EQ(summarised().analysis("scorers_filtered"), nullptr);
}

TEST_F(EvidenceTables, OverlapWithTheReferenceIsAScoreOfItsOwn) {
    make_behavioural();
    set("fv-chosen", "rouge_l", [](int i) { return i < 30 ? 0.25 : 0.75; });
    set("icv-chosen", "rouge_l", [](int i) { return i < 30 ? 0.5 : 0.75; });
    const TaskSummary t = summarised();
    EXPECT_EQ(t.primary, "style");
    const auto& table = analysis(t, "scorers");
    const char* const rouge = "rouge_l";
    EXPECT_NEAR(cell(table, rouge, "fv"), 0.375, 1e-12);
    EXPECT_NEAR(cell(table, rouge, "icv"), 0.5625, 1e-12);
    EXPECT_NEAR(cell(table, rouge, "zero-shot"), 0.5, 1e-12);
    EXPECT_EQ(cell(table, rouge, "orders"), 1);
    EXPECT_EQ(cell(table, rouge, "beyond"), 1);
    test::expect_parts(row(table, rouge).remark, {"ICV above FV", "beyond chance"});
    // The verdict and the pairs go by the style alone.
    EXPECT_GT(t.pairs.at(0).difference.mean, 0);
    EXPECT_NEAR(t.test.at(2).metrics.at("rouge_l").mean, 0.375, 1e-12);
}

TEST_F(EvidenceTables, RunsOfVersionsWithoutOverlapAreSummarised) {
    make_behavioural();
    const TaskSummary now = summarised();
    for (auto& r : made) r.scores.erase("rouge_l");
    const TaskSummary before = summarised();
    for (std::size_t i = 0; i < now.test.size(); ++i) {
        auto metrics = now.test[i].metrics;
        EXPECT_EQ(metrics.erase("rouge_l"), 1u);
        ASSERT_EQ(before.test.at(i).metrics.size(), metrics.size());
        for (const auto& [name, value] : before.test[i].metrics)
            EXPECT_EQ(value.mean, metrics.at(name).mean) << name;
    }
    EXPECT_EQ(analysis(before, "scorers").rows.size(), 4u);
    // Gone on with by this version: the last items have it, which is no mean over the test items.
    for (auto& r : made)
        if (r.item > 20) r.scores["rouge_l"] = 1;
    const TaskSummary between = summarised();
    for (const auto& setting : between.test) EXPECT_FALSE(setting.metrics.count("rouge_l")) << setting.id;
    EXPECT_EQ(analysis(between, "scorers").rows.size(), 4u);
}

TEST_F(EvidenceTables, OneMethodHasNoOrders) {
    make_functional();
    closing.settings.pop_back();
    const TaskSummary t = summarised();
    EXPECT_EQ(labels(analysis(t, "scorers")), (std::vector<std::string>{"FV", "Zero-shot"}));
    Summary s;
    s.tasks = {t};
    EXPECT_FALSE(scorer_flips(s));
}

// --- Predictors
// ---------------------------------------------------------------------------------------------

TEST_F(EvidenceTables, PredictorsStandBesideTheOutcome) {
    make_functional();
    part.evidence["fv"].predictors = {{"aie_top", 0.75}, {"lens_rank", 12}};
    part.evidence["icv"].predictors = {{"agreement", 0.25}, {"lens_rank", 3.5}};
    const auto table = analysis(summarised(), "predictors");
    EXPECT_EQ(labels(table), (std::vector<std::string>{"FV", "ICV"}));
    ASSERT_EQ(table.rows.size(), 4u);  // what nobody has is left out
    EXPECT_EQ(cell(table, "aie_top", "fv"), 0.75);
    EXPECT_TRUE(std::isnan(cell(table, "aie_top", "icv")));
    EXPECT_EQ(cell(table, "lens_rank", "icv"), 3.5);
    const auto& outcome = row(table, "outcome");
    EXPECT_EQ(outcome.values[0].mean, 0.75);
    EXPECT_LT(outcome.values[0].low, 0.75);
    part.evidence.clear();  // a run of an older version
    EXPECT_EQ(summarised().analysis("predictors"), nullptr);
    EXPECT_EQ(summarised().analysis("cost"), nullptr);
}

// A summary of tasks with one predictor and an outcome.
Summary tasks_of(const std::vector<double>& predictor, const std::vector<double>& outcome) {
    Summary s;
    for (std::size_t i = 0; i < predictor.size(); ++i) {
        TaskSummary t;
        t.model = "m";
        t.name = "t" + std::to_string(i);
        t.family = Family::functional;
        t.analyses = {{"predictors",
                       "",
                       "",
                       "",
                       {{"fv", "FV"}, {"icv", "ICV"}},
                       {{"aie_gini", "", {plain_number(predictor[i]), plain_number(std::nan(""))}},
                        {"outcome", "", {plain_number(outcome[i]), plain_number(0.5)}}}}};
        s.tasks.push_back(t);
    }
    s.models.resize(1);
    return s;
}

TEST_F(EvidenceTables, CorrelationOverTasks) {
    const std::string id = "m precise-answer fv aie_gini";
    const auto found =
        predictor_correlation(plan, tasks_of({0.1, 0.2, 0.3, 0.4, 0.5, 0.6}, {0.2, 0.1, 0.4, 0.3, 0.6, 0.5}));
    ASSERT_TRUE(found);
    ASSERT_EQ(found->rows.size(), 1u);  // the ICV has no such number
    EXPECT_EQ(found->rows[0].label, "FV: Gini coefficient of positive AIE");
    EXPECT_DOUBLE_EQ(cell(*found, id, "correlation"), 1 - 6.0 * 6 / (6 * 35));
    EXPECT_EQ(cell(*found, id, "tasks"), 6);
    const Interval& rho = found->rows[0].values[0];
    EXPECT_LT(rho.low, rho.mean);
    EXPECT_GE(rho.high, rho.mean);
    // Three tasks are too few; tasks of another family or model are not theirs.
    Summary few = tasks_of({0.1, 0.2, 0.3, 0.4}, {0, 1, 2, 3});
    EXPECT_TRUE(predictor_correlation(plan, few));
    few.tasks[0].family = Family::behavioural;
    EXPECT_FALSE(predictor_correlation(plan, few));
    few.tasks[0].family = Family::extractive;  // judged as functional ones are
    EXPECT_TRUE(predictor_correlation(plan, few));
    few.tasks[0].model = "other";
    EXPECT_FALSE(predictor_correlation(plan, few));
    const auto flat = predictor_correlation(plan, tasks_of({1, 2, 3, 4}, {0, 0, 0, 0}));
    ASSERT_TRUE(flat);
    EXPECT_TRUE(std::isnan(cell(*flat, id, "correlation")));
    EXPECT_EQ(flat->rows[0].remark, "the same on all tasks");
}

TEST_F(EvidenceTables, SeedsOfATaskAreOneTask) {
    Summary s = tasks_of({0.1, 0.9, 0.2, 0.3, 0.4}, {1, 0, 2, 3, 4});
    s.tasks[1].name = s.tasks[0].name;  // means 0.5 and 0.5
    s.tasks[1].seed = 1;
    const auto found = predictor_correlation(plan, s);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->rows[0].values[1].mean, 4);
    // Predictor 0.5, 0.2, 0.3, 0.4 against 0.5, 2, 3, 4: ranks 4, 1, 2, 3 against 1, 2, 3, 4.
    EXPECT_NEAR(found->rows[0].values[0].mean, 1 - 6.0 * 12 / (4 * 15), 1e-12);
}

// --- Costs
// --------------------------------------------------------------------------------------------------

TEST(BreakEven, IsTheFirstCheaperQuery) {
    EXPECT_EQ(break_even(1000, 50), 21);  // 20 queries cost as much
    EXPECT_EQ(break_even(999, 50), 20);
    EXPECT_EQ(break_even(10, 50), 1);
    EXPECT_TRUE(std::isnan(break_even(1000, 0)));
    EXPECT_TRUE(std::isnan(break_even(1000, -3)));
    EXPECT_TRUE(std::isnan(break_even(std::nan(""), 50)));
}

TEST_F(EvidenceTables, CostsByHand) {
    make_functional();
    for (const char* id : {"fv a", "fv b"}) {
        closing.grid.push_back({id, "", "fv", Kind::grid});
        validation.push_back(functional(id, 50, true, 8));
    }
    closing.valid_units = {"v"};
    part.evidence["fv"].texts = 12, part.evidence["fv"].tokens = 1000, part.evidence["fv"].bytes = 2560;
    part.evidence["icv"].bytes = 5120;  // a method that does not say what it reads
    const TaskSummary t = summarised();
    const auto& table = analysis(t, "cost");
    ASSERT_EQ(table.rows.size(), 3u);
    EXPECT_EQ(cell(table, "fv", "texts"), 12);
    EXPECT_EQ(cell(table, "fv", "tokens"), 1000);
    EXPECT_EQ(cell(table, "fv", "settings"), 2);
    EXPECT_EQ(cell(table, "fv", "bytes"), 2560);
    EXPECT_EQ(cell(table, "fv", "extra"), 0);
    // 58 tokens on average against 8: 50 more. 1000 tokens are 20 queries' worth.
    EXPECT_EQ(cell(table, "5-shot", "extra"), 50);
    EXPECT_EQ(cell(table, "fv", "queries"), 21);
    EXPECT_TRUE(std::isnan(cell(table, "icv", "tokens")));
    EXPECT_TRUE(std::isnan(cell(table, "icv", "queries")));
    EXPECT_EQ(cell(table, "icv", "settings"), 0);
    part.evidence["fv"].tokens = 3000;
    Summary s;
    s.tasks = {t, summarised()};
    const auto mean = cost_over_tasks(s);
    ASSERT_TRUE(mean);
    EXPECT_EQ(cell(*mean, "fv", "tokens"), 2000);
    EXPECT_EQ(cell(*mean, "fv", "queries"), (21 + 61) / 2.0);
    EXPECT_TRUE(std::isnan(cell(*mean, "icv", "tokens")));
    EXPECT_EQ(cell(*mean, "5-shot", "extra"), 50);
}

}  // namespace
}  // namespace tiller::study

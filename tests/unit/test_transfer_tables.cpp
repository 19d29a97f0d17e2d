// Tables of the protocol "transfer" from records with planted effects.
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "protocols/transfer/transfer.h"
#include "tiller/study.h"

namespace tiller::study {
namespace {

constexpr int kItems = 40;

class TransferTables : public testing::Test {
protected:
    TransferTables() {
        plan = default_plan("transfer");
        plan.methods = {"fv", "icv"};
        plan.controls = false;
        plan.n_bootstrap = 400;
        plan.transfer.forms = {"qa", "arrow"};
        plan.transfer.places = {"natural"};
        plan.transfer.shots = {3};
        plan.transfer.factors = {-1};
        for (const std::string place : {"qa", "arrow", "natural"}) add(unsteered_in(place), -6);
        for (const std::string method : {"fv", "icv"})
            for (const std::string from : {"qa", "arrow"})
                for (const std::string place : {"qa", "arrow", "natural"}) {
                    const double own = method == "fv" ? 2 : 0;
                    add(steered_in(method, from, place), -6 + (from == place ? own : own / 4));
                }
        add(both_of("fv", "icv"), -3);
        for (const std::string method : {"fv", "icv"}) {
            add(multiple_of(method, -1), -7);
            add(with_shots(method, 3), -1);
        }
        add(with_shots("unsteered", 3), -1.5);
        for (const std::string method : {"fv", "icv"})
            for (const std::string from : {"qa", "arrow"}) part.settings[method][from] = "layer 1";
    }
    // Log-probabilities around a mean: each item is as hard in every setting, so that differences are exact.
    void add(const std::string& id, double mean) {
        for (int item = 0; item < kItems; ++item) {
            ItemRecord& r = made.emplace_back();
            r.setting = id, r.item = item;
            r.scores = {{"first_token", mean > -4 && item % 2 == 0 ? 1 : 0},
                        {"logprob", mean + 0.01 * (item - 19.5)}};
        }
    }
    TaskSummary summary() {
        const Units units = {{"test", record_lines(made, "test")}};
        TaskClosing closing;
        closing.test_units = {"test"};
        const auto line = record_lines<ClosingWith<TransferClosing>>({{closing, part}}, "task").at(0);
        TaskSummary t;
        protocol_of(plan).analyse(plan, records_of(units, line), t);
        return t;
    }
    static const AnalysisRow& row(const TaskSummary& t, const std::string& table, const std::string& id) {
        for (const auto& analysis : t.analyses)
            if (const auto* found = analysis.id == table ? analysis.row(id) : nullptr) return *found;
        throw std::runtime_error(table + " has no " + id);
    }

    Plan plan;
    std::vector<ItemRecord> made;
    TransferClosing part = {"k", {}};
};

TEST_F(TransferTables, FindWhatWasPlanted) {
    const TaskSummary t = summary();
    const auto& gains = row(t, "transfer", "fv qa");
    EXPECT_NEAR(gains.values[0].mean, 2, 1e-9);
    EXPECT_NEAR(gains.values[0].low, 2, 1e-9);  // differences by item have no spread here
    EXPECT_NEAR(gains.values[1].mean, 0.5, 1e-9);
    EXPECT_EQ(gains.remark, "layer 1");
    const auto& kept = row(t, "transfer-kept", "fv arrow");
    EXPECT_NEAR(kept.values[0].mean, 0.25, 1e-9);
    EXPECT_EQ(kept.values[1].mean, 1);
    EXPECT_TRUE(std::isnan(row(t, "transfer-kept", "icv qa").values[1].mean));  // nothing to keep
    const auto& all = row(t, "transfer-summary", "fv");
    EXPECT_NEAR(all.values[0].mean, 2, 1e-9);
    EXPECT_NEAR(all.values[1].mean, 0.5, 1e-9);
    EXPECT_NEAR(all.values[2].mean, 0.25, 1e-9);
    EXPECT_NEAR(all.values[3].mean, 0.5, 1e-9);
    const auto& both = row(t, "composition", "fv + icv");
    EXPECT_NEAR(both.values[1].mean, 3, 1e-9);
    EXPECT_NEAR(both.values[2].mean, 2, 1e-9);
    EXPECT_NEAR(both.values[3].mean, 1, 1e-9);
    EXPECT_NEAR(row(t, "composition", "icv x -1").values[1].mean, -1, 1e-9);
    // Half of the items are hit where the answer is likelier than exp(-4).
    EXPECT_NEAR(both.values[0].mean, 0.5, 1e-9);
    EXPECT_NEAR(row(t, "composition", "icv").values[0].mean, 0, 1e-9);
}

TEST_F(TransferTables, InteractionWithDemonstrations) {
    const TaskSummary t = summary();
    const auto& shots = row(t, "shots", "fv, 3-shot");
    EXPECT_NEAR(shots.values[2].mean, -1.5, 1e-9);
    EXPECT_NEAR(shots.values[3].mean, -1, 1e-9);
    EXPECT_NEAR(shots.values[4].mean, 0.5, 1e-9);
    EXPECT_NEAR(shots.values[5].mean, 0.5 - 2, 1e-9);
    // In log-odds a step near probability 1 counts for more.
    EXPECT_GT(shots.values[6].mean, shots.values[5].mean);
    const auto odds = [](double v) { return v - std::log(1 - std::exp(v)); };
    EXPECT_NEAR(shots.values[6].mean, odds(-1) - odds(-1.5) - (odds(-4) - odds(-6)), 0.02);
    const auto& none = row(t, "shots", "fv, 0-shot");
    EXPECT_NEAR(none.values[4].mean, 2, 1e-9);
    EXPECT_TRUE(std::isnan(none.values[5].mean));
}

TEST_F(TransferTables, SentencesSayWhatIsKept) {
    const TaskSummary t = summary();
    const std::string verdict = protocol_of(plan).verdict(plan, t);
    EXPECT_NE(verdict.find("fv: gain 2.00"), std::string::npos) << verdict;
    EXPECT_NE(verdict.find("25 %"), std::string::npos) << verdict;
    EXPECT_NE(verdict.find("icv: no clear gain"), std::string::npos) << verdict;
}

// A row that broke has no log-probability: its item is left out of the differences with it.
TEST_F(TransferTables, BrokenRowsAreLeftOut) {
    for (auto& record : made)
        if (record.setting == steered_in("fv", "qa", "arrow"))
            record.scores["logprob"] = record.item == 0 ? std::nan("") : record.scores["logprob"] + 1;
    const TaskSummary t = summary();
    EXPECT_NEAR(row(t, "transfer", "fv qa").values[1].mean, 1.5, 1e-9);
    EXPECT_NEAR(row(t, "transfer-summary", "fv").values[1].mean, 1, 1e-9);
}

}  // namespace
}  // namespace tiller::study

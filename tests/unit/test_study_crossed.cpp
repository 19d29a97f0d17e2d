// The crossed design: plans, cells and edits; what is found in simulated records.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "protocols/crossed/crossed.h"
#include "test_tasks_files.h"
#include "tiller/report.h"

namespace tiller::study {
namespace {

using test::error_of;
using test::expect_parts;

class CrossedPlanFile : public testing::Test {
protected:
    Plan load(const std::string& text) const {
        return load_plan(folder.write("plan.toml", "protocol = \"crossed\"\n" + text));
    }
    std::string refusal(const std::string& text) const {
        return error_of(Code::bad_input, [&] { load(text); });
    }
    test::ScratchFolder folder;
};

TEST_F(CrossedPlanFile, EveryFieldSurvivesTheRoundTrip) {
    Plan plan = default_plan("crossed");
    EXPECT_EQ(plan_toml(load("")), plan_toml(plan));
    EXPECT_FALSE(plan.controls);
    plan.crossed.sources = {"random", "mean-diff"};
    plan.crossed.places = {"attention-heads", "mlp-one"};
    plan.crossed.positions = {"last_prompt"};
    plan.crossed.operations = {"replace"};
    plan.crossed.doses = {0.3, 7};
    plan.crossed.layers = {2, 1};
    plan.crossed.heads = {9};
    const Plan read = load(plan_toml(plan).substr(plan_toml(plan).find('\n') + 1));
    EXPECT_EQ(plan_toml(read), plan_toml(plan));
    EXPECT_EQ(read.crossed.places, plan.crossed.places);
    EXPECT_EQ(read.crossed.heads, plan.crossed.heads);
    EXPECT_EQ(plan_toml(Plan{}).find("[crossed]"), std::string::npos);
}

TEST_F(CrossedPlanFile, ImpossibleValuesAreNamedWithTheirLine) {
    const auto table = [&](const std::string& line) { return refusal("[crossed]\n" + line + "\n"); };
    expect_parts(table("sources = [\"fv\", \"sae\"]"), {"line 3", "crossed.sources", "\"sae\"", "mean-diff"});
    expect_parts(table("places = []"), {"line 3", "crossed.places", "empty", "residual-one"});
    expect_parts(table("positions = [\"all\", \"all\"]"), {"crossed.positions", "all twice"});
    expect_parts(table("operations = [\"multiply\"]"), {"crossed.operations", "multiply", "turn"});
    expect_parts(table("doses = [1, 0]"), {"crossed.doses", "has 0", "above 0"});
    expect_parts(table("doses = []"), {"crossed.doses", "empty"});
    expect_parts(table("layers = [-1]"), {"crossed.layers", "-1", "0 or more"});
    expect_parts(table("heads = [0]"), {"crossed.heads", "has 0", "1 or more"});
    expect_parts(
        table("sources = [\"fv\"]\nplaces = [\"mlp-all\"]\npositions = [\"all\"]\noperations = [\"add\"]"),
        {"crossed.sources", "one level"});
    expect_parts(refusal("controls = true\n"), {"line 2", "controls", "random"});
    expect_parts(refusal("methods = [\"icv\"]\n"), {"line 2", "methods", "sources"});
    expect_parts(
        error_of(Code::bad_input, [&] { load_plan(folder.write("other.toml", "[crossed]\ndoses = [1]\n")); }),
        {"line 1", "[crossed]", "protocol"});
}

TEST(CrossedDesign, CellsAreInTheFactorialsOrder) {
    const CrossedPlan plan;
    const auto cells = crossed_cells(plan);
    ASSERT_EQ(cells.size(), crossed_factorial(plan).n_cell());
    EXPECT_EQ(cells[0].id(), "fv residual-one steered add");
    EXPECT_EQ(cells[1].id(), "fv residual-one steered turn");
    EXPECT_EQ(cells.back().id(), "icv mlp-all all turn");
    // A value that only the place decides has no other component.
    std::vector<double> values;
    for (const auto& cell : cells) values.push_back(cell.place() == "mlp-all" ? 3 : 0);
    const auto parts = crossed_factorial(plan).components(values);
    for (std::size_t set = 1; set < parts.size(); ++set) EXPECT_NEAR(parts[set], set == 2 ? 2 : 0, 1e-12);
}

TEST(CrossedDesign, CornersAreTheSchoolsOwnCells) {
    CrossedPlan plan;
    EXPECT_EQ(crossed_corner(plan, 0)->id(), "fv residual-one steered add");
    EXPECT_EQ(crossed_corner(plan, 15)->id(), "icv mlp-all all turn");
    EXPECT_EQ(crossed_corner(plan, 2)->id(), "fv mlp-all steered add");
    plan.operations = {"turn"};
    EXPECT_FALSE(crossed_corner(plan, 0));
    EXPECT_TRUE(crossed_corner(plan, 8));
}

TEST(CrossedDesign, EditsShareADoseAmongLayersAndOperations) {
    // Directions of length 5 and 2 meet activations of length 10 and 30.
    const CrossedDirections directions({{"icv", {{0, {3, 4}}, {1, {0, 2}}}}},
                                       {{Site::mlp_output, {{0, 10}, {1, 30}}}, {Site::residual, {{1, 50}}}});
    const auto add = directions.edits({{"icv", "mlp-all", "all", "add"}}, {0, 1}, 0.5);
    ASSERT_EQ(add.size(), 2u);
    EXPECT_EQ(add[0].site, Site::mlp_output);
    EXPECT_EQ(add[0].positions.kind, Positions::Kind::all);
    EXPECT_EQ(*add[0].vector, (std::vector<float>{6, 8}));
    EXPECT_EQ(*add[1].vector, (std::vector<float>{0, 30}));
    EXPECT_FLOAT_EQ(add[0].strength, 0.25f);
    const auto turn = directions.edits({{"icv", "mlp-all", "prompt", "turn"}}, {0, 1}, 0.5);
    EXPECT_EQ(turn[1].operation, Operation::turn);
    EXPECT_EQ(turn[1].positions.kind, Positions::Kind::prompt);
    EXPECT_FLOAT_EQ(turn[1].strength, 2.5f);   // 0.1 * 2.5 of the activation's length
    EXPECT_EQ(turn[1].vector, add[1].vector);  // one buffer
    const auto replace = directions.edits({{"icv", "residual-one", "steered", "replace"}}, {1}, 3);
    ASSERT_EQ(replace.size(), 1u);
    EXPECT_EQ(*replace[0].vector, (std::vector<float>{0, 50}));
    EXPECT_FLOAT_EQ(replace[0].strength, 0.75f);
}

TEST(CrossedDesign, ADirectionOfNoLengthStaysSo) {
    const CrossedDirections directions({{"fv", {{0, {0, 0}}}}}, {{Site::residual, {{0, 10}}}});
    EXPECT_EQ(*directions.edits({{"fv", "residual-one", "all", "add"}}, {0}, 1)[0].vector,
              (std::vector<float>{0, 0}));
}

// Records of every cell, made up by a rule.
class CrossedRecords : public testing::Test {
protected:
    Summary analysed(const std::function<double(const CrossedCell&, int item)>& score, int n_item,
                     bool behavioural = false) {
        Plan plan = default_plan("crossed");
        plan.n_bootstrap = 300;
        TaskSummary t;
        t.model = "made up";
        t.name = "task";
        t.family = behavioural ? Family::behavioural : Family::functional;
        t.primary = behavioural ? "style" : "first_token";
        t.n_test = n_item;
        CrossedClosing part;
        std::vector<ItemRecord> made;
        const auto add = [&](const std::string& id, int item, double value) {
            ItemRecord& r = made.emplace_back();
            r.setting = id, r.item = item, r.generated = "text " + std::to_string(item % 15);
            r.scores = {{"first_token", value > 0.5 ? 1 : 0},
                        {"exact", value > 0.7 ? 1 : 0},
                        {"logprob", value},
                        {"style", value},
                        {"nll", 2.0},
                        {"collapsed", 0}};
        };
        for (const auto& cell : crossed_cells(plan.crossed)) {
            part.cells.push_back({cell.id(), cell.id(), cell.source(), Kind::condition, "", {{"dose", 4.0}}});
            for (int i = 0; i < n_item; ++i) add(cell.id(), i, score(cell, i));
        }
        for (int i = 0; i < n_item; ++i) add("zero-shot", i, 0);
        for (const std::size_t set : {0, 15}) {
            SettingSummary setting;
            setting.id = crossed_corner(plan.crossed, set)->id();
            setting.metrics[t.primary] = {0.5, 0.4, 0.6};
            t.test.push_back(setting);
        }
        TaskClosing closing;
        closing.test_units = {"u"};
        const Units units = {{"u", record_lines(made, "u")}};
        const TaskRecords records =
            records_of(units, record_lines<ClosingWith<CrossedClosing>>({{closing, part}}, "task").at(0));
        const Protocol& protocol = protocol_of(plan);
        protocol.analyse(plan, records, t);
        t.verdict = protocol.verdict(plan, t);
        Summary s;
        s.tasks = {t};
        s.findings = protocol.findings(plan, s);
        return s;
    }
    static const AnalysisSummary& table(const Summary& s, const std::string& id) {
        for (const auto& a : s.tasks.at(0).analyses)
            if (a.id == id) return a;
        throw std::runtime_error("no table " + id);
    }
    static const AnalysisRow& row(const AnalysisSummary& a, const std::string& id) {
        if (const auto* found = a.row(id)) return *found;
        throw std::runtime_error("no row " + id);
    }
};

TEST_F(CrossedRecords, APlantedFactorIsFound) {
    // In the residual stream of one layer 75 % of the items are right, elsewhere a quarter of these.
    Random random(1, "planted");
    const Summary s =
        analysed([&](const CrossedCell& cell,
                     int) { return random.uniform() < (cell.one_layer() ? 0.75 : 0.25) ? 1.0 : 0.0; },
                 40);
    const auto& factors = table(s, "factors");
    EXPECT_EQ(factors.columns.front().id, "first_token");
    EXPECT_EQ(factors.columns.front().label, "first token");
    const auto& place = row(factors, "place");
    EXPECT_GT(place.values[0].low, 0.75);
    EXPECT_LE(row(factors, "source").values[0].high, 0.1);
    expect_parts(place.remark, {"residual-one 0.7", "mlp-all 0.2"});
    double sum = 0;
    for (const auto& r : factors.rows)
        if (std::isfinite(r.values[0].mean)) sum += r.values[0].mean;
    EXPECT_NEAR(sum, 1, 1e-9);
    const auto& gap = table(s, "gap");
    EXPECT_NEAR(row(gap, "place").values[0].mean, -0.5, 0.1);
    EXPECT_LT(row(gap, "place").values[0].high, -0.3);
    EXPECT_GT(row(gap, "place").values[3].mean, 0.99);
    double parts = 0;
    for (std::size_t k = 1; k < gap.rows.size(); ++k) parts += gap.rows[k].values[0].mean;
    EXPECT_NEAR(parts, gap.rows[0].values[0].mean, 1e-9);
    expect_parts(s.tasks[0].verdict, {"the place (residual-one to mlp-all)", "points", "100 % of resamples",
                                      "Over all cells, place accounts for"});
    ASSERT_EQ(s.findings.size(), 1u);
    expect_parts(s.findings[0], {"On 1 precise-answer task", "place -", "(off zero on 1)"});
}

TEST_F(CrossedRecords, APlantedInteractionIsFoundInStyleScores) {
    // Only the ICV's direction, turned, does anything: two factors share it.
    Random random(2, "interaction");
    const Summary s = analysed(
        [&](const CrossedCell& cell, int) {
            return (cell.source() == "icv" && cell.operation() == "turn" ? 0.8 : 0.2) +
                   0.05 * random.normal();
        },
        30, true);
    const auto& factors = table(s, "factors");
    ASSERT_EQ(factors.columns.size(), 2u);
    EXPECT_EQ(factors.columns[0].label, "style");
    EXPECT_EQ(factors.columns[1].label, "style: of all variance");
    // Means 0.2, 0.2, 0.2, 0.8: both main effects and the interaction have a third each.
    for (const char* effect : {"source", "operation", "source x operation"}) {
        EXPECT_NEAR(row(factors, effect).values[0].mean, 1.0 / 3, 0.02) << effect;
        EXPECT_GT(row(factors, effect).values[0].low, 0.25) << effect;
    }
    EXPECT_NEAR(row(factors, "place").values[0].mean, 0, 0.01);
    const auto& gap = table(s, "gap");
    EXPECT_NEAR(row(gap, "source").values[0].mean, 0.3, 0.03);
    EXPECT_NEAR(row(gap, "source").values[1].mean, 0, 0.05);    // first
    EXPECT_NEAR(row(gap, "source").values[2].mean, 0.6, 0.05);  // last
    const auto& cells = table(s, "cells");
    EXPECT_EQ(cells.columns[2].id, "collapsed");
    EXPECT_NEAR(row(cells, "icv mlp-all all turn").values[0].mean, 0.8, 0.05);
    EXPECT_NEAR(row(cells, "icv mlp-all all turn").values[3].mean, std::exp(2.0), 1e-9);
    EXPECT_EQ(row(cells, "icv mlp-all all turn").values[4].mean, 0.5);  // 15 texts for 30 items
    EXPECT_EQ(row(cells, "icv mlp-all all turn").remark, "ICV's own cell; largest dose tried");
    expect_parts(s.tasks[0].verdict, {"style"});
}

TEST_F(CrossedRecords, WhereNothingIsFoundNothingIsSaid) {
    const Summary s = analysed([](const CrossedCell&, int) { return 0.1; }, 20);
    EXPECT_TRUE(std::isnan(row(table(s, "factors"), "place").values[0].mean));
    expect_parts(s.tasks[0].verdict, {"no difference shown", "No factor carries", "not told apart"});
    // Charts and tables stand all the same.
    EXPECT_NE(report_html(s, {}).find("not told apart"), std::string::npos);
}

TEST_F(CrossedRecords, LogProbabilitiesSpeakWhereHitsDoNot) {
    Random random(3, "log p");
    const Summary s =
        analysed([&](const CrossedCell& cell,
                     int) { return -8 + (cell.source() == "fv" ? 2 : 0) + 0.5 * random.normal(); },
                 20);
    expect_parts(s.tasks[0].verdict, {"By log p: -2.", "nats", "the source (fv to icv)",
                                      "source accounts for", "differences in log p"});
}

TEST_F(CrossedRecords, BrokenRowsLeaveTheirItemOut) {
    Random random(4, "broken");
    const Summary s = analysed(
        [&](const CrossedCell& cell, int item) {
            if (item == 3 && cell.id() == "fv mlp-all all add") return std::nan("");
            return random.normal();
        },
        20);
    expect_parts(table(s, "factors").note, {"1 of 20 items have no log p"});
}

}  // namespace
}  // namespace tiller::study

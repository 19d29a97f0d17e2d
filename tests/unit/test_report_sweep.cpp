// Files of a sweep: names from outside stay data, and missing numbers are said to be missing.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tiller/sweep.h"

namespace tiller {
namespace {

Sweep hostile_sweep() {
    Sweep sweep;
    sweep.model = "<script>alert(1)</script>";
    sweep.task = "=cmd|\x1b[31m\"x\",</script>";
    sweep.plan.heads = {2}, sweep.plan.layers = {0, 1}, sweep.plan.scales = {1};
    sweep.items = {{4, "in\xff", {"out"}, false}, {7, "b", {"c"}, false}};
    const auto cell = [](int heads, int layer, double scale, ItemScores items) {
        SweepCell c{heads, layer, scale, std::move(items), {}, {}};
        c.all = sweep_score(c.items, {}, 100, 0);
        c.filtered = sweep_score(c.items, {false, false}, 100, 0);
        return c;
    };
    sweep.few_shot = cell(0, 0, 0, {{0, 0}, {-3, -4}});
    SweepColumn column;
    column.unsteered = cell(0, 0, 0, {{0, 0}, {-5, -6}});
    column.cells = {cell(2, 0, 1, {{1, 0}, {-0.5, -2}}), cell(2, 1, 1, {{0, 0}, {NAN, NAN}})};
    column.best = best_cell(column.cells);
    sweep.columns = {column};
    return sweep;
}

TEST(SweepFiles, JsonSaysWhatIsMissing) {
    const auto tree = nlohmann::json::parse(sweep_json(hostile_sweep()));
    const auto& broken = tree.at("contexts").at(0).at("settings").at(1);
    EXPECT_TRUE(broken.at("logprobs").at(0).is_null());
    EXPECT_TRUE(broken.at("all").at("logprob").is_null());
    EXPECT_EQ(broken.at("all").at("n_broken"), 2);
    EXPECT_TRUE(broken.at("filtered").at("first_token").is_null());
    EXPECT_EQ(tree.at("contexts").at(0).at("best"), 0);
    EXPECT_EQ(tree.at("contexts").at(0).at("settings").at(0).at("hits"), "10");
    EXPECT_EQ(tree.at("items").at(0).at("input"), "in\xef\xbf\xbd");
}

TEST(SweepFiles, CsvHasOneWidth) {
    std::istringstream lines(sweep_csv(hostile_sweep()));
    std::string head, line;
    ASSERT_TRUE(std::getline(lines, head));
    int n = 0;
    for (; std::getline(lines, line); ++n) {
        std::string bare;
        bool quoted = false;
        for (const char c : line) {
            if (c == '"') quoted = !quoted;
            if (!quoted) bare += c;
        }
        EXPECT_EQ(std::count(bare.begin(), bare.end(), ','), std::count(head.begin(), head.end(), ','))
            << line;
    }
    EXPECT_EQ(n, 2 * (1 + 1 + 2));
}

TEST(SweepFiles, PageAndTableKeepNamesAsText) {
    const std::string page = sweep_html(hostile_sweep());
    EXPECT_EQ(page.find("<script>alert"), std::string::npos);
    EXPECT_NE(page.find("&lt;script&gt;alert(1)"), std::string::npos);
    EXPECT_EQ(sweep_table(hostile_sweep()).find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace tiller

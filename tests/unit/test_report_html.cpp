#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "core/util.h"
#include "report/charts.h"
#include "report/escape.h"
#include "report/palette.h"
#include "tiller/report.h"
#include "unit/test_report_summary.h"

namespace tiller {
namespace {

using namespace report;

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t n = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++n;
    return n;
}

/// The page up to the chart libraries.
std::string page_of(const Summary& summary, const std::vector<Cost>& costs = {}) {
    const std::string all = report_html(summary, costs);
    return all.substr(0, all.find("</main>"));
}

/// A minimal reader of tags, so that the test does not trust the writer: the names of all elements in order,
/// with the contents of <style> and <script> skipped as a browser does.
std::vector<std::string> elements_of(const std::string& page) {
    std::vector<std::string> names;
    for (std::size_t at = page.find('<'); at != std::string::npos; at = page.find('<', at)) {
        std::size_t end = at + 1;
        while (end < page.size() && (std::isalnum(static_cast<unsigned char>(page[end])) || page[end] == '/'))
            ++end;
        const std::string name = page.substr(at + 1, end - at - 1);
        char quote = 0;
        for (; end < page.size() && (quote || page[end] != '>'); ++end) {
            if (quote)
                quote = page[end] == quote ? 0 : quote;
            else if (page[end] == '"' || page[end] == '\'')
                quote = page[end];
        }
        names.push_back(name);
        at = end;
        if (name == "script" || name == "style") at = page.find("</" + name, at);
    }
    return names;
}

/// Puts the text everywhere a text can stand.
Summary filled_with(const std::string& text) {
    Summary summary = test::small_summary();
    summary.title = summary.question = text;
    summary.findings = summary.notes = {text};
    for (std::string* field :
         {&summary.models[0].name, &summary.models[0].path, &summary.models[0].digest,
          &summary.models[0].architecture, &summary.models[0].quantisation, &summary.provenance.command,
          &summary.provenance.plan_toml, &summary.provenance.machine, &summary.provenance.engine_version,
          &summary.provenance.program_version})
        *field = text;
    summary.provenance.task_digests = summary.provenance.vector_files = {{text, text}};
    TaskSummary& task = summary.tasks[0];
    task.model = task.name = task.verdict = text;
    for (auto* list : {&task.test, &task.grid})
        for (auto& setting : *list) {
            setting.id += text;
            setting.label = text;
            setting.metrics[text] = {1, 1, 1};
            setting.setting[text] = 1;
        }
    task.examples = {{0, text, text, {}}};
    for (const auto& setting : task.test) task.examples[0].outputs[setting.id] = text;
    return summary;
}

TEST(ReportHtml, HoldsItsParts) {
    const std::string page = page_of(test::small_summary(), test::small_costs());
    for (const char* part :
         {"A small study", "Does it steer?", "It does, a little.", "id=\"overview\"", "id=\"tasks\"",
          "id=\"task-1\" open", "Heads that carry the task", "FV: strength against effect",
          "All 2 validation points", "<h4>Examples</h4>", "id=\"cost\"", "id=\"notes\"", "id=\"provenance\"",
          "seeds = [1]", "cc33", "vectors/antonym-fv.gguf", "default-src 'none'"})
        EXPECT_NE(page.find(part), std::string::npos) << part;
    EXPECT_NE(page.find(R"(<td class="num best ">0.50 <small>[0.38, 0.62]</small>)"), std::string::npos);
    EXPECT_NE(page.find(R"(<td class="num null">0.25 <small>)"), std::string::npos);
    EXPECT_EQ(count(page, "<figure"), 3U);
    EXPECT_EQ(count(page, "http"), 1U) << "only the meta element's http-equiv";
}

TEST(ReportHtml, TheSameInputGivesTheSameBytes) {
    EXPECT_EQ(report_html(test::small_summary(), test::small_costs()),
              report_html(test::small_summary(), test::small_costs()));
    auto costs = test::small_costs();
    std::reverse(costs.begin(), costs.end());
    EXPECT_EQ(report_html(test::small_summary(), test::small_costs()),
              report_html(test::small_summary(), costs));
}

TEST(ReportHtml, NothingButTheReportsOwnScriptsMayRun) {
    const std::string page = report_html(test::small_summary(), {});
    EXPECT_EQ(page.find("unsafe-eval"), std::string::npos);
    const std::string policy = page.substr(0, page.find("style-src"));
    EXPECT_EQ(count(policy, "'sha256-"), 4U);
    EXPECT_EQ(count(policy, "unsafe-inline"), 0U);
}

TEST(ReportHtml, TextFromOutsideMakesNoElement) {
    const auto wanted = elements_of(page_of(filled_with("plain")));
    for (const std::string text : {"</script><script>alert(1)</script>", "\"><img src=x onerror=alert(1)>",
                                   "'--><!--<script>", "]]>&lt;b&gt;", "</style></title></textarea>x"}) {
        const std::string page = page_of(filled_with(text));
        auto found = elements_of(page);
        EXPECT_EQ(found, wanted) << text;
        EXPECT_EQ(page.find(text.substr(0, 12)), std::string::npos) << text;
    }
}

TEST(ReportHtml, OddBytesAreShown) {
    const std::string page = page_of(filled_with(std::string("a\0\x1b[0m\xff", 7)));
    EXPECT_TRUE(is_valid_utf8(page));
    EXPECT_EQ(page.find('\0'), std::string::npos);
    EXPECT_EQ(page.find('\x1b'), std::string::npos);
    EXPECT_NE(page.find("a\u2400\u241b[0m\ufffd"), std::string::npos);
}

TEST(ReportHtml, ALongTextIsCut) {
    Summary summary = test::small_summary();
    summary.tasks[0].examples[0].outputs["fv-chosen"] = std::string(1 << 20, 'x');
    const std::string page = page_of(summary);
    EXPECT_LT(page.size(), 100000U);
    EXPECT_NE(page.find("1\u202f047\u202f976 more characters"), std::string::npos);
}

TEST(ReportHtml, WhiteSpaceInSamplesIsVisible) {
    EXPECT_EQ(html_sample(" a b\n ", 99),
              "<span class=\"ws\">\u00b7</span>a b<span class=\"ws\">\u21b5</span><wbr><span "
              "class=\"ws\">\u00b7</span>");
    EXPECT_EQ(html_sample("  ", 99), "<span class=\"ws\">\u00b7</span><span class=\"ws\">\u00b7</span>");
    EXPECT_EQ(html_sample("", 99), "<span class=\"ws\">(empty)</span>");
    EXPECT_EQ(html_sample("\u00e4\u00f6\u00fc", 2),
              "\u00e4\u00f6<span class=\"ws\">\u2026 (1 more characters)</span>");
}

TEST(ReportHtml, ChartDataCannotEndItsElement) {
    const std::string text = script_json({{"a", "</script><!--&\u2028"}});
    EXPECT_EQ(text.find_first_of("<>&"), std::string::npos);
    EXPECT_NE(text.find("\\u2028"), std::string::npos);
    EXPECT_EQ(nlohmann::json::parse(text)["a"], "</script><!--&\u2028");
}

TEST(ReportHtml, MissingPartsAreLeftOut) {
    const std::string none = page_of(Summary{});
    EXPECT_EQ(count(none, "<figure"), 0U);
    EXPECT_EQ(none.find("id=\"cost\""), std::string::npos);
    EXPECT_NE(none.find("id=\"provenance\""), std::string::npos);
    EXPECT_FALSE(report_markdown(Summary{}, {}).empty());
    EXPECT_EQ(count(report_csv(Summary{}), "\n"), 1U);

    Summary summary = test::small_summary();
    summary.tasks[0].aie.clear();
    summary.tasks[0].top_heads.clear();
    summary.tasks[0].grid.clear();
    summary.tasks[0].examples.clear();
    EXPECT_EQ(count(page_of(summary), "<figure"), 1U);
    summary.tasks[0].test.clear();
    EXPECT_EQ(count(page_of(summary), "<figure"), 0U);
    summary.tasks[0].grid = test::small_summary().tasks[0].grid;
    for (auto& point : summary.tasks[0].grid) point.setting.clear();
    EXPECT_EQ(count(page_of(summary), "<figure"), 0U);  // No strength to draw; the table stays.
}

TEST(ReportHtml, NumbersThatAreNotFiniteAreNeverBareTokens) {
    Summary summary = test::small_summary();
    const double nan = std::numeric_limits<double>::quiet_NaN(),
                 inf = std::numeric_limits<double>::infinity();
    TaskSummary& task = summary.tasks[0];
    task.family = Family::behavioural;
    for (auto* list : {&task.test, &task.grid})
        for (auto& setting : *list) {
            setting.metrics["first_token"] = {nan, -inf, inf};
            setting.metrics["perplexity"] = {inf, nan, nan};
            setting.difference["random"] = {nan, nan, nan};
            setting.setting["scale"] = inf;
        }
    task.aie = {{nan, inf}, {nan, nan}};
    task.top_heads[0].aie = nan;
    const std::string page = page_of(summary, {{"tiny", "", "fv", "test", 1, 1, nan}});
    for (const char* token : {":nan", ":NaN", ":inf", ">nan", ">inf", "[nan", "Infinity"})
        EXPECT_EQ(page.find(token), std::string::npos) << token;
    EXPECT_NE(page.find("n/a"), std::string::npos);
    EXPECT_NE(report_markdown(summary, {}).find("n/a"), std::string::npos);
    EXPECT_FALSE(terminal_table(task, 80, true).empty());
}

TEST(ReportHtml, EachMethodHasOneColour) {
    Summary summary = test::small_summary();
    const Palette before(summary);
    summary.tasks[0].test[0].method = "aaa-new";
    summary.tasks[0].test[1].method = "zzz-new";
    const Palette after(summary);
    for (const char* method : {"none", "prompt", "fv", "icv", "random"})
        EXPECT_EQ(before.colour(method), after.colour(method)) << method;
    EXPECT_NE(after.colour("aaa-new"), after.colour("zzz-new"));
    EXPECT_NE(after.colour("aaa-new"), after.colour("fv"));
}

TEST(ReportCharts, HeadsAreCentredAtZeroAndTheChosenOnesOutlined) {
    const TaskSummary task = test::small_summary().tasks[0];
    const Chart chart = head_chart(task);
    EXPECT_EQ(outlined_heads(task), 2);
    // Another method that sums heads, ranked by another score, does not outline those of FV.
    TaskSummary both = task;
    SettingSummary other = *both.find("fv-chosen");
    other.id = "concept-heads-chosen", other.method = "concept-heads", other.setting["heads"] = 1;
    both.test.push_back(other);
    EXPECT_EQ(outlined_heads(both), 2);
    both.test.insert(both.test.begin(), other);
    EXPECT_EQ(outlined_heads(both), 2);
    EXPECT_EQ(chart.spec["data"]["values"].size(), 4U);
    EXPECT_EQ(chart.spec["layer"][0]["encoding"]["color"]["scale"]["domain"], nlohmann::json({-0.5, 0, 0.5}));
    EXPECT_EQ(chart.spec["data"]["values"][3]["rank"], 1);
    EXPECT_EQ(chart.spec["data"]["values"][3]["top"], true);
}

// A task vector replaces: it has a layer, but no strength.
TEST(ReportCharts, MethodsWithoutAStrengthAreShownOverTheirLayers) {
    Summary summary = test::small_summary();
    TaskSummary& task = summary.tasks[0];
    for (auto* settings : {&task.test, &task.grid})
        for (auto& setting : *settings)
            if (setting.method == "fv") setting.setting = {{"layer", 2}};
    task.grid.push_back(*grid_points(task, "fv", "first_token").back());
    task.grid.back().setting["layer"] = 1;
    EXPECT_EQ(strength_of(grid_points(task, "fv", "first_token")), "layer");
    const Chart chart = strength_chart(task, "fv", "first_token", Palette(summary));
    EXPECT_EQ(chart.panels, 1);
    std::set<double> shown;
    for (const auto& row : chart.spec["data"]["values"]) shown.insert(row["strength"].get<double>());
    EXPECT_EQ(shown, (std::set<double>{1, 2}));
    EXPECT_NE(page_of(summary).find("layer against"), std::string::npos);
}

TEST(ReportCharts, ThePanelsOfAStrengthChartAreTheNumbersOfHeads) {
    Summary summary = test::small_summary();
    const Palette palette(summary);
    TaskSummary& task = summary.tasks[0];
    EXPECT_EQ(strength_chart(task, "fv", "first_token", palette).panels, 1);
    task.grid.push_back(task.grid.back());
    task.grid.back().setting["heads"] = 4;
    task.grid.back().setting["layer"] = 0;
    const Chart chart = strength_chart(task, "fv", "first_token", palette);
    EXPECT_EQ(chart.panels, 2);
    EXPECT_EQ(chart.spec["facet"]["field"], "heads");
    EXPECT_EQ(chart.spec["data"]["values"][1]["chosen"], true);
    EXPECT_FALSE(chart.spec["data"]["values"][0].contains("chosen"));
}

// With many methods the overview keeps what a reader compares; the tables have everything.
TEST(ReportHtml, AnswersStandBeforeEverythingElseAndOnce) {
    Summary summary = test::small_summary();
    EXPECT_EQ(page_of(summary).find("id=\"answers\""), std::string::npos);
    summary.analyses.push_back({"answers",
                                "Which method, for each task",
                                "How to <read> it",
                                "task",
                                {{"score", "score"}},
                                {{"plural", "plural: FV & co", {{0.5, 0.25, 0.75}}, "layer 6"}}});
    const std::string page = page_of(summary);
    EXPECT_EQ(count(page, "Which method, for each task"), 1u);
    EXPECT_EQ(count(page, "plural: FV &amp; co"), 1u);
    EXPECT_NE(page.find("How to &lt;read&gt; it"), std::string::npos);
    EXPECT_LT(page.find("id=\"answers\""), page.find("id=\"overview\""));
    EXPECT_NE(page.find("id=\"analyses\""), std::string::npos) << "the others stay where they were";
    summary.analyses = {summary.analyses.back()};
    EXPECT_EQ(page_of(summary).find("\"#analyses\""), std::string::npos) << "a link to nothing";
    EXPECT_EQ(page_of(summary).find("id=\"analyses\""), std::string::npos);
}

TEST(ReportHtml, ACrowdedOverviewLeavesOutControlsAndThePapersSettings) {
    Summary summary = test::small_summary();
    TaskSummary& task = summary.tasks[0];
    const std::size_t few = overview_chart(summary, {&task}, Palette(summary)).spec["data"]["values"].size();
    EXPECT_EQ(few, task.test.size());
    for (int i = 0; i < 10; ++i) {
        SettingSummary more = task.test[2];
        more.id = "method-" + std::to_string(i) + "-chosen";
        task.test.push_back(more);
    }
    const auto points = overview_chart(summary, {&task}, Palette(summary)).spec["data"]["values"];
    EXPECT_EQ(points.size(), task.test.size() - 2);  // "fv-paper" and "random"
    for (const auto& point : points) {
        EXPECT_NE(point["id"], "fv-paper");
        EXPECT_NE(point["id"], "random");
    }
}

}  // namespace
}  // namespace tiller

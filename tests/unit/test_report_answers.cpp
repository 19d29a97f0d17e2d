// The first screen of a comparison: one row for each task, and what it may call a winner.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>

#include "report/answer_picture.h"
#include "report/answers.h"
#include "report/judge.h"
#include "report/palette.h"
#include "tiller/report.h"
#include "tiller/study.h"
#include "unit/test_report_summary.h"
#include "unit/test_tasks_files.h"

namespace tiller {
namespace {

using namespace report;
using test::expect_parts;

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t n = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++n;
    return n;
}

/// The first screen alone, without the folded numbers.
std::string screen_of(const Summary& summary, const UseText& use = {}) {
    const std::string page = report_html(summary, {}, use);
    const auto begin = page.find("<section id=\"answers\">");
    if (begin == std::string::npos) return "";
    return page.substr(begin, page.find("<details", begin) - begin);
}

/// The row of the task on that screen.
std::string row_of(const std::string& screen, const std::string& task) {
    const auto name = screen.find(">" + task + "<"), begin = screen.rfind("<tr", name);
    return name == std::string::npos ? "" : screen.substr(begin, screen.find("</tr>", begin) - begin);
}

/// Labels say nothing true: a reader of the table must go by ids.
Summary answered() {
    Summary summary = test::small_summary();
    TaskSummary& task = summary.tasks[0];
    SettingSummary few = task.test[0];
    few.id = few.label = "10-shot", few.method = "prompt";
    few.metrics["first_token"] = {0.75, 0.5, 0.875};
    task.test.insert(task.test.begin() + 1, few);
    task.winners = {{"fv", "fv-chosen", "winners/antonym-fv.gguf", true}};
    TaskSummary second = task;
    second.name = "plural";
    summary.tasks.push_back(second);
    AnalysisSummary table{"answers",
                          "Which method, for each task",
                          "How to read it",
                          "task",
                          {{"score", "x"},
                           {"over_zero_shot", "x"},
                           {"over_random", "x"},
                           {"over_next", "x"},
                           {"collapsed", "x"},
                           {"perplexity", "x"}},
                          {}};
    const std::vector<Interval> good = {{0.5, 0.375, 0.625},   {0.375, 0.125, 0.5}, {0.375, 0.125, 0.5},
                                        {0.25, 0.0625, 0.375}, plain_number(0.025), plain_number(1.5)};
    const std::vector<Interval> bad = {{0.25, 0.125, 0.375}, {0.125, -0.125, 0.25}, {0.25, 0.125, 0.5},
                                       no_number(),          no_number(),           no_number()};
    table.rows = {{"antonym", "x: y", good, "better than ICV", {{"method", "fv"}}},
                  {"plural", "x: y", bad, "not above zero-shot", {{"method", "fv"}}}};
    summary.analyses.push_back(table);
    return summary;
}

AnalysisSummary& table_of(Summary& summary) { return summary.analyses.back(); }

std::string use(const TaskSummary& task, const WinnerSummary& winner) {
    return "steer <" + task.name + "> " + winner.file;
}

TEST(ReportAnswers, OneRowForEachTaskBeforeTheFindings) {
    const std::string screen = screen_of(answered()), page = report_html(answered(), {});
    EXPECT_EQ(count(screen, "role=\"rowheader\""), 2U);
    EXPECT_EQ(count(screen, "<svg class=\"answer\""), 2U);
    EXPECT_EQ(count(screen, "<a href=\"#task-1\">antonym</a>"), 1U);
    EXPECT_EQ(count(screen, "<a href=\"#task-2\">plural</a>"), 1U);
    EXPECT_LT(page.find("id=\"answers\""), page.find("id=\"findings\""));
    EXPECT_EQ(count(page, "id=\"findings\""), 1U);
    EXPECT_EQ(count(page, "It does, a little."), 1U);
    EXPECT_EQ(page.find("id=\"task-1\" open"), std::string::npos) << "the tasks wait to be asked for";
    EXPECT_NE(report_html(test::small_summary(), {}).find("id=\"task-1\" open"), std::string::npos);
}

TEST(ReportAnswers, AWinnerIsBoldAndNoneShownIsNot) {
    const std::string screen = screen_of(answered());
    expect_parts(row_of(screen, "antonym"),
                 {"<b class=\"winner\">FV</b>", "+0.38 [0.12, 0.50]<span class=\"over\"> over zero-shot",
                  "<span>2 % broken</span>", "\u00d7\u00a01.50", "better than ICV"});
    const std::string none = row_of(screen, "plural");
    EXPECT_EQ(count(none, "<b"), 0U);
    expect_parts(none, {">none shown<small>nearest: FV</small>", "[\u22120.12, 0.25]", "not measured"});
}

TEST(ReportAnswers, WhatTheTableSaysItselfCountsBeforeItsNumbers) {
    Summary summary = answered();
    table_of(summary).rows[0].about["shown"] = "no";
    table_of(summary).rows[1].about["shown"] = "yes";
    const std::string screen = screen_of(summary);
    EXPECT_EQ(count(row_of(screen, "antonym"), "<b"), 0U);
    EXPECT_EQ(count(row_of(screen, "plural"), "<b class=\"winner\">FV</b>"), 1U);
}

TEST(ReportAnswers, AControlThatIsNotBeatenLeavesNothingShown) {
    Summary summary = answered();
    table_of(summary).rows[0].values[2] = {0.125, -0.125, 0.25};
    EXPECT_FALSE(answers_of(summary)[0].shown);
    table_of(summary).rows[0].values[2] = no_number();
    EXPECT_TRUE(answers_of(summary)[0].shown) << "a run without controls";
    table_of(summary).columns[2].id = "over_control";
    table_of(summary).rows[0].values[2] = {0.125, -0.125, 0.25};
    EXPECT_FALSE(answers_of(summary)[0].shown);
}

TEST(ReportAnswers, ColumnsGoByTheirIdsOldAndNewAndMayBeMissing) {
    Summary summary = answered();
    table_of(summary).columns[4].id = "broken";
    EXPECT_DOUBLE_EQ(answers_of(summary)[0].broken, 0.025);
    std::swap(table_of(summary).columns[0], table_of(summary).columns[5]);
    EXPECT_DOUBLE_EQ(answers_of(summary)[0].score.mean, 1.5);
    for (auto& column : table_of(summary).columns) column.id += "-new";
    const Answer answer = answers_of(summary)[0];
    EXPECT_TRUE(std::isnan(answer.score.mean) && std::isnan(answer.broken) && std::isnan(answer.perplexity));
    EXPECT_FALSE(answer.shown);
    EXPECT_NE(row_of(screen_of(summary), "antonym").find("not measured"), std::string::npos);
}

TEST(ReportAnswers, WhereAllOutputsAreBrokenNothingIsNearest) {
    Summary summary = answered();
    table_of(summary).rows[1] = {"plural", "x", std::vector<Interval>(6, no_number()), "all collapse"};
    const std::string row = row_of(screen_of(summary), "plural");
    expect_parts(row, {">none shown</td>", "all collapse"});
    EXPECT_EQ(row.find("nearest"), std::string::npos);
}

TEST(ReportAnswers, TheCommandIsThatOfTheWinnerAndOfNothingElse) {
    const std::string screen = screen_of(answered(), use);
    expect_parts(row_of(screen, "antonym"),
                 {"<code>steer &lt;antonym&gt; winners/antonym-fv.gguf</code><button type=\"button\" "
                  "class=\"copy\" hidden aria-label=\"Copy the command for antonym\">"});
    EXPECT_EQ(count(row_of(screen, "plural"), "<code>"), 0U);
    EXPECT_EQ(count(screen_of(answered()), "<code>"), 0U);
    Summary collapsed = answered();
    collapsed.tasks[0].winners[0].shown = false;
    EXPECT_EQ(count(screen_of(collapsed, use), "<code>"), 0U);
    // The task's own section, which names its best all the same, says that it is not shown.
    const std::string page = report_html(answered(), {}, use);
    EXPECT_EQ(count(page, "Use it: <code>"), 1U);
    EXPECT_EQ(count(page, "Not shown to work; to try it: <code>"), 1U);
    const std::string text = report_markdown(answered(), {}, use);
    EXPECT_EQ(count(text, "Use it: "), 1U);
    EXPECT_EQ(count(text, "Not shown to work; to try it: "), 1U);
}

TEST(ReportAnswers, ALongRemarkIsCutBetweenItsParts) {
    Summary summary = answered();
    table_of(summary).rows[0].remark = "better than all others; " + std::string(200, 'x');
    const std::string row = row_of(screen_of(summary), "antonym");
    expect_parts(row, {"<p>better than all others; \u2026</p>"});
    EXPECT_NE(report_html(summary, {}).find(std::string(200, 'x')), std::string::npos) << "in the numbers";
}

TEST(ReportAnswers, SeedsAreOneRow) {
    Summary summary = answered();
    summary.tasks[1].name = "antonym";
    summary.tasks[1].seed = 1;
    summary.tasks[1].test[0].metrics["first_token"] = {0.375, 0.25, 0.5};
    table_of(summary).rows.pop_back();
    expect_parts(row_of(screen_of(summary), "antonym"), {"first token, 2 seeds"});
    const auto answer = answers_of(summary)[0];
    const Interval mean = score_of(summary, answer, "zero-shot");
    EXPECT_DOUBLE_EQ(mean.mean, 0.25);
    EXPECT_TRUE(std::isnan(mean.low)) << "no interval of one seed stands for both";
    summary.analyses.push_back({"seeds",
                                "",
                                "",
                                "",
                                {{"seeds", ""}, {"mean", ""}},
                                {{"antonym zero-shot", "", {plain_number(2), {0.25, 0.125, 0.375}}}}});
    EXPECT_DOUBLE_EQ(score_of(summary, answer, "zero-shot").low, 0.125);
}

TEST(ReportAnswers, RowsOfSeveralModelsFindTheirTasks) {
    Summary summary = answered();
    summary.models.push_back(summary.models[0]);
    summary.models[1].name = summary.tasks[1].model = "other";
    table_of(summary).rows[0].id = "tiny, antonym";
    table_of(summary).rows[1].id = "other, plural";
    const auto answers = answers_of(summary);
    EXPECT_EQ(answers[0].tasks, std::vector<std::size_t>{0});
    EXPECT_EQ(answers[1].tasks, std::vector<std::size_t>{1});
    expect_parts(row_of(screen_of(summary), "plural"), {"<small class=\"quiet\">first token, other</small>"});
}

TEST(ReportAnswers, ATableOfAnOlderVersionIsShownAsNumbers) {
    Summary summary = answered();
    for (auto& row : table_of(summary).rows) row.id.clear();
    EXPECT_TRUE(answers_of(summary).empty());
    const std::string screen = screen_of(summary);
    EXPECT_EQ(count(screen, "<table class=\"metrics\">"), 1U);
    EXPECT_EQ(count(screen, "class=\"answers\""), 0U);
}

TEST(ReportAnswers, ThePictureHasAMarkOfItsOwnForEach) {
    const std::string picture =
        answer_picture({0.25, 0, 0.5}, {0.75, 0.5, 1.5}, {0.5, 0.25, 0.75}, true, "zero <shot>");
    std::set<std::string> paths, fills;
    const std::regex mark("<path d=\"([^\"]+)\" style=\"fill:([^;]+);");
    for (std::sregex_iterator it(picture.begin(), picture.end(), mark), end; it != end; ++it) {
        paths.insert((*it)[1]);
        fills.insert((*it)[2]);
    }
    EXPECT_EQ(paths.size(), 3U);
    EXPECT_EQ(fills.size(), 3U);
    // From 8 at 0 to 232 at 1; what lies outside is drawn at the end.
    expect_parts(picture, {"x1=\"8.0\" x2=\"120.0\"", "x1=\"120.0\" x2=\"232.0\"", "x1=\"64.0\" x2=\"176.0\"",
                           "role=\"img\" aria-label=\"zero &lt;shot&gt;\""});
    const std::string nearest = answer_picture(no_number(), plain_number(0.5), {0.5, 0.25, 0.75}, false, "");
    EXPECT_EQ(count(nearest, "<path"), 2U);
    EXPECT_EQ(count(nearest, "fill:var(--page)"), 1U) << "hollow: not shown to work";
    EXPECT_EQ(count(nearest, "stroke-width:1.8"), 1U) << "a number without an interval has no line";
}

TEST(ReportAnswers, ThePictureIsSaidInWordsAndHasOneLegend) {
    const std::string screen = screen_of(answered());
    expect_parts(row_of(screen, "antonym"),
                 {"aria-label=\"first token, from 0 to 1: zero-shot 0.12 [0.00, 0.25]; 10-shot 0.75 [0.50, "
                  "0.88]; FV 0.50 [0.38, 0.62]\""});
    EXPECT_EQ(count(screen, "zero-shot prompt</span>"), 1U);
    Summary numbers = answered();  // A metric that is no share has no place on an axis from 0 to 1.
    for (auto& task : numbers.tasks) task.primary = "rank";
    EXPECT_EQ(count(screen_of(numbers), "<svg class=\"answer\""), 0U);
    expect_parts(row_of(screen_of(numbers), "antonym"), {"zero-shot 12.5 [10.0, 15.0]; 10-shot"});
}

TEST(ReportBest, OnlyWhatIsShownToWorkIsBold) {
    const auto best = [](const auto& change) {
        TaskSummary task = test::small_summary().tasks[0];
        change(task);
        return best_of(task);
    };
    const std::set<std::string> fv = {"fv-chosen"}, none;
    EXPECT_EQ(best([](TaskSummary&) {}), fv);
    EXPECT_EQ(best([](TaskSummary& t) { t.test[2].difference["zero-shot"].low = 0; }), none);
    EXPECT_EQ(best([](TaskSummary& t) { t.test[2].difference["random"].low = -0.5; }), none);
    EXPECT_EQ(best([](TaskSummary& t) { t.test[2].difference["random"] = no_number(); }), fv);
    EXPECT_EQ(best([](TaskSummary& t) { t.winners = {{"fv", "fv-chosen", "f", false}}; }), none);
    EXPECT_EQ(best([](TaskSummary& t) {
                  for (auto& s : t.test) s.metrics["first_token"] = {0, 0, 0}, s.difference.clear();
              }),
              none);
    EXPECT_EQ(best([](TaskSummary& t) {
                  t.primary = "rank";  // Lower is better, and 0 is no failure.
                  t.test[2].metrics["rank"] = {0, 0, 0};
                  for (auto& [name, d] : t.test[2].difference) d = {-12, -15, -10};
              }),
              fv);
}

TEST(ReportBest, TablesAgreeWithTheAnswer) {
    const std::string page = report_html(answered(), {});
    EXPECT_EQ(count(page, "class=\"num best"), 2U) << "antonym: among all tasks, and in its own table";
    EXPECT_EQ(count(report_markdown(answered(), {}), "**0.50"), 2U);
    Summary summary = answered();
    table_of(summary).rows[0].about["shown"] = "no";
    EXPECT_EQ(count(report_html(summary, {}), "class=\"num best"), 0U);
    EXPECT_EQ(count(report_markdown(summary, {}), "**0.50"), 0U);
}

TEST(ReportBest, WithAnAnswerItIsTheWinnersChosenSetting) {
    Summary summary = answered();
    const auto best = [&](std::size_t task) { return best_shown(summary, summary.tasks[task]); };
    const std::set<std::string> fv = {"fv-chosen"}, none;
    EXPECT_EQ(best(0), fv);
    EXPECT_EQ(best(1), none);
    // A setting that nobody chose on validation items may score higher by luck.
    auto& paper = summary.tasks[0].test[2];
    ASSERT_EQ(paper.id, "fv-paper");
    paper.metrics["first_token"] = {0.875, 0.75, 1};
    paper.difference.clear();
    EXPECT_EQ(best_of(summary.tasks[0]), std::set<std::string>{"fv-paper"});
    EXPECT_EQ(best(0), fv);
    // Of two seeds, the second does not show what both together do.
    summary.tasks[1].name = "antonym";
    summary.tasks[1].test[3].difference["zero-shot"].low = -0.125;
    EXPECT_EQ(best(0), fv);
    EXPECT_EQ(best(1), none);
}

TEST(ReportTables, WhatMattersStandsOnTheLeft) {
    const std::string page = report_html(answered(), {});
    const auto table = page.find("antonym: all settings</caption>");
    ASSERT_NE(table, std::string::npos);
    EXPECT_LT(page.find(">over zero-shot</th>", table), page.find(">rank</th>", table));
    const auto examples = page.find("<table class=\"examples\">");
    EXPECT_LT(page.find("FV chosen</th>", examples), page.find("zero-shot</th>", examples));
    const auto matrix = page.find("<table class=\"matrix\">");
    const std::string head = page.substr(matrix, page.find("</thead>", matrix) - matrix);
    EXPECT_EQ(count(head, "FV paper") + count(head, "random"), 0U) << "they are in the tasks' tables";
    EXPECT_EQ(count(head, "FV chosen"), 1U);
}

TEST(ReportTitle, NamesMethodsAndModelsWhereThePlanNamesNone) {
    Summary summary = answered();
    EXPECT_EQ(report_title(summary), "A small study") << "a title that somebody chose";
    summary.title = Plan{}.title;
    EXPECT_EQ(report_title(summary), "FV tested on tiny");
    const auto add = [&](const char* method) {
        SettingSummary setting = summary.tasks[0].test.back();
        setting.method = setting.id = method, setting.kind = Kind::chosen;
        summary.tasks[1].test.push_back(setting);
    };
    add("mean-diff");
    add("icv");
    summary.models[0].name = "/models/dir.gguf/gemma <3>.gguf";
    EXPECT_EQ(report_title(summary), "FV, mean-diff and ICV compared on gemma <3>");
    const std::string page = report_html(summary, {});
    expect_parts(page, {"<title>FV, mean-diff and ICV compared on gemma &lt;3&gt;</title>",
                        "<h1>FV, mean-diff and ICV compared on gemma &lt;3&gt;</h1>"});
    EXPECT_EQ(page.find(Plan{}.title), std::string::npos);
    for (const char* more : {"a", "b", "c"}) add(more);
    EXPECT_EQ(report_title(summary), "6 steering methods compared on gemma <3>");
    Summary empty;
    empty.title = Plan{}.title;
    EXPECT_EQ(report_title(empty), Plan{}.title);
}

TEST(ReportSigns, PromptsAreToldApart) {
    const Palette palette{Summary{}};
    std::set<std::string> shapes, colours;
    for (const char* id : {"10-shot", "cue", "instruction"}) {
        SettingSummary setting;
        setting.id = id, setting.method = "prompt", setting.kind = Kind::baseline;
        shapes.insert(palette.style(setting).shape);
        colours.insert(palette.colour(setting));
    }
    EXPECT_EQ(shapes.size(), 3U);
    EXPECT_EQ(colours.size(), 3U);
}

}  // namespace
}  // namespace tiller

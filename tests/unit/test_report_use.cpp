// The command under each verdict.
#include <gtest/gtest.h>

#include "report/judge.h"
#include "tiller/report.h"
#include "unit/test_report_summary.h"
#include "unit/test_tasks_files.h"

namespace tiller {
namespace {

using test::expect_parts;

Summary won() {
    Summary summary = test::small_summary();
    summary.tasks[0].winners = {{"fv", "fv-chosen", "winners/antonym-fv.gguf", true}};
    return summary;
}

constexpr const char* command =
    "steer 'my runs/winners/antonym-fv.gguf' with a text that is longer than the terminal is wide";

std::string use(const TaskSummary& task, const WinnerSummary& winner) {
    EXPECT_EQ(task.name, "antonym");
    return "steer 'my runs/" + winner.file + "' with a text that is longer than the terminal is wide";
}

TEST(ReportUse, StandsUnderTheVerdictInOneLine) {
    const std::string text = terminal_verdicts(won(), 40, use);
    EXPECT_EQ(text,
              std::string("antonym: FV beats random directions.\n  ") + command + "\n\nIt does, a little.\n");
    EXPECT_EQ(terminal_verdicts(won(), 40), terminal_verdicts(test::small_summary(), 40));
    EXPECT_EQ(terminal_verdicts(test::small_summary(), 40, use), terminal_verdicts(won(), 40));
}

TEST(ReportUse, StandsInPages) {
    expect_parts(report_markdown(won(), {}, use), {command});
    expect_parts(report_html(won(), {}, use),
                 {"Use it: <code>steer &#39;my runs/winners/antonym-fv.gguf&#39;",
                  "FV: <code>winners/antonym-fv.gguf</code>"});
    EXPECT_EQ(report_html(won(), {}).find("Use it"), std::string::npos);
    EXPECT_EQ(report_markdown(won(), {}), report_markdown(test::small_summary(), {}));
}

TEST(ReportUse, WhatIsNotShownToWorkIsSaidSo) {
    Summary summary = won();
    summary.tasks[0].winners[0].shown = false;
    expect_parts(terminal_verdicts(summary, 80, use), {"terminal is wide  # not shown to work\n"});
    const std::string page = report_html(summary, {}, use);
    expect_parts(page, {"winners/antonym-fv.gguf</code> (not shown to work)"});
}

TEST(ReportUse, HostileCommandsStayText) {
    const auto hostile = [](const TaskSummary&, const WinnerSummary&) {
        return std::string("</code><script>\x1b[2J \xe2\x80\xae");
    };
    const std::string text = terminal_verdicts(won(), 200, hostile);
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_EQ(text.find("\xe2\x80\xae"), std::string::npos);
    EXPECT_EQ(report_html(won(), {}, hostile).find("</code><script>"), std::string::npos);
}

TEST(ReportUse, APipeOutsideATableNeedsNoEscape) {
    const auto piped = [](const TaskSummary&, const WinnerSummary&) { return std::string("steer | less"); };
    expect_parts(report_markdown(won(), {}, piped), {"` steer | less `"});
}

TEST(ReportUse, SurvivesTheRoundTrip) {
    const std::string json = to_json(won());
    EXPECT_EQ(to_json(summary_from_json(json)), json);
    expect_parts(json, {"\"winners/antonym-fv.gguf\""});
}

}  // namespace
}  // namespace tiller

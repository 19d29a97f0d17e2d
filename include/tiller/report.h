// Reports: pure functions from a Summary and the cost list to bytes. The same input gives the same bytes.
// Text from models is data everywhere: it is escaped for the format it goes into, and invalid UTF-8 in it
// becomes U+FFFD. A number that is not finite is written as null (JSON) or n/a.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tiller/summary.h"

namespace tiller {

/// Writes the command, in one line, with which a reader uses a winner of a task. It is escaped like any other
/// text.
using UseText = std::function<std::string(const TaskSummary& task, const WinnerSummary& winner)>;

/// One HTML file that opens without a network: charts, tables, examples, cost, provenance. Its content
/// security policy lets only its own scripts run (by their SHA-256) and allows no request; it can be read
/// without scripts. With `use`, the command of the best winner follows each verdict.
std::string report_html(const Summary& summary, const std::vector<Cost>& costs, const UseText& use = {});

/// The tables and sentences of the HTML report, without charts (GitHub's Markdown).
std::string report_markdown(const Summary& summary, const std::vector<Cost>& costs, const UseText& use = {});

/// One row for each model, task, phase ("test", "grid", or the id of a further table), setting and metric; a
/// difference to another setting is a row whose column "versus" names that setting. A number of an analysis'
/// table that does not exist is an empty cell. RFC 4180 quoting with "\n" line ends. A text that a
/// spreadsheet would take for a formula gets an apostrophe in front.
std::string report_csv(const Summary& summary);

/// to_json(summary) with one more field, "cost". summary_from_json() reads it too.
std::string report_json(const Summary& summary, const std::vector<Cost>& costs);

/// Every task's verdict and the findings for a terminal, no line wider than `width` columns (at least 20 are
/// assumed). UTF-8. With `use`, the command of the best winner follows each verdict, in one line however
/// long, so that it can be copied.
std::string terminal_verdicts(const Summary& summary, int width, const UseText& use = {});

/// The test results of one task for a terminal: the verdict, if there is one, then a table with 95 %
/// intervals, no line wider than `width` columns (at least 20 are assumed). Leaves out the metrics that do
/// not fit, the primary one last; the best steering method is marked "*". `colour` adds ANSI escapes, which
/// take no columns. UTF-8.
std::string terminal_table(const TaskSummary& task, int width, bool colour);

/// A table that a protocol computed, for a terminal, no line wider than `width` columns (at least 20 are
/// assumed). Intervals are left out where not all columns fit with them, then columns on the right. UTF-8.
std::string terminal_analysis(const AnalysisSummary& analysis, int width);

}  // namespace tiller

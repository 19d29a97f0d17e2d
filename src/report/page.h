// The parts of the HTML report. Each returns finished HTML for its section.
#pragma once

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "report/charts.h"
#include "report/palette.h"
#include "tiller/report.h"
#include "tiller/summary.h"

namespace tiller::report {

/// The style sheet, with the methods' colours for light and dark pages.
std::string page_style(const Palette& palette);
/// The script that draws the charts and serves the buttons; UTF-8, static storage.
std::string_view page_script();

/// A whole HTML page: `title` (plain text), a style sheet, `body` (HTML), and the scripts, which run in their
/// order after the body. A content security policy allows no other script and no request.
std::string page_of(const std::string& title, const std::string& style, const std::string& body,
                    std::span<const std::string_view> scripts);

/// page_of() with the reports' style sheet, chart libraries and script.
std::string whole_page(const std::string& title, const Palette& palette, const std::string& body);

/// Title and question; also the findings where the summary has no table of answers.
std::string title_section(const Summary& summary);
/// The findings, for a place after the table of answers; empty without that table or without findings.
std::string findings_section(const Summary& summary);
/// A chart of all tasks for each model, kind of task and primary metric.
std::string overview_section(const Summary& summary, const Palette& palette);
/// The table of all tasks (rows) and settings (columns).
std::string matrix_section(const Summary& summary, const Palette& palette);
/// The section of summary.tasks[index], with the HTML id task_anchor(index); unfolded when `open`. With
/// `use`, also the command that uses its best vector, and the files of all.
std::string task_section(const Summary& summary, std::size_t index, const Palette& palette, bool open,
                         const UseText& use);
/// The table of sum_costs(); empty without costs.
std::string cost_section(const std::vector<Cost>& costs, const Palette& palette);
/// The notes, and the explanations of the metrics that were used.
std::string notes_section(const Summary& summary);
/// Models, versions, plan, and the digests of task and vector files.
std::string provenance_section(const Summary& summary);

/// The HTML id of a task's section, by its index in Summary::tasks: "task-1" for index 0.
std::string task_anchor(std::size_t index);

/// The table of all test settings and metrics of a task. `best` has the ids of the settings in bold; `name`
/// (plain text) is the table's name for screen readers, here and below.
std::string metrics_table(const TaskSummary& task, const Palette& palette, const std::set<std::string>& best,
                          const std::string& name);
/// The table of paired comparisons between settings (TaskSummary::pairs); empty when there are none.
std::string pairs_table(const TaskSummary& task);
/// The table of all validation points, folded; empty when there are none.
std::string grid_table(const TaskSummary& task);
/// The further tables of a task (TaskSummary::tables), folded, with charts of strengths and edit layers.
std::string further_tables(const Summary& summary, const TaskSummary& task, const Palette& palette);
/// The analyses one below the other, each with its table, its note and the chart where it has one; empty when
/// there is none. `of` is the task that they are about, or empty: it begins the tables' names.
std::string analyses_part(const std::vector<AnalysisSummary>& analyses, const std::string& of);
/// The table of one analysis without its title, chart and note.
std::string analysis_table(const AnalysisSummary& analysis, const std::string& name);
/// The section of the analyses over all tasks (Summary::analyses) except the answers; empty when there is
/// none.
std::string analyses_section(const Summary& summary);
/// The table of answers at the top of the page: for each task the method to use, its score as a picture, its
/// damage and, with `use`, the command that uses it. Empty where the summary has no such table.
std::string answers_section(const Summary& summary, const UseText& use);
/// The table of example items: input, wanted text and each setting's output; empty when there are none.
std::string examples_table(const TaskSummary& task, const Palette& palette);

/// The page's head: title, question and findings (plain text). `anchor` is its HTML id; may be empty.
std::string page_header(const std::string& anchor, const std::string& title, const std::string& question,
                        const std::vector<std::string>& findings);
/// A figure that contains the chart's specification as JSON. The page's script draws the chart from it and
/// then shows the button that saves it.
std::string figure(const Chart& chart);
/// The HTML `table` with `name` (plain text) as a caption for screen readers; it is not visible.
std::string captioned(const std::string& name, std::string table);
/// A captioned() table in a frame of the same name that scrolls sideways when the table is too wide.
std::string scrolled(const std::string& name, const std::string& table);
/// A command with a button that copies it, which the script shows. `what` says what the command is for.
std::string command_line(const std::string& command, const std::string& what);
/// The text with every hyphen replaced by a minus sign (U+2212).
std::string with_minus(std::string text);
/// A cell <td class="num"> with the mean, and the interval in small type; with a dash when `interval` is
/// null. `classes` are further CSS classes.
std::string interval_cell(const Interval* interval, const std::string& classes);
/// The header cell of a metric's column, with the metric's explanation as a tooltip.
std::string metric_head(const std::string& metric);

}  // namespace tiller::report

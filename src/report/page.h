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

/// The style sheet, with the methods' colours.
std::string page_style(const Palette& palette);
/// The script that draws the charts.
std::string_view page_script();

/// A page of `body` with a style sheet and the scripts that run behind it. Nothing else runs, and nothing is
/// fetched.
std::string page_of(const std::string& title, const std::string& style, const std::string& body,
                    std::span<const std::string_view> scripts);

/// A page of `body` with the style and the scripts that draw its figures; works without a network.
std::string whole_page(const std::string& title, const Palette& palette, const std::string& body);

/// Title and question; the findings too where no table of answers comes before them.
std::string title_section(const Summary& summary);
/// The findings after the answers; empty without them.
std::string findings_section(const Summary& summary);
std::string overview_section(const Summary& summary, const Palette& palette);
std::string matrix_section(const Summary& summary, const Palette& palette);
/// One task; `open` when it is to be unfolded at first. Its id is task_anchor(index). With `use`, how its
/// vectors are used.
std::string task_section(const Summary& summary, std::size_t index, const Palette& palette, bool open,
                         const UseText& use);
std::string cost_section(const std::vector<Cost>& costs, const Palette& palette);
std::string notes_section(const Summary& summary);
std::string provenance_section(const Summary& summary);

std::string task_anchor(std::size_t index);

/// The table of all test settings and metrics of a task; `best` are the settings in bold.
std::string metrics_table(const TaskSummary& task, const Palette& palette, const std::set<std::string>& best,
                          const std::string& name);
/// The chosen settings against each other; empty when there is only one.
std::string pairs_table(const TaskSummary& task);
/// All validation points, folded.
std::string grid_table(const TaskSummary& task);
/// The further tables of a task (TaskSummary::tables), folded, each with its chart.
std::string further_tables(const Summary& summary, const TaskSummary& task, const Palette& palette);
/// Analyses one below the other, each with its chart and its table; empty when there is none. `of` is a task
/// or empty, for the tables' names.
std::string analyses_part(const std::vector<AnalysisSummary>& analyses, const std::string& of);
/// The table of one analysis.
std::string analysis_table(const AnalysisSummary& analysis, const std::string& name);
/// Those of all tasks but the answers as a section; empty when there is none.
std::string analyses_section(const Summary& summary);
/// The first screen: for each task the method to take, its effect as a picture, its damage and the command
/// that uses it. Empty where the protocol has no such table.
std::string answers_section(const Summary& summary, const UseText& use);
/// Inputs, wanted texts and outputs side by side.
std::string examples_table(const TaskSummary& task, const Palette& palette);

/// A page's title, with one quiet line under it and the sentences that matter; `anchor` may be empty.
std::string page_header(const std::string& anchor, const std::string& title, const std::string& question,
                        const std::vector<std::string>& findings);
/// A chart's place: the script draws it from the JSON inside, and shows the button that saves it.
std::string figure(const Chart& chart);
/// The table with `name` (plain text) as its caption, which is only heard where a heading says the same.
std::string captioned(const std::string& name, std::string table);
/// A captioned table in a frame that scrolls sideways when it is too wide; the frame has the same name.
std::string scrolled(const std::string& name, const std::string& table);
/// A command with a button that copies it; `what` says what the command is for. The script shows the button.
std::string command_line(const std::string& command, const std::string& what);
/// Numbers with a minus sign in place of the hyphen.
std::string with_minus(std::string text);
/// "<td class=num>" with mean and small interval; empty when there is none.
std::string interval_cell(const Interval* interval, const std::string& classes);
/// Column head of a metric with its explanation as a hint.
std::string metric_head(const std::string& metric);

}  // namespace tiller::report

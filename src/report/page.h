// The parts of the HTML report. Each returns finished HTML for its section.
#pragma once

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

/// The table of all test settings and metrics of a task.
std::string metrics_table(const TaskSummary& task, const Palette& palette);
/// The chosen settings against each other; empty when there is only one.
std::string pairs_table(const TaskSummary& task);
/// All validation points, folded.
std::string grid_table(const TaskSummary& task);
/// The further tables of a task (TaskSummary::tables), folded, each with its chart.
std::string further_tables(const Summary& summary, const TaskSummary& task, const Palette& palette);
/// Is it the table that stands at the page's beginning?
bool is_answers(const AnalysisSummary& analysis);
/// Analyses one below the other, each with its chart and its table; empty when there is none.
std::string analyses_part(const std::vector<AnalysisSummary>& analyses);
/// Those of all tasks but the answers as a section; empty when there is none.
std::string analyses_section(const Summary& summary);
/// The method to take for each task, as a section; empty where the protocol has no such table.
std::string answers_section(const Summary& summary);
/// Inputs, wanted texts and outputs side by side.
std::string examples_table(const TaskSummary& task, const Palette& palette);

/// A page's title, with one quiet line under it and the sentences that matter.
std::string page_header(const std::string& title, const std::string& question,
                        const std::vector<std::string>& findings);
/// A chart's place: the script draws it from the JSON inside.
std::string figure(const Chart& chart);
/// A table in a frame that scrolls sideways when it is too wide.
std::string scrolled(const std::string& table);
/// Numbers with a minus sign in place of the hyphen.
std::string with_minus(std::string text);
/// "<td class=num>" with mean and small interval; empty when there is none.
std::string interval_cell(const Interval* interval, const std::string& classes);
/// Column head of a metric with its explanation as a hint.
std::string metric_head(const std::string& metric);

}  // namespace tiller::report

// Studies as commands carry them out, and the derived files of a run folder.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/common.h"
#include "tiller/study.h"

namespace tiller::cli {

/// What a study needs from the program, set up from the global flags: models by name, the engine, the cache,
/// Ctrl-C. Progress and remarks go to `steps`, which must outlive it.
StudyHost study_host(const Globals& globals, ProgressSteps& steps, bool check);

/// The terminal's width in columns; without a terminal $COLUMNS, or 110.
int terminal_width();

/// The main tables of a task or a run.
std::string headlines(const std::vector<AnalysisSummary>& analyses);

/// The text printed after a run: tables over all tasks, a verdict for each task with the command that uses
/// its vector, and the paths of the reports.
std::string end_of_run(const Summary& summary, const std::filesystem::path& folder);

/// summary.json, report.html, report.md, report.json and results.csv, each replaced atomically.
void write_reports(const Summary& summary, const std::filesystem::path& folder);

}  // namespace tiller::cli

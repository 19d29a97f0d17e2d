// Studies as commands carry them out, and the derived files of a run folder.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/common.h"
#include "tiller/study.h"

namespace tiller::cli {

/// What a study gets of the global flags: models by name, the engine, the cache, Ctrl-C; steps and remarks go
/// to `steps`, which must outlive it.
StudyHost study_host(const Globals& globals, ProgressSteps& steps, bool check);

/// Columns of the terminal; of COLUMNS, or 110, where there is none.
int terminal_width();

/// The tables of a task or a run that say most.
std::string headlines(const std::vector<AnalysisSummary>& analyses);

/// What a finished run says: tables over all tasks, a verdict for each with the line that uses it, and where
/// the reports lie.
std::string end_of_run(const Summary& summary, const std::filesystem::path& folder);

/// summary.json, report.html, report.md, report.json and results.csv, each written whole or not at all.
void write_reports(const Summary& summary, const std::filesystem::path& folder);

}  // namespace tiller::cli

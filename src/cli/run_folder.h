// Studies as commands carry them out, and the derived files of a run folder.
#pragma once

#include <filesystem>

#include "cli/common.h"
#include "tiller/study.h"

namespace tiller::cli {

/// What a study gets of the global flags: models by name, the engine, the cache, Ctrl-C; steps and remarks go
/// to `steps`, which must outlive it.
StudyHost study_host(const Globals& globals, ProgressSteps& steps, bool check);

/// summary.json, report.html, report.md, report.json and results.csv, each written whole or not at all.
void write_reports(const Summary& summary, const std::filesystem::path& folder);

}  // namespace tiller::cli

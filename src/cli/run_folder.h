// Writing the derived files of a run folder.
#pragma once

#include <filesystem>

#include "tiller/summary.h"

namespace tiller::cli {

/// summary.json, report.html, report.md, report.json and results.csv, each written whole or not at all.
void write_reports(const Summary& summary, const std::filesystem::path& folder);

}  // namespace tiller::cli

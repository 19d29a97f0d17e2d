#include "cli/run_folder.h"

#include "core/util.h"
#include "tiller/report.h"
#include "tiller/study.h"

namespace tiller::cli {

void write_reports(const Summary& summary, const std::filesystem::path& folder) {
    const auto costs = read_costs(folder);
    write_file_atomic(folder / "summary.json", to_json(summary));
    write_file_atomic(folder / "report.html", report_html(summary, costs));
    write_file_atomic(folder / "report.md", report_markdown(summary, costs));
    write_file_atomic(folder / "report.json", report_json(summary, costs));
    write_file_atomic(folder / "results.csv", report_csv(summary));
}

}  // namespace tiller::cli

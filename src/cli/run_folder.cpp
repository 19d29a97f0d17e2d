#include "cli/run_folder.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "cli/use_command.h"
#include "core/paths.h"
#include "core/util.h"
#include "tiller/report.h"

namespace tiller::cli {

StudyHost study_host(const Globals& globals, ProgressSteps& steps, bool check) {
    StudyHost host;
    host.resolve_model = [globals](const std::string& name) { return usable_model(name, globals); };
    host.engine = engine_options(globals);
    host.n_gpu_layers = globals.gpu_layers;
    host.rpc = globals.rpc;
    host.weights = weights_of(globals);
    host.cache_dir = cache_dir();
    host.trim_memory = true;
    host.cancel = &interrupted;
    host.check = check;
    host.observer.step = [&steps](const std::string& task, const std::string& what, std::size_t done,
                                  std::size_t all) { steps.update(task + "  " + what, done, all); };
    host.observer.note = [&steps, globals](const std::string& text) {
        steps.clear();
        note(globals, text);
    };
    return host;
}

int terminal_width() {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    const char* columns = std::getenv("COLUMNS");
    if (const int n = columns ? std::atoi(columns) : 0; n > 0) return std::max(40, n);
    return 110;
}

std::string headlines(const std::vector<AnalysisSummary>& analyses) {
    std::string text;
    for (const auto& analysis : analyses)
        if (analysis.headline) text += terminal_analysis(analysis, terminal_width()) + "\n";
    return text;
}

std::string end_of_run(const Summary& summary, const std::filesystem::path& folder) {
    const auto whole = std::filesystem::absolute(folder).lexically_normal();
    return headlines(summary.analyses) + terminal_verdicts(summary, terminal_width(), use_command(folder)) +
           fmt::format("\nReport:  {}\nTables:  {}\nRecords: {}\n", (whole / "report.html").string(),
                       (whole / "results.csv").string(), (whole / "records.jsonl").string());
}

void write_reports(const Summary& summary, const std::filesystem::path& folder) {
    const auto costs = read_costs(folder);
    write_file_atomic(folder / "summary.json", to_json(summary));
    write_file_atomic(folder / "report.html", report_html(summary, costs, use_command(folder)));
    write_file_atomic(folder / "report.md", report_markdown(summary, costs, use_command(folder)));
    write_file_atomic(folder / "report.json", report_json(summary, costs));
    write_file_atomic(folder / "results.csv", report_csv(summary));
}

}  // namespace tiller::cli

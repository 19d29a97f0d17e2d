#include "cli/run_folder.h"

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

void write_reports(const Summary& summary, const std::filesystem::path& folder) {
    const auto costs = read_costs(folder);
    write_file_atomic(folder / "summary.json", to_json(summary));
    write_file_atomic(folder / "report.html", report_html(summary, costs, use_command(folder)));
    write_file_atomic(folder / "report.md", report_markdown(summary, costs, use_command(folder)));
    write_file_atomic(folder / "report.json", report_json(summary, costs));
    write_file_atomic(folder / "results.csv", report_csv(summary));
}

}  // namespace tiller::cli

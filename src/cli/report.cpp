// tiller report: rebuilds the reports of a run folder from its records.
#include <fmt/format.h>

#include "cli/common.h"
#include "cli/run_folder.h"
#include "cli/use_command.h"
#include "tiller/report.h"
#include "tiller/study.h"

namespace tiller::cli {

void add_report(CLI::App& app, Globals& globals) {
    struct Options {
        std::string folder, format = "all";
    };
    auto o = std::make_shared<Options>();
    auto* command = app.add_subcommand("report", "Rebuild the reports of a run folder, or print one");
    command->add_option("run", o->folder, "Run folder of `tiller compare`")->required();
    command->add_option("--format", o->format, "all (write files), html, markdown, csv, json (print)")
        ->check(CLI::IsMember({"all", "html", "markdown", "csv", "json"}));
    add_globals(*command, globals, kJsonFlag | kQuietFlag);
    command->callback([o, &globals] {
        const Summary summary = summarise_run(o->folder);
        const auto costs = read_costs(o->folder);
        const std::string format = globals.json ? "json" : o->format;
        if (format == "html") return print_data(report_html(summary, costs, use_command(o->folder)));
        if (format == "markdown") return print_data(report_markdown(summary, costs, use_command(o->folder)));
        if (format == "csv") return print_data(report_csv(summary));
        if (format == "json") return print_data(report_json(summary, costs) + "\n");
        write_reports(summary, o->folder);
        note(globals, fmt::format("wrote the reports in {}", o->folder));
    });
}

}  // namespace tiller::cli

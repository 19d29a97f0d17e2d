// Comparisons: a plan into a run folder, its summary and its reports.
#include "tiller/study.h"
#include "bind.h"
#include "cli/catalogue.h"
#include "core/paths.h"
#include "tiller/report.h"
#include "work.h"

namespace tiller::python {
namespace {

StudyHost host_for(Work& work) {
    StudyHost host;
    host.resolve_model = cli::resolve_model;
    host.cache_dir = cache_dir();
    host.trim_memory = true;
    host.cancel = work.cancel();
    host.observer.step = [&work](const std::string& task, const std::string& step, std::size_t done,
                                 std::size_t all) { work.progress(task + "  " + step, done, all); };
    host.observer.note = [&work](const std::string& text) { work.note(text); };
    return host;
}

// The reports that the program writes into a run folder, but for the commands under its verdicts.
void write_reports(const Summary& summary, const std::filesystem::path& folder) {
    const auto costs = read_costs(folder);
    write_file_atomic(folder / "summary.json", to_json(summary));
    write_file_atomic(folder / "report.html", report_html(summary, costs));
    write_file_atomic(folder / "report.md", report_markdown(summary, costs));
    write_file_atomic(folder / "report.json", report_json(summary, costs));
    write_file_atomic(folder / "results.csv", report_csv(summary));
}

struct HostOptions {
    int threads = 0, gpu_layers = 0, rows = 64;
    bool exact = false, cache_f32 = false, check = true;
};

std::string compare(const Plan& plan, const std::string& folder, const HostOptions& options,
                    nb::object listener, nb::object note) {
    check_plan(plan);
    Work work(std::move(listener), std::move(note));
    std::string json;
    work.run([&] {
        StudyHost host = host_for(work);
        host.engine.n_threads = options.threads;
        host.engine.cache_f32 = options.cache_f32 || options.exact;
        host.engine.max_rows = options.rows;
        host.engine.flash_attention = options.gpu_layers != 0;
        host.n_gpu_layers = options.gpu_layers;
        host.weights = options.exact ? Weights::float32 : Weights::file;
        host.check = options.check;
        host.command = "tiller.compare()";
        const Summary summary = run_study(plan, folder, host);
        write_reports(summary, folder);
        json = to_json(summary);
    });
    return json;
}

}  // namespace

void bind_study(nb::module_& m) {
    nb::class_<Plan>(m, "Plan")
        .def_rw("models", &Plan::models)
        .def_rw("tasks", &Plan::tasks)
        .def_rw("methods", &Plan::methods)
        .def_rw("seeds", &Plan::seeds)
        .def_rw("title", &Plan::title)
        .def_rw("family", &Plan::family)
        .def_rw("n_test", &Plan::n_test)
        .def_rw("n_valid", &Plan::n_valid)
        .def_rw("controls", &Plan::controls)
        .def_rw("chat", &Plan::chat)
        .def_rw("chat_template", &Plan::chat_template)
        .def_prop_rw(
            "folds", [](const Plan& plan) { return plan.tuning.n_fold; },
            [](Plan& plan, int n) { plan.tuning.n_fold = n; })
        .def_prop_rw(
            "choose_by", [](const Plan& plan) { return plan.tuning.choose_by; },
            [](Plan& plan, const std::string& metric) { plan.tuning.choose_by = metric; })
        .def_ro("protocol", &Plan::protocol)
        .def(
            "set_counts",
            [](Plan& plan, int n_mean, int n_patch, int n_pairs, int n_shot) {
                for (ExtractionPlan* counts : {&plan.functional, &plan.behavioural}) {
                    if (n_mean > 0) counts->n_mean = n_mean;
                    if (n_patch > 0) counts->n_patch = n_patch;
                    if (n_pairs > 0) counts->n_pairs = n_pairs;
                    if (n_shot > 0) counts->n_shot = n_shot;
                }
            },
            nb::arg("n_mean"), nb::arg("n_patch"), nb::arg("n_pairs"), nb::arg("n_shot"))
        .def(
            "add_vector", [](Plan& plan, const std::string& file) { add_vector(plan, file); },
            nb::arg("file"))
        .def("toml", [](const Plan& plan) { return text_of(plan_toml(plan)); });
    m.def("default_plan", &default_plan, nb::arg("protocol"));
    m.def(
        "load_plan", [](const std::string& path) { return load_plan(path); }, nb::arg("path"));
    m.def("protocols", &protocol_list);
    m.def(
        "compare",
        [](const Plan& plan, const std::string& folder, int threads, int gpu_layers, int rows, bool exact,
           bool cache_f32, bool check, nb::object listener, nb::object note) {
            return text_of(compare(plan, folder, {threads, gpu_layers, rows, exact, cache_f32, check},
                                   std::move(listener), std::move(note)));
        },
        nb::arg("plan"), nb::arg("folder"), nb::arg("threads"), nb::arg("gpu_layers"), nb::arg("rows"),
        nb::arg("exact"), nb::arg("cache_f32"), nb::arg("check"), nb::arg("listener").none(),
        nb::arg("note").none());
    m.def(
        "summarise_run", [](const std::string& folder) { return text_of(to_json(summarise_run(folder))); },
        nb::arg("folder"));
    m.def(
        "report",
        [](const std::string& folder, const std::string& form) {
            const Summary summary = summarise_run(folder);
            if (form == "csv") return text_of(report_csv(summary));
            const auto costs = read_costs(folder);
            if (form == "json") return text_of(report_json(summary, costs));
            return text_of(form == "md" ? report_markdown(summary, costs) : report_html(summary, costs));
        },
        nb::arg("folder"), nb::arg("form"));
}

}  // namespace tiller::python

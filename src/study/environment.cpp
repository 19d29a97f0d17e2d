#include "study/environment.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <fstream>
#include <thread>

#include "core/util.h"
#include "study/summary_fields.h"
#include "tiller/error.h"
#include "tiller/version.h"

namespace tiller::study {

std::string machine_text() {
    utsname name{};
    ::uname(&name);
    std::string cpu = "unknown processor";
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);)
        if (line.rfind("model name", 0) == 0) {
            cpu = line.substr(line.find(':') + 2);
            break;
        }
    return fmt::format("{}, {} cores, {} {}", cpu, std::thread::hardware_concurrency(), name.sysname,
                       name.machine);
}

template <class V, Is<ModelRecord> T>
void fields(V& visit, T& x) {
    model_fields(visit, x, "plan_name", "name");
}
template <class V, Is<MachineClass> T>
void fields(V& visit, T& x) {
    visit("name", x.name), visit("machines", x.machines), visit("blocks", x.blocks);
}
template <class V, Is<Environment> T>
void fields(V& visit, T& x) {
    visit("program_version", x.program_version), visit("engine_version", x.engine_version);
    visit("machine", x.machine), visit("command", x.command);
    visit.newer("weights", x.weights), visit.newer("cache", x.cache);
    visit.newer("flash_attention", x.flash_attention), visit.newer("gpu_layers", x.gpu_layers);
    visit.newer("max_rows", x.max_rows), visit("models", x.models), visit("tasks", x.tasks);
    visit.optional("machine_classes", x.machine_classes), visit.optional("servers", x.servers);
}

ModelRecord model_record(const std::string& plan_name, const Model& model) {
    const ModelInfo& i = model.info();
    return {{plan_name, i.name, i.digest, i.architecture, i.quantisation, i.n_param, i.file_bytes, i.n_layer,
             i.n_embd, i.n_head_total(), i.post_norm, !model.chat_template().empty()}};
}

namespace {

bool has(const std::filesystem::path& folder, const char* name) {
    std::error_code ec;
    return std::filesystem::exists(folder / name, ec);
}

// A run that was killed at once may leave an empty file, which is not worth keeping.
bool holds_something(const std::filesystem::path& file) {
    std::error_code ec;
    if (std::filesystem::is_regular_file(file, ec)) return std::filesystem::file_size(file, ec) > 0;
    return std::filesystem::exists(file, ec);
}

}  // namespace

void check_folder(const Plan& plan, const std::filesystem::path& folder) {
    if (has(folder, "plan.toml")) {
        if (read_file(folder / "plan.toml", 1 << 20) != plan_toml(plan))
            throw Error(Code::bad_input,
                        fmt::format("{} holds the run of another plan (its plan.toml differs); "
                                    "choose another folder, or remove this one",
                                    folder.string()),
                        Topic::run_folder);
        return;
    }
    for (const char* name : {"records.jsonl", "environment.json", "cost.jsonl", "summary.json", "results.csv",
                             "report.html", "report.md", "report.json", "vectors", "winners", "checkpoints"})
        if (holds_something(folder / name))
            throw Error(
                Code::bad_input,
                fmt::format(
                    "{} has a {} and no plan.toml, so it is no run of tiller's, and a run would write "
                    "over it; choose another folder",
                    folder.string(), name),
                Topic::run_folder);
}

void claim_folder(const Plan& plan, const std::filesystem::path& folder) {
    check_folder(plan, folder);
    if (!has(folder, "plan.toml")) write_file_atomic(folder / "plan.toml", plan_toml(plan));
}

void give_folder_back(const std::filesystem::path& folder) noexcept {
    try {
        for (const char* name : {"records.jsonl", "checkpoints", "vectors"})
            if (holds_something(folder / name)) return;
        std::error_code ec;
        for (const char* name : {"plan.toml", "environment.json", "cost.jsonl", "records.jsonl", ".lock"})
            std::filesystem::remove(folder / name, ec);
        std::filesystem::remove(folder, ec);  // only when it is empty
    } catch (const std::exception&) {
        // Without memory for a path the folder stays: the next start of the same plan uses it.
    }
}

Environment read_environment(const std::filesystem::path& folder) {
    const auto path = folder / "environment.json";
    const auto json = nlohmann::json::parse(read_file(path, 1 << 24), nullptr, false);
    if (json.is_discarded())
        throw Error(Code::bad_input,
                    fmt::format("{} is not JSON; run the study again to rebuild it", path.string()));
    Environment environment;
    try {
        JsonReader::value(json, JsonPlace{nullptr, "environment", 0, false}, environment);
    } catch (const JsonMisfit& misfit) {
        throw Error(Code::bad_input, fmt::format("{} was changed by hand or damaged ({}: found {}, expected "
                                                 "{}); run the study again to rebuild it",
                                                 path.string(), misfit.path, misfit.found, misfit.expected));
    }
    return environment;
}

std::string arithmetic_text(const Environment& environment) {
    if (environment.weights.empty()) return "";
    const bool float_cache = environment.cache == "f32";
    if (environment.weights == name_of(Weights::float32))
        return float_cache ? "; float32 throughout (exact)" : "; float32 weights, float16 cache";
    return float_cache ? "; the file's weights, float32 cache" : "; the file's weights, float16 cache";
}

void write_environment(const std::filesystem::path& folder, const Environment& environment) {
    write_file_atomic(folder / "environment.json", JsonWriter::value(environment).dump(2) + "\n");
}

void write_environment(const std::filesystem::path& folder, const StudyHost& host,
                       const std::vector<ModelRecord>& models, const std::vector<std::string>& tasks) {
    Environment environment{TILLER_VERSION,
                            TILLER_ENGINE_VERSION,
                            machine_text(),
                            host.command,
                            name_of(host.weights),
                            host.engine.cache_f32 ? "f32" : "f16",
                            host.engine.flash_attention,
                            host.n_gpu_layers,
                            host.engine.max_rows,
                            models,
                            tasks};
    for (const auto& server : host.rpc.servers) environment.servers.push_back(server.text());
    write_environment(folder, environment);
}

}  // namespace tiller::study

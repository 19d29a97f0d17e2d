#include "study/environment.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <fstream>
#include <thread>

#include "core/util.h"
#include "tiller/error.h"
#include "tiller/version.h"

namespace tiller::study {

using nlohmann::json;

namespace {

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

}  // namespace

json model_record(const std::string& plan_name, const ModelInfo& i) {
    return {{"plan_name", plan_name},
            {"name", i.name},
            {"digest", i.digest},
            {"architecture", i.architecture},
            {"quantisation", i.quantisation},
            {"n_param", i.n_param},
            {"file_bytes", i.file_bytes},
            {"n_layer", i.n_layer},
            {"n_embd", i.n_embd},
            {"n_head", i.n_head_total()},
            {"post_norm", i.post_norm}};
}

namespace {

bool has(const std::filesystem::path& folder, const char* name) {
    std::error_code ec;
    return std::filesystem::exists(folder / name, ec);
}

// With nothing in it, such a file is what a start leaves that was killed at once.
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
    if (holds_something(folder / "records.jsonl") || holds_something(folder / "checkpoints")) return;
    std::error_code ec;
    for (const char* name : {"plan.toml", "environment.json", "cost.jsonl", "records.jsonl", ".lock"})
        std::filesystem::remove(folder / name, ec);
    std::filesystem::remove(folder, ec);  // only when it is empty
}

json read_environment(const std::filesystem::path& folder) {
    const auto path = folder / "environment.json";
    auto value = json::parse(read_file(path, 1 << 24), nullptr, false);
    if (value.is_discarded())
        throw Error(Code::bad_input,
                    fmt::format("{} is not JSON; run the study again to rebuild it", path.string()));
    return value;
}

std::string arithmetic_text(const json& environment) {
    const auto weights = environment.find("weights");
    if (weights == environment.end()) return "";
    const bool float_cache = environment.at("cache") == "f32";
    if (*weights == name_of(Weights::float32))
        return float_cache ? "; float32 throughout (exact)" : "; float32 weights, float16 cache";
    return float_cache ? "; the file's weights, float32 cache" : "; the file's weights, float16 cache";
}

void write_environment(const std::filesystem::path& folder, const StudyHost& host, const json& models,
                       const json& tasks) {
    const json environment = {{"program_version", TILLER_VERSION},
                              {"engine_version", TILLER_ENGINE_VERSION},
                              {"machine", machine_text()},
                              {"command", host.command},
                              {"weights", name_of(host.weights)},
                              {"cache", host.engine.cache_f32 ? "f32" : "f16"},
                              {"flash_attention", host.engine.flash_attention},
                              {"gpu_layers", host.n_gpu_layers},
                              {"max_rows", host.engine.max_rows},
                              {"models", models},
                              {"tasks", tasks}};
    write_file_atomic(folder / "environment.json", environment.dump(2) + "\n");
}

}  // namespace tiller::study

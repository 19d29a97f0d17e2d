#include "many/worker_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <sstream>
#include <system_error>
#include <tuple>

#include "core/util.h"
#include "study/json_fields.h"
#include "study/run_files.h"
#include "tiller/error.h"

namespace tiller {

template <class V, study::Is<Block> T>
void fields(V& visit, T& x) {
    visit("model", x.model), visit("task", x.task), visit("seed", x.seed);
    visit("cost", x.cost), visit("shard", x.shard);
}

namespace study {

template <class V, Is<WorkerModel> T>
void fields(V& visit, T& x) {
    visit("name", x.name), visit("digest", x.digest), visit("machine_class", x.machine_class);
    visit.newer("probe", x.probe);
}
template <class V, Is<WorkerRecord> T>
void fields(V& visit, T& x) {
    visit("shard", x.shard), visit("count", x.count), visit("attempt", x.attempt);
    visit("generation", x.generation), visit("host", x.host), visit("machine", x.machine);
    visit("job", x.job), visit("command", x.command), visit("program_version", x.program_version);
    visit("engine_version", x.engine_version), visit("program_digest", x.program_digest);
    visit("data_digest", x.data_digest), visit("settings", x.settings), visit.newer("exact", x.exact);
    visit("models", x.models), visit("blocks", x.blocks);
}
template <class V, Is<BlockEvent> T>
void fields(V& visit, T& x) {
    visit("model", x.model), visit("task", x.task), visit("seed", x.seed), visit("state", x.state);
    visit("closing", x.closing), visit("seconds", x.seconds), visit("message", x.message);
    visit("since_start", x.since_start), visit("n_decode", x.n_decode);
}
template <class V, Is<WorkerProgress> T>
void fields(V& visit, T& x) {
    visit("block", x.block), visit("step", x.step), visit("done", x.done), visit("all", x.all);
}

namespace {

constexpr std::uint64_t kLimit = std::uint64_t{1} << 28;

template <class T>
T read_object(const nlohmann::json& json, const char* what) {
    T object;
    JsonReader::value(json, JsonPlace{nullptr, what, 0, true}, object);
    return object;
}

// The number that is all of `name` after `prefix` ("attempt-2" after "attempt-": 2); empty for other names.
std::optional<int> number_after(std::string_view name, std::string_view prefix) {
    int value = 0;
    if (!name.starts_with(prefix)) return std::nullopt;
    name.remove_prefix(prefix.size());
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), value);
    return error == std::errc() && end == name.data() + name.size() ? std::optional(value) : std::nullopt;
}

std::vector<std::filesystem::path> folders_in(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> found;
    std::error_code ec;
    for (const auto& entry : std::filesystem::directory_iterator(folder, ec))
        if (entry.is_directory(ec)) found.push_back(entry.path());
    return found;
}

}  // namespace

const WorkerModel* WorkerRecord::model(const std::string& name) const {
    const auto found =
        std::find_if(models.begin(), models.end(), [&](const WorkerModel& m) { return m.name == name; });
    return found == models.end() ? nullptr : &*found;
}

void write_worker(const std::filesystem::path& attempt, const WorkerRecord& record) {
    write_file_atomic(attempt / "worker.json", JsonWriter::value(record).dump(2) + "\n");
}

WorkerRecord read_worker(const std::filesystem::path& attempt) {
    const auto path = attempt / "worker.json";
    const auto json = nlohmann::json::parse(read_file(path, kLimit), nullptr, false);
    try {
        return read_object<WorkerRecord>(json, "worker");
    } catch (const JsonMisfit& misfit) {
        throw Error(Code::bad_input,
                    fmt::format("{} was changed by hand, damaged, or written by another version of tiller "
                                "({}: found {}, expected {}); remove the worker's folder and run its shard "
                                "again",
                                path.string(), misfit.path, misfit.found, misfit.expected));
    }
}

void add_event(const std::filesystem::path& attempt, const BlockEvent& event) {
    append_to_file(attempt / "blocks.jsonl", JsonWriter::value(event).dump() + "\n");
}

std::vector<BlockEvent> read_events(const std::filesystem::path& attempt) {
    std::vector<BlockEvent> events;
    const auto path = attempt / "blocks.jsonl";
    if (!std::filesystem::exists(path)) return events;
    std::istringstream lines(read_file(path, kLimit));
    for (std::string line; std::getline(lines, line);) {
        try {
            events.push_back(read_object<BlockEvent>(nlohmann::json::parse(line, nullptr, false), "event"));
        } catch (const JsonMisfit&) {
            // Cut off by a kill. The journal is what counts; without this event the block is begun once more.
        }
    }
    return events;
}

void write_progress(const std::filesystem::path& attempt, const WorkerProgress& progress) {
    write_file_atomic(attempt / "progress.json", JsonWriter::value(progress).dump() + "\n");
}

std::optional<WorkerProgress> read_progress(const std::filesystem::path& attempt) {
    const auto path = attempt / "progress.json";
    if (!std::filesystem::exists(path)) return std::nullopt;
    try {
        return read_object<WorkerProgress>(nlohmann::json::parse(read_file(path, 1 << 20), nullptr, false),
                                           "progress");
    } catch (const JsonMisfit&) {
        return std::nullopt;
    } catch (const Error&) {
        return std::nullopt;  // the file was replaced while it was opened; the next read finds the new one
    }
}

std::filesystem::path shard_folder(const std::filesystem::path& run, const Shard& shard) {
    return run / "workers" / fmt::format("{}-of-{}", shard.index, shard.count);
}

std::pair<std::filesystem::path, int> make_attempt_folder(const std::filesystem::path& run,
                                                          const Shard& shard) {
    const auto folder = shard_folder(run, shard);
    make_folder(folder);
    int n = 1;
    for (const auto& path : folders_in(folder))
        n = std::max(n, number_after(path.filename().string(), "attempt-").value_or(0) + 1);
    for (;; ++n) {
        const auto path = folder / fmt::format("attempt-{}", n);
        std::error_code ec;
        if (std::filesystem::create_directory(path, ec)) return {path, n};
        if (ec)
            throw Error(Code::environment,
                        fmt::format("cannot make the worker's folder {}: {}", path.string(), ec.message()),
                        Topic::run_folder);
    }
}

std::vector<std::filesystem::path> attempt_folders(const std::filesystem::path& run) {
    std::vector<std::tuple<int, int, int, std::filesystem::path>> found;
    for (const auto& shard : folders_in(run / "workers")) {
        const std::string name = shard.filename().string();
        const auto of = name.find("-of-");
        const auto index = number_after(std::string_view(name).substr(0, of), "");
        const auto count =
            of == std::string::npos ? std::nullopt : number_after(std::string_view(name).substr(of), "-of-");
        if (!index || !count) continue;
        for (const auto& attempt : folders_in(shard)) {
            const auto n = number_after(attempt.filename().string(), "attempt-");
            std::error_code ec;
            if (n && std::filesystem::exists(attempt / "worker.json", ec))
                found.emplace_back(*count, *index, *n, attempt);
        }
    }
    std::sort(found.begin(), found.end());
    std::vector<std::filesystem::path> folders;
    for (auto& [count, index, n, path] : found) folders.push_back(std::move(path));
    return folders;
}

std::string attempt_name(const std::filesystem::path& attempt) {
    return (attempt.parent_path().filename() / attempt.filename()).generic_string();
}

}  // namespace study
}  // namespace tiller

// A worker: computes the blocks of one shard.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <system_error>
#include <tuple>
#include <utility>

#include "many/attempts.h"
#include "many/deal.h"
#include "many/gather.h"
#include "many/probe.h"
#include "study/block_runner.h"
#include "study/environment.h"
#include "study/run_files.h"
#include "tiller/error.h"
#include "tiller/version.h"

namespace tiller {

using namespace study;

namespace {

namespace fs = std::filesystem;

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string settings_text(const StudyHost& host) {
    return fmt::format("weights {}, cache {}, flash attention {}, GPU layers {}{}", name_of(host.weights),
                       host.engine.cache_f32 ? "f32" : "f16", host.engine.flash_attention ? "on" : "off",
                       host.n_gpu_layers, host.rpc.servers.empty() ? "" : ", servers of other machines");
}

bool is_exact(const StudyHost& host) {
    return host.weights == Weights::float32 && host.engine.cache_f32 && host.n_gpu_layers == 0 &&
           host.rpc.servers.empty();
}

// Did the attempt use the same program, data and settings, so that its units can be used here?
bool is_alike(const WorkerRecord& a, const WorkerRecord& b) {
    return a.program_version == b.program_version && a.engine_version == b.engine_version &&
           a.program_digest == b.program_digest && a.data_digest == b.data_digest && a.settings == b.settings;
}

// Puts the vector files below `from` into `to` where they are missing there. Hard links where the file system
// has them, since such files are never changed; else copies.
void link_files(const fs::path& from, const fs::path& to) {
    std::error_code ec;
    if (!fs::is_directory(from, ec)) return;
    for (const auto& entry : fs::recursive_directory_iterator(from, ec)) {
        const fs::path target = to / entry.path().lexically_relative(from);
        if (entry.is_directory(ec)) {
            fs::create_directories(target, ec);
            continue;
        }
        // Other files may be temporary ones of a worker that still runs, and incomplete.
        const std::string extension = target.extension().string();
        if (extension != ".gguf" && extension != ".f32") continue;
        fs::create_hard_link(entry.path(), target, ec);
        if (ec) fs::copy_file(entry.path(), target, fs::copy_options::skip_existing, ec);
        if (ec) fs::remove(target, ec);  // a part of the file may be there
    }
}

// Writes the worker's newest step for `tiller` on other machines to read, at most every 15 seconds.
class Heart {
public:
    explicit Heart(fs::path attempt) : attempt_(std::move(attempt)) {}
    void beat(const std::string& block, const std::string& step, std::size_t done, std::size_t all) {
        if (now() - last_ < 15) return;
        last_ = now();
        try {
            write_progress(attempt_, {block, step, done, all});
        } catch (const Error&) {
            // Progress is not worth stopping for: if the disk is at fault, writing the journal will throw.
        }
    }

private:
    fs::path attempt_;
    double last_ = -1e9;
};

class Worker {
public:
    Worker(const StudyInputs& inputs, const fs::path& run, const Shard& shard, std::vector<Block> blocks,
           std::vector<Attempt> earlier, WorkerRecord record)
        : inputs_(inputs),
          earlier_(std::move(earlier)),
          blocks_(std::move(blocks)),
          record_(std::move(record)) {
        std::tie(folder_, record_.attempt) = make_attempt_folder(run, shard);
        claim_folder(inputs.plan(), folder_);
        write_worker(folder_, record_);
        heart_.emplace(folder_);
        journal_.emplace(folder_);
    }

    const fs::path& folder() const { return folder_; }

    void step(const std::string& task, const std::string& what, std::size_t done, std::size_t all) {
        heart_->beat(task, what, done, all);
    }

    void carry_out(ShardResult& result) {
        for (std::size_t m = 0; m < inputs_.n_model(); ++m) {
            std::vector<const Block*> blocks;
            for (const Block& block : blocks_)
                if (block.model == inputs_.model_name(m)) blocks.push_back(&block);
            if (!blocks.empty()) run_model(m, blocks, result);
        }
        FolderCheckpoint(shared_checkpoints(folder_)).remove();
    }

private:
    void run_model(std::size_t m, const std::vector<const Block*>& blocks, ShardResult& result) {
        std::shared_ptr<const Model> model;
        std::optional<Engine> engine;
        try {
            model = inputs_.load_model(m);
            engine.emplace(model, inputs_.host().engine);
            engine->cancel_with(inputs_.host().cancel);
            meet(m, *engine);
        } catch (const Error& e) {
            for (const Block* block : blocks) fail(*block, "", 0, 0, e, result);
            return;
        }
        for (const Block* block : blocks) closings_.push_back(closing_of(m, *engine, *block));
        write_environment(folder_, inputs_.host(), models_, closings_);
        for (const Block* block : blocks) adopt(*block);
        BlockRunner runner(inputs_, m, *engine, *journal_, folder_);
        for (const Block* block : blocks) run_block(runner, m, *engine, *block, result);
    }

    // Records the model's digest and what this machine computes for the probe.
    void meet(std::size_t m, Engine& engine) {
        models_.push_back(model_record(inputs_.model_name(m), engine.model()));
        MachineProbe probe = probe_machine(engine);
        record_.models.push_back({inputs_.model_name(m), engine.info().digest, std::move(probe.machine_class),
                                  std::move(probe.logprobs)});
        write_worker(folder_, record_);
    }

    std::size_t task_of(const Block& block) const {
        const auto& tasks = inputs_.tasks();
        return static_cast<std::size_t>(
            std::find_if(tasks.begin(), tasks.end(), [&](const Task& t) { return t.name == block.task; }) -
            tasks.begin());
    }
    std::string closing_of(std::size_t m, const Engine& engine, const Block& block) const {
        return inputs_.closing(m, engine.info(), task_of(block), block.seed);
    }

    // Takes over finished units of a block from earlier attempts on machines that compute the same numbers as
    // this one. Units of other machines are not used: settings that are compared have to be computed alike.
    void adopt(const Block& block) {
        const std::string prefix = unit_prefix(block);
        std::size_t n = 0;
        for (const auto& attempt : earlier_) {
            if (!attempt.last_event(block) ||
                attempt.machine_class(block) != record_.models.back().machine_class)
                continue;
            Units units;
            for (const auto& [name, lines] : attempt.units())
                if (name.starts_with(prefix)) units.emplace(name, lines);
            n += units.size();
            journal_->adopt(units);
            for (const char* files : {"vectors", "winners", "checkpoints"})
                link_files(attempt.folder() / files, folder_ / files);
        }
        if (n > 0 && inputs_.host().observer.note)
            inputs_.host().observer.note(
                fmt::format("{}: {} finished unit(s) of earlier attempts are used", block.text(), n));
    }

    void run_block(BlockRunner& runner, std::size_t m, const Engine& engine, const Block& block,
                   ShardResult& result) {
        const std::string closing = closing_of(m, engine, block);
        const double begin = now();
        const auto n_decode = engine.stats().n_decode;
        add_event(folder_, {block.model, block.task, block.seed, "begun", closing, 0, "", begin - start_});
        try {
            runner.run(task_of(block), block.seed);
        } catch (const Error& e) {
            fail(block, closing, now() - begin, engine.stats().n_decode - n_decode, e, result);
            return;
        }
        add_event(folder_, {block.model, block.task, block.seed, "done", closing, now() - begin, "",
                            now() - start_, engine.stats().n_decode - n_decode});
        ++result.n_done;
    }

    // Records why a block failed. The next block is tried, unless the machine is at fault or the user
    // stopped.
    void fail(const Block& block, const std::string& closing, double seconds, std::uint64_t n_decode,
              const Error& e, ShardResult& result) {
        const bool stopped = e.code() == Code::interrupted;
        add_event(folder_, {block.model, block.task, block.seed, stopped ? "stopped" : "failed", closing,
                            seconds, e.what(), now() - start_, n_decode});
        if (stopped || e.code() == Code::environment) throw e;
        result.failures.push_back(block.text() + ": " + e.what());
    }

    const StudyInputs& inputs_;
    std::vector<Attempt> earlier_;
    std::vector<Block> blocks_;  // the shard's blocks that no earlier attempt finished
    WorkerRecord record_;
    fs::path folder_;
    std::optional<Heart> heart_;
    std::optional<Journal> journal_;
    std::vector<ModelRecord> models_;
    std::vector<std::string> closings_;
    double start_ = now();
};

WorkerRecord new_record(const StudyInputs& inputs, const Shard& shard, const std::vector<Block>& blocks,
                        const std::vector<Attempt>& earlier) {
    WorkerRecord record;
    record.shard = shard.index, record.count = shard.count;
    for (const auto& attempt : earlier)
        record.generation = std::max(record.generation, attempt.worker().generation + 1);
    record.host = host_name(), record.machine = machine_text(), record.job = scheduler_job();
    record.command = inputs.host().command;
    record.program_version = TILLER_VERSION, record.engine_version = TILLER_ENGINE_VERSION;
    record.program_digest = program_digest(), record.data_digest = inputs.data_digest();
    record.settings = settings_text(inputs.host());
    record.exact = is_exact(inputs.host());
    record.blocks = blocks;
    return record;
}

}  // namespace

ShardResult run_shard(const Plan& plan, const fs::path& run, const Shard& shard, const StudyHost& host) {
    Worker* worker = nullptr;  // null while inputs are read: steps until then are not recorded
    StudyHost observed = host;
    observed.observer.step = [&](const std::string& task, const std::string& what, std::size_t done,
                                 std::size_t all) {
        if (worker) worker->step(task, what, done, all);
        if (host.observer.step) host.observer.step(task, what, done, all);
    };
    const StudyInputs inputs(plan, observed);
    check_folder(plan, run);
    const std::vector<Block> blocks = blocks_of(inputs, shard.count);
    std::vector<Attempt> earlier = read_attempts(run);
    require_plan(earlier, plan_toml(plan), run);
    const WorkerRecord record = new_record(inputs, shard, blocks, earlier);

    // Units of another program, other data or other settings cannot be used.
    std::erase_if(earlier, [&](const Attempt& attempt) { return !is_alike(attempt.worker(), record); });
    ShardResult result;
    std::vector<Block> left;
    for (const Block& block : blocks) {
        if (block.shard != shard.index) continue;
        ++result.n_block;
        has_complete_copy(earlier, block) ? static_cast<void>(++result.n_before) : left.push_back(block);
    }
    if (left.empty()) return result;
    Worker at_work(inputs, run, shard, std::move(left), std::move(earlier), record);
    worker = &at_work;
    result.folder = at_work.folder();
    at_work.carry_out(result);
    return result;
}

}  // namespace tiller

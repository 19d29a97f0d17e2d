// Merges the journals of many workers into one run.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>

#include "core/util.h"
#include "many/gather.h"
#include "many/probe.h"
#include "study/protocol.h"
#include "study/run_files.h"
#include "study/summarise.h"
#include "study/winners.h"
#include "tiller/error.h"

namespace tiller {

using namespace study;

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kFileLimit = std::uint64_t{4} << 30;

std::string last_failure(const Block& block, const std::vector<Attempt>& attempts) {
    std::string text;
    for (const auto& attempt : attempts)
        if (const auto* event = attempt.last_event(block); event && event->state == "failed")
            text =
                fmt::format("\n    {} failed on {}: {}", block.text(), attempt.worker().host, event->message);
    return text;
}

[[noreturn]] void refuse_missing(const Gathered& gathered, const std::vector<Attempt>& attempts,
                                 const fs::path& run, const MergeOptions& options) {
    const WorkerRecord& newest = attempts.back().worker();
    std::map<int, std::vector<std::string>> by_shard;
    for (const Block& block : gathered.missing) by_shard[block.shard].push_back(block.text());
    std::string text =
        fmt::format("{} of {} blocks are missing in {}; these commands make them:", gathered.missing.size(),
                    newest.blocks.size(), run.string());
    for (const auto& [shard, names] : by_shard) {
        const Shard of{shard, newest.count};
        text += "\n  " + (options.command_of ? options.command_of(newest.command, of)
                                             : fmt::format("{}, shard {}", newest.command, of.text()));
        text += "   # ";
        constexpr std::size_t shown = 4;
        text += fmt::format(
            "{}",
            fmt::join(names.begin(),
                      names.begin() + static_cast<std::ptrdiff_t>(std::min(shown, names.size())), ", "));
        if (names.size() > shown) text += fmt::format(" and {} more", names.size() - shown);
        // Why a block is missing, where an attempt recorded a failure.
        for (const Block& block : gathered.missing)
            if (block.shard == shard) text += last_failure(block, attempts);
    }
    throw Error(Code::incomplete, text);
}

// Throws for machines or programs that compute differently; returns when there is nothing to refuse.
// `difference`: exact_difference() above its bound, in nats; none where not all computed in float32.
void refuse_mixture(const std::vector<MachineClass>& classes, bool mixed_programs,
                    std::optional<double> difference, const std::string& to_allow) {
    const std::string how = to_allow.empty() ? "" : " (" + to_allow + ")";
    if (difference)
        throw Error(
            Code::bad_input,
            fmt::format("the workers computed in float32 throughout, and log-probabilities of a fixed probe "
                        "differ by {:.2g} nats, where {:.0e} are allowed: one of them computes wrongly. Run "
                        "`tiller doctor` on each, or merge the mixture and have it said{}",
                        *difference, kExactBound, how));
    std::string text;
    for (const auto& c : classes)
        text +=
            fmt::format("\n  {}: {} block(s) on {}", c.name, c.blocks.size(), fmt::join(c.machines, "; "));
    if (!classes.empty())
        throw Error(
            Code::bad_input,
            fmt::format("the blocks were computed by machines that compute differently: the logits of a "
                        "fixed probe are not the same bits, so the merged run would be one that no "
                        "machine gives. Run the smaller part again on machines of the other kind, or "
                        "merge the mixture and have it said{}:{}",
                        how, text));
    if (mixed_programs)
        throw Error(
            Code::bad_input,
            fmt::format("the workers were different executables of one version (other builds, or other "
                        "libraries of the engine), although their probes agree; use one build, or "
                        "merge them all the same{}",
                        how));
}

// Adds the block's units as a journal has them. In a mixture, the block's closing record gets the class of
// machine that computed it.
void add_texts(const GatheredBlock& block, bool mixed, std::vector<std::string>& order,
               std::map<std::string, std::string>& texts) {
    for (const auto& name : block.order) {
        std::vector<std::string> lines = block.units.at(name);
        if (mixed && name == block.closing) {
            auto json = nlohmann::json::parse(lines.at(0));
            json["machine_class"] = block.machine_class;
            lines[0] = json.dump();
        }
        order.push_back(name);
        texts[name] = unit_text(name, lines);
    }
}

Environment merged_environment(const Gathered& gathered, const Plan& plan) {
    Environment merged;
    std::vector<std::string> machines;
    std::map<std::string, ModelRecord> models;
    std::set<const Attempt*> seen;
    for (const auto& block : gathered.blocks) {
        for (const Attempt* attempt : block.attempts) {
            if (!seen.insert(attempt).second) continue;
            const Environment its = read_environment(attempt->folder());
            if (seen.size() == 1) merged = its;
            if (std::find(machines.begin(), machines.end(), its.machine) == machines.end())
                machines.push_back(its.machine);
            for (const auto& model : its.models) models.emplace(model.name, model);
        }
    }
    merged.machine = fmt::format("{}", fmt::join(machines, "; "));
    merged.models.clear(), merged.tasks.clear();
    for (const auto& name : plan.models)
        if (const auto model = models.find(name); model != models.end())
            merged.models.push_back(model->second);
    for (const auto& block : gathered.blocks) merged.tasks.push_back(block.closing);
    return merged;
}

// The vectors and winners to be copied into the run, each with the attempt's file that it comes from.
class Files {
public:
    void add(const Plan& plan, const GatheredBlock& block) {
        const std::set<std::string> its = names_of(plan, block);
        for (const Attempt* attempt : block.attempts)
            for (const char* folder : {"vectors", "winners"}) {
                std::error_code ec;
                for (const auto& entry : fs::directory_iterator(attempt->folder() / folder, ec))
                    if (const auto name = fs::path(folder) / entry.path().filename();
                        its.contains(name.generic_string()) || is_of(block, name))
                        add(name, entry.path(), *attempt);
            }
    }
    void copy_to(const fs::path& run) const {
        for (const auto& [name, from] : from_) {
            const std::string bytes = read_file(from.first, kFileLimit);
            study::make_folder((run / name).parent_path());
            std::error_code ec;
            if (fs::exists(run / name, ec) && fs::file_size(run / name, ec) == bytes.size() &&
                read_file(run / name, kFileLimit) == bytes)
                continue;
            write_file_atomic(run / name, bytes);
        }
    }

private:
    // The files of a block that can be named: those in its closing record, and its winners. (A worker's
    // folder has files of all its blocks, also of those that other workers finished.)
    static std::set<std::string> names_of(const Plan& plan, const GatheredBlock& block) {
        std::set<std::string> names;
        const auto task = read_record<TaskClosing>(block.units.at(block.closing).at(0));
        for (const auto& [what, file] : task.vector_files) names.insert(file);
        if (protocol_of(plan).traits.leaves_winners && block.block.seed == plan.seeds.front())
            for (const auto& method : plan.methods)
                names.insert(winner_file(plan, block.block.model, block.block.task, method).generic_string());
        return names;
    }
    // Is it an extraction of the block? Those of draws after the first are in no record, but their names
    // begin with the block.
    static bool is_of(const GatheredBlock& block, const fs::path& name) {
        const std::string stem = fs::path(block.block.model).stem().string();
        return name.parent_path() == "vectors" && name.extension() == ".gguf" &&
               name.filename().string().starts_with(
                   fmt::format("{}-{}-s{}-", stem, block.block.task, block.block.seed));
    }
    void add(const fs::path& name, const fs::path& path, const Attempt& attempt) {
        const auto [known, is_new] = from_.try_emplace(name, path, &attempt);
        if (is_new || fs::equivalent(known->second.first, path)) return;
        if (sha256_file(known->second.first) != sha256_file(path))
            throw Error(
                Code::bad_input,
                fmt::format("two copies of {} differ: {} and {}; run `tiller doctor` on both machines, "
                            "remove the folder of the one that is wrong, and run its shard again",
                            name.string(), known->second.second->text(), attempt.text()));
    }

    std::map<fs::path, std::pair<fs::path, const Attempt*>> from_;
};

std::string costs_of(const std::vector<Attempt>& attempts) {
    std::string text;
    for (const auto& attempt : attempts) {
        const auto path = attempt.folder() / "cost.jsonl";
        if (!fs::exists(path)) continue;
        const std::string bytes = read_file(path, 1 << 28);
        text += bytes.substr(0, bytes.rfind('\n') + 1);  // without a last line that a kill cut off
    }
    return text;
}

// Throws when the run's journal has units that the merge would not write again as they are: those of a run in
// one process, or of a second pass, would be lost.
void require_known(const Journal& journal, const std::map<std::string, std::string>& texts,
                   const fs::path& run) {
    std::size_t n = 0;
    for (const auto& [name, lines] : journal.units()) {
        const auto known = texts.find(name);
        n += known == texts.end() || known->second != unit_text(name, lines);
    }
    if (n > 0)
        throw Error(Code::bad_input,
                    fmt::format("{} holds {} unit(s) that no worker made (a run in one piece, a second pass, "
                                "or a merge of other workers); move it away to merge again",
                                (run / "records.jsonl").string(), n),
                    Topic::run_folder);
}

void require_one_plan(const std::vector<Attempt>& attempts, const fs::path& run) {
    const auto own = run / "plan.toml";
    const std::string text =
        read_file(fs::exists(own) ? own : attempts.front().folder() / "plan.toml", 1 << 20);
    require_plan(attempts, text, run);
}

}  // namespace

MergeResult merge_run(const fs::path& run, const MergeOptions& options) {
    const std::vector<Attempt> attempts = read_attempts(run);
    if (attempts.empty())
        throw Error(Code::missing, fmt::format("{} has no workers: expected folders like {}", run.string(),
                                               (run / "workers" / "0-of-4" / "attempt-1").string()));
    require_one_plan(attempts, run);
    const Plan plan = load_run_plan(fs::exists(run / "plan.toml") ? run : attempts.front().folder());
    const Gathered gathered = gather(attempts);
    if (!gathered.missing.empty()) refuse_missing(gathered, attempts, run, options);
    const auto classes = mixed_classes(gathered);
    const bool differ = !classes.empty() || gathered.mixed_programs;
    const auto difference = differ ? exact_difference(gathered) : std::nullopt;
    const bool within = difference && *difference <= kExactBound;
    if (!options.allow_mixed && !within)
        refuse_mixture(classes, gathered.mixed_programs, difference, options.to_allow);

    Files files;
    std::vector<std::string> order;
    std::map<std::string, std::string> texts;
    std::set<const Attempt*> used;
    for (const auto& block : gathered.blocks) {
        files.add(plan, block);
        add_texts(block, !classes.empty(), order, texts);
        used.insert(block.attempts.begin(), block.attempts.end());
    }
    Environment environment = merged_environment(gathered, plan);
    environment.machine_classes = classes;

    claim_folder(plan, run);
    const Journal journal(run);  // locks the run for other processes until the end
    require_known(journal, texts, run);
    files.copy_to(run);
    write_file_atomic(run / "cost.jsonl", costs_of(attempts));
    write_environment(run, environment);
    std::string records;
    for (const auto& name : order) records += texts.at(name);
    write_file_atomic(run / "records.jsonl", records);

    MergeResult result;
    result.summary = summarise(plan, read_units(run), environment);
    result.n_block = gathered.blocks.size(), result.n_worker = used.size();
    result.notes = gathered.notes;
    if (within)
        result.notes.push_back(fmt::format(
            "the workers' arithmetic differs in its last bits: in float32 throughout, log-probabilities "
            "of a fixed probe by {:.1g} nats at most, where {:.0e} are allowed",
            *difference, kExactBound));
    result.second_pass = plan.models.size() > 1 && protocol_of(plan).traits.goes_twice;
    result.command = attempts.back().worker().command;
    return result;
}

}  // namespace tiller

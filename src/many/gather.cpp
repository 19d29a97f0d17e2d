#include "many/gather.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "many/probe.h"
#include "study/records.h"
#include "study/units.h"
#include "tiller/error.h"

namespace tiller::study {
namespace {

std::string short_text(const std::string& text) {
    return text.size() == 64 && text.find(' ') == std::string::npos ? text.substr(0, 12) : text;
}

[[noreturn]] void differ(const Attempt& a, const Attempt& b, const std::string& what, const std::string& of_a,
                         const std::string& of_b) {
    throw Error(
        Code::bad_input,
        fmt::format("workers do not fit together: {} has {} {} and {} has {}; remove the folder of the "
                    "one that is wrong and run its shard again",
                    a.text(), what, short_text(of_a), b.text(), short_text(of_b)),
        Topic::run_folder);
}

void require_same(const Attempt& a, const Attempt& b, const char* what, const std::string& of_a,
                  const std::string& of_b) {
    if (of_a != of_b) differ(a, b, what, of_a, of_b);
}

void require_alike(const std::vector<Attempt>& attempts) {
    const Attempt& a = attempts.front();
    std::map<std::string, std::pair<const Attempt*, std::string>> models;
    for (const Attempt& b : attempts) {
        const WorkerRecord &x = a.worker(), &y = b.worker();
        require_same(a, b, "program version", x.program_version, y.program_version);
        require_same(a, b, "engine version", x.engine_version, y.engine_version);
        require_same(a, b, "data with the digest", x.data_digest, y.data_digest);
        require_same(a, b, "the settings", x.settings, y.settings);
        if (!std::equal(x.blocks.begin(), x.blocks.end(), y.blocks.begin(), y.blocks.end(),
                        [](const Block& one, const Block& other) { return one.text() == other.text(); }))
            differ(a, b, "a number of blocks:", fmt::format("{}", x.blocks.size()),
                   fmt::format("{} (or others)", y.blocks.size()));
        for (const auto& model : y.models) {
            const auto [known, is_new] = models.try_emplace(model.name, &b, model.digest);
            if (!is_new)
                require_same(*known->second.first, b,
                             ("for the model " + model.name + " a file with the digest").c_str(),
                             known->second.second, model.digest);
        }
    }
}

// The units of a block that machines of one class computed.
struct Copy {
    std::string machine_class;
    std::vector<std::string> order;
    Units units;
    std::map<std::string, const Attempt*> from;
    std::vector<const Attempt*> attempts;
};

// Adds the units that an attempt computed of the block. Attempts are added by rising generation, so that
// units an attempt took over come before those it made with them.
void add_units(Copy& copy, const Attempt& attempt, const Block& block) {
    const std::string prefix = unit_prefix(block);
    bool used = false;
    for (const auto& name : attempt.order()) {
        if (!name.starts_with(prefix)) continue;
        used = true;
        const auto& lines = attempt.units().at(name);
        const auto [known, is_new] = copy.units.try_emplace(name, lines);
        if (is_new) {
            copy.order.push_back(name);
            copy.from[name] = &attempt;
        } else if (known->second != lines) {
            throw Error(Code::bad_input,
                        fmt::format("two complete copies of the unit {} differ: {} ({}) and {} ({}) computed "
                                    "different numbers although their probes agree; run `tiller doctor` on "
                                    "both, remove the folder of the one that is wrong, and run its shard "
                                    "again",
                                    name, copy.from.at(name)->text(), copy.from.at(name)->worker().machine,
                                    attempt.text(), attempt.worker().machine));
        }
    }
    if (used) copy.attempts.push_back(&attempt);
}

// The name of the block's closing unit, from the newest attempt that says it; empty when none does.
std::string closing_of(const std::vector<Attempt>& attempts, const Block& block) {
    std::string closing;
    for (const auto& attempt : attempts)
        if (const auto* event = attempt.last_event(block); event && !event->closing.empty())
            closing = event->closing;
    return closing;
}

bool has_files(const Copy& copy, const std::string& closing) {
    const auto task = read_record<TaskClosing>(copy.units.at(closing).at(0));
    const auto is_there = [&](const std::string& file) {
        return std::any_of(copy.attempts.begin(), copy.attempts.end(), [&](const Attempt* attempt) {
            return std::filesystem::exists(attempt->folder() / file);
        });
    };
    return std::all_of(task.vector_files.begin(), task.vector_files.end(),
                       [&](const auto& file) { return is_there(file.second); });
}

// Complete: an attempt finished the block (which it says after writing the winners), the closing unit is
// there, and all files that it names exist.
bool is_complete(const Copy& copy, const std::string& closing, const Block& block) {
    return copy.units.contains(closing) && has_files(copy, closing) &&
           std::any_of(copy.attempts.begin(), copy.attempts.end(),
                       [&](const Attempt* attempt) { return attempt->has_done(block); });
}

std::vector<Copy> copies_of(const std::vector<Attempt>& attempts, const Block& block) {
    std::vector<Copy> copies;
    for (const auto& attempt : attempts) {
        if (!attempt.last_event(block)) continue;
        const std::string its = attempt.machine_class(block);
        auto copy =
            std::find_if(copies.begin(), copies.end(), [&](const Copy& c) { return c.machine_class == its; });
        if (copy == copies.end()) copy = copies.insert(copies.end(), Copy{its, {}, {}, {}, {}});
        add_units(*copy, attempt, block);
        // An attempt that only wrote the winners has no units in its journal.
        if (attempt.has_done(block) &&
            std::find(copy->attempts.begin(), copy->attempts.end(), &attempt) == copy->attempts.end())
            copy->attempts.push_back(&attempt);
    }
    return copies;
}

}  // namespace

bool has_complete_copy(const std::vector<Attempt>& attempts, const Block& block) {
    const std::string closing = closing_of(attempts, block);
    const auto copies = copies_of(attempts, block);
    return std::any_of(copies.begin(), copies.end(),
                       [&](const Copy& copy) { return is_complete(copy, closing, block); });
}

Gathered gather(const std::vector<Attempt>& attempts) {
    require_alike(attempts);
    Gathered out;
    for (const auto& attempt : attempts)
        out.mixed_programs |= attempt.worker().program_digest != attempts.front().worker().program_digest;
    for (const Block& block : attempts.back().worker().blocks) {
        const std::string closing = closing_of(attempts, block);
        std::vector<Copy> copies = copies_of(attempts, block);
        const auto complete = [&](const Copy& copy) { return is_complete(copy, closing, block); };
        const auto chosen = std::find_if(copies.begin(), copies.end(), complete);
        if (chosen == copies.end()) {
            out.missing.push_back(block);
            continue;
        }
        for (auto& other : copies)
            if (&other != &*chosen && !other.units.empty())
                out.notes.push_back(fmt::format(
                    "{}: what {} computed is left out: {} finished it, and the machines compute differently",
                    block.text(), other.attempts.front()->text(), chosen->attempts.back()->text()));
        out.blocks.push_back({block, closing, chosen->machine_class, std::move(chosen->order),
                              std::move(chosen->units), std::move(chosen->attempts)});
    }
    for (const auto& attempt : attempts)
        for (const auto& model : attempt.worker().models)
            if (std::none_of(out.models.begin(), out.models.end(),
                             [&](const WorkerModel& m) { return m.name == model.name; }))
                out.models.push_back(model);
    return out;
}

std::vector<MachineClass> mixed_classes(const Gathered& gathered) {
    std::map<std::string, std::set<std::string>> by_model;
    for (const auto& block : gathered.blocks) by_model[block.block.model].insert(block.machine_class);
    std::vector<MachineClass> out;
    for (const auto& block : gathered.blocks) {
        if (by_model[block.block.model].size() < 2) continue;
        auto found = std::find_if(out.begin(), out.end(),
                                  [&](const MachineClass& c) { return c.name == block.machine_class; });
        if (found == out.end()) found = out.insert(out.end(), MachineClass{block.machine_class, {}, {}});
        found->blocks.push_back(block.block.text());
        for (const Attempt* attempt : block.attempts) {
            const std::string machine = attempt->worker().host + ": " + attempt->worker().machine;
            if (std::find(found->machines.begin(), found->machines.end(), machine) == found->machines.end())
                found->machines.push_back(machine);
        }
    }
    return out;
}

std::optional<double> exact_difference(const Gathered& gathered) {
    std::map<std::string, std::vector<double>> first;
    double most = 0;
    for (const auto& block : gathered.blocks)
        for (const Attempt* attempt : block.attempts) {
            const WorkerModel* model = attempt->worker().model(block.block.model);
            if (!attempt->worker().exact || !model) return std::nullopt;
            const auto [known, is_new] = first.try_emplace(model->name, model->probe);
            if (!is_new) most = std::max(most, apart(known->second, model->probe));
        }
    return most;
}

}  // namespace tiller::study

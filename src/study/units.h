// Units of work, and the record that closes a task.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "study/task_context.h"

namespace tiller::study {

/// The name of a unit of work; `key` is a digest of all that its numbers depend on.
std::string unit_name(const std::string& model, const std::string& task, std::uint64_t seed,
                      const std::string& what, const std::string& key);
/// The same for a unit of this task.
std::string unit_name(const TaskContext& context, const std::string& what);
/// The unit of a task's closing record.
inline constexpr const char* closing_unit = "task";

/// Charges what the engine did since `before` in equal parts to `methods`, one for each setting.
void charge(const TaskContext& context, const std::vector<std::string>& methods, const std::string& phase,
            const EngineStats& before);

/// A unit of work: from the journal when it is there, else computed, written and charged to the ledger under
/// `phase`. Its name is added to `units`.
template <class Record>
std::vector<Record> unit(TaskContext& c, const std::string& what, const std::vector<std::string>& methods,
                         const std::string& phase, std::vector<std::string>& units,
                         const std::function<std::vector<Record>()>& compute) {
    const std::string name = unit_name(c, what);
    units.push_back(name);
    if (!c.journal.has(name)) {
        const EngineStats before = c.engine.stats();
        c.journal.append(name, compute());
        charge(c, methods, phase, before);
    }
    return c.journal.records<Record>(name);
}

/// How many times n_each rows (at least 1) a unit should have: up to four times the n_row rows that the
/// engine runs at once, because texts behind one prompt that are scored together share tokens, and at least
/// half of that, so that few rows stay empty. A killed run repeats at most one unit.
std::size_t whole_part(std::size_t n_each, std::size_t n_row);
/// Test items in parts, each a unit under all candidates; the names of the units, which begin with `name`.
std::vector<std::string> run_test_items(TaskContext& context, std::span<const Candidate> candidates,
                                        const std::string& name = "test", bool generate = true);

/// Fills in what every closing record has, and removes what the task's extractions left to share.
void finish_closing(TaskContext& context, TaskClosing& closing);
/// The effects of all heads and the strongest of them; nothing for an empty table.
void set_effects(TaskClosing& closing, const std::vector<std::vector<float>>& aie);

/// Writes the closing record; what belongs to no protocol is filled in.
template <class Part>
void close_task(TaskContext& c, TaskClosing closing, const Part& part) {
    finish_closing(c, closing);
    std::vector<std::string> ignored;
    unit<ClosingWith<Part>>(c, closing_unit, {"all"}, "close", ignored, [&] {
        return std::vector<ClosingWith<Part>>{{closing, part}};
    });
}
void close_task(TaskContext& context, TaskClosing closing);

/// Was the task finished before, and are its vectors still there?
bool is_finished(const TaskContext& context);

}  // namespace tiller::study

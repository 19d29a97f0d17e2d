// Units of work: computing them or taking them from the journal, and closing a task.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "study/task_context.h"

namespace tiller::study {

/// The name of a unit of work, "<model>/<task>/s<seed>/<what>#<digest of key and what>". `key` is a digest of
/// all that its numbers depend on.
std::string unit_name(const std::string& model, const std::string& task, std::uint64_t seed,
                      const std::string& what, const std::string& key);
/// The same for a unit of this task; `what` begins with "draw<n>/" when the context is at a draw.
std::string unit_name(const TaskContext& context, const std::string& what);
/// The `what` of the unit that has a task's closing record.
inline constexpr const char* closing_unit = "task";

/// Adds what the engine did since `before` to the cost ledger, in equal parts for each element of `methods`
/// (a method's name once for each of its settings). Parts of the same method become one line.
void charge(const TaskContext& context, const std::vector<std::string>& methods, const std::string& phase,
            const EngineStats& before);

/// The records of a unit of work. When the journal lacks it, calls `compute`, appends the unit to the journal
/// and its cost to the ledger under `phase` (charge()). The unit's name is appended to `units` in either
/// case.
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

/// How many items (or settings) to put in one unit when each has n_each rows (at least 1) and the engine runs
/// n_row rows at once. At most four times n_row rows, so that a killed run repeats little, and at least half
/// of that, because texts after one prompt that are scored together share tokens. In this range: the number
/// that leaves the smallest share of the engine's rows empty, the greater one of equals. At least 1. Example:
/// with 24 rows each and 64 at once, 8 items are 192 rows, which fill three batches of 64.
std::size_t whole_part(std::size_t n_each, std::size_t n_row);
/// Runs all candidates on the context's test items, in units of whole_part() items. Returns the names of the
/// units; `name` is part of them. `generate` as for evaluate().
std::vector<std::string> run_test_items(TaskContext& context, std::span<const Candidate> candidates,
                                        const std::string& name = "test", bool generate = true);

/// Fills in the fields of a closing record that do not depend on the protocol, and removes the checkpoints of
/// the task's extractions.
void finish_closing(TaskContext& context, TaskClosing& closing);
/// Sets TaskClosing::aie and top_heads from `aie` ([n_layer][n_head]); clears both when it is empty.
void set_effects(TaskClosing& closing, const std::vector<std::vector<float>>& aie);

/// Calls finish_closing() and writes the closing record, with a protocol's part, as a unit.
template <class Part>
void close_task(TaskContext& c, TaskClosing closing, const Part& part) {
    finish_closing(c, closing);
    std::vector<std::string> ignored;
    unit<ClosingWith<Part>>(c, closing_unit, {"all"}, "close", ignored, [&] {
        return std::vector<ClosingWith<Part>>{{closing, part}};
    });
}
/// The same without such a part.
void close_task(TaskContext& context, TaskClosing closing);

/// Does the journal have the task's closing record, and does the run folder have the vector files that it
/// names?
bool is_finished(const TaskContext& context);

}  // namespace tiller::study

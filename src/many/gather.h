// What workers left, put together: for each block one complete copy of its units, or the reason why not.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "many/attempts.h"
#include "study/environment.h"

namespace tiller::study {

/// A complete block.
struct GatheredBlock {
    Block block;
    std::string closing;             ///< Name of its closing unit.
    std::string machine_class;       ///< Of the machines that computed it.
    std::vector<std::string> order;  ///< Its units, as a run in one piece would have written them.
    Units units;
    std::vector<const Attempt*> attempts;  ///< That it comes from, by generation.
};

struct Gathered {
    std::vector<GatheredBlock> blocks;  ///< In the plan's order.
    std::vector<Block> missing;
    std::vector<std::string> notes;
    /// The plan's models in its order, as far as they were loaded.
    std::vector<WorkerModel> models;
    bool mixed_programs = false;  ///< Executables of one version that differ in their bytes.
};

/// Checks that all attempts are of the same programs, models, data, settings and blocks, and gathers. Throws
/// bad_input. `attempts`, at least one, must outlive the result.
Gathered gather(const std::vector<Attempt>& attempts);

/// Has a block a complete copy among the attempts? Reads the journals of those that came to it. Throws
/// bad_input (damaged, or two copies on machines of one class that differ).
bool has_complete_copy(const std::vector<Attempt>& attempts, const Block& block);

/// The classes of each model that more than one class computed, with the blocks and machines of each.
std::vector<MachineClass> mixed_classes(const Gathered& gathered);

/// How far the probes of the attempts that blocks come from are apart, at most over the models, in nats. None
/// where an attempt did not compute in float32 throughout (WorkerRecord::exact).
std::optional<double> exact_difference(const Gathered& gathered);

}  // namespace tiller::study

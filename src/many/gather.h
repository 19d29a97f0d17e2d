// Gathers what workers left: for each block, one complete copy of its units, or its absence.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "many/attempts.h"
#include "study/environment.h"

namespace tiller::study {

/// A block of which there is a complete copy.
struct GatheredBlock {
    Block block;
    std::string closing;             ///< Name of its closing unit.
    std::string machine_class;       ///< Of the machines that computed it.
    std::vector<std::string> order;  ///< Names of its units, in the order in which one process writes them.
    Units units;
    std::vector<const Attempt*> attempts;  ///< Those that computed it, by generation. Not owned.
};

/// What there is of a run's blocks.
struct Gathered {
    std::vector<GatheredBlock> blocks;  ///< In the plan's order.
    std::vector<Block> missing;         ///< Blocks without a complete copy, in the plan's order.
    std::vector<std::string> notes;     ///< What was left out, and why; for people.
    /// Each model that was loaded, as its first attempt recorded it, in the order of the attempts.
    std::vector<WorkerModel> models;
    bool mixed_programs = false;  ///< Did executables of one version differ in their bytes?
};

/// Checks that all attempts have the same program and engine versions, models, data, settings and blocks, and
/// gathers their blocks. `attempts`, at least one, must outlive the result. Throws bad_input, naming what
/// differs; also when two copies of a unit on machines of one class differ.
Gathered gather(const std::vector<Attempt>& attempts);

/// Is there a complete copy of the block among the attempts? Reads the journals of those that began it.
/// Throws bad_input (damaged, or two copies of a unit on machines of one class that differ).
bool has_complete_copy(const std::vector<Attempt>& attempts, const Block& block);

/// The machine classes of each model whose blocks were computed by more than one class, with the blocks and
/// machines of each class.
std::vector<MachineClass> mixed_classes(const Gathered& gathered);

/// The largest difference in nats between the probes of any model, over the attempts that the blocks come
/// from; each is compared with the model's first. None where an attempt did not compute in float32 throughout
/// (WorkerRecord::exact).
std::optional<double> exact_difference(const Gathered& gathered);

}  // namespace tiller::study

// A block of a study: one task on one model with one seed. No block depends on another, so the blocks of a
// study can be computed on several machines (src/many).
#pragma once

#include <cstdint>
#include <filesystem>

#include "study/study_inputs.h"

namespace tiller::study {

/// Runs blocks of one model. The objects that are passed by reference must outlive this one. `model` is an
/// index into the plan's models, and `engine` has that model.
class BlockRunner {
public:
    BlockRunner(const StudyInputs& inputs, std::size_t model, Engine& engine, Journal& journal,
                const std::filesystem::path& folder)
        : inputs_(inputs), model_(model), engine_(engine), journal_(journal), folder_(folder) {}

    /// Computes the units of a block that the journal lacks, writes its winners, and passes its summary to
    /// the host's observer. `task` is an index into the inputs' tasks. Before the first block with work to
    /// do, the model's memory and hooks are checked.
    void run(std::size_t task, std::uint64_t seed);

private:
    const StudyInputs& inputs_;
    std::size_t model_;
    Engine& engine_;
    Journal& journal_;
    const std::filesystem::path& folder_;
    bool begun_ = false;
};

}  // namespace tiller::study

// A block of a study: one task on one model with one seed. Nothing in it depends on other blocks, so that a
// block is what machines share a study by.
#pragma once

#include <cstdint>
#include <filesystem>

#include "study/study_inputs.h"

namespace tiller::study {

/// Runs blocks of one model. References outlive the object.
class BlockRunner {
public:
    BlockRunner(const StudyInputs& inputs, std::size_t model, Engine& engine, Journal& journal,
                const std::filesystem::path& folder)
        : inputs_(inputs), model_(model), engine_(engine), journal_(journal), folder_(folder) {}

    /// Computes what the journal lacks of a block, leaves its winners, and shows its table to the host's
    /// observer. Before the first work the model's memory and hooks are looked at.
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

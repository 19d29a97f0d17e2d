// Reads what the attempts of a run's workers left: who made them, which blocks they ended, and their units.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "many/worker_files.h"
#include "study/journal.h"

namespace tiller::study {

/// What one attempt left in its folder. Its journal is read at the first call of units() or order(). Not
/// thread-safe.
class Attempt {
public:
    /// Reads worker.json and blocks.jsonl. Throws missing, bad_input.
    explicit Attempt(std::filesystem::path folder);

    const std::filesystem::path& folder() const { return folder_; }
    const WorkerRecord& worker() const { return worker_; }
    const std::vector<BlockEvent>& events() const { return events_; }
    /// "3-of-16/attempt-2 on n1".
    std::string text() const { return attempt_name(folder_) + " on " + worker_.host; }
    /// The newest event of a block; nullptr when the attempt has not begun it.
    const BlockEvent* last_event(const Block& block) const;
    /// Did the attempt finish the block, its winners included?
    bool has_done(const Block& block) const;
    /// MachineProbe::machine_class (probe.h) of the block's model on the attempt's machine; empty when the
    /// attempt did not load the model.
    std::string machine_class(const Block& block) const;

    /// Finished units of the journal, and their names in the order of the file. Throw bad_input (damaged).
    const Units& units() const { return read(), units_; }
    const std::vector<std::string>& order() const { return read(), order_; }

private:
    void read() const;

    std::filesystem::path folder_;
    WorkerRecord worker_;
    std::vector<BlockEvent> events_;
    mutable bool is_read_ = false;
    mutable Units units_;
    mutable std::vector<std::string> order_;
};

/// All attempts in a run, ordered by generation, then number of shards, shard, and attempt.
std::vector<Attempt> read_attempts(const std::filesystem::path& run);

/// What the names of a block's units begin with: "model/task/s0/".
std::string unit_prefix(const Block& block);

/// Throws bad_input, naming run and file, when an attempt's plan.toml is not `plan` byte for byte.
void require_plan(const std::vector<Attempt>& attempts, const std::string& plan,
                  const std::filesystem::path& run);

}  // namespace tiller::study

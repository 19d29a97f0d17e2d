// The attempts of a run's workers as others read them.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "many/worker_files.h"
#include "study/journal.h"

namespace tiller::study {

/// What one attempt left. Its journal is read when somebody asks for it.
class Attempt {
public:
    /// Reads who the worker is and its events. Throws bad_input.
    explicit Attempt(std::filesystem::path folder);

    const std::filesystem::path& folder() const { return folder_; }
    const WorkerRecord& worker() const { return worker_; }
    const std::vector<BlockEvent>& events() const { return events_; }
    /// "3-of-16/attempt-2 on n1".
    std::string text() const { return attempt_name(folder_) + " on " + worker_.host; }
    /// The newest event of a block; nullptr when the attempt never came to it.
    const BlockEvent* last_event(const Block& block) const;
    bool has_done(const Block& block) const;
    /// machine_class of the block's model on the attempt's machine; empty when it did not load it.
    std::string machine_class(const Block& block) const;

    /// Finished units, and their names in the order of the file. Throws bad_input (damaged).
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

/// All attempts in a run, by generation, then shard and number.
std::vector<Attempt> read_attempts(const std::filesystem::path& run);

/// What the names of a block's units begin with.
std::string unit_prefix(const Block& block);

/// Throws bad_input when an attempt is of another plan than `plan` (its text), naming both.
void require_plan(const std::vector<Attempt>& attempts, const std::string& plan,
                  const std::filesystem::path& run);

}  // namespace tiller::study

// Saved parts of long extractions, and their progress.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tiller {

/// Storage for the finished parts of a long extraction, so that an interrupted run can continue. All methods
/// share one checkpoint for a task, a seed and a model, and thereby share work (the head search of fv and its
/// controls). A key is a short file name; it must contain a digest of everything that its values were made
/// from.
class Checkpoint {
public:
    virtual ~Checkpoint() = default;
    /// The values stored under `key`; nullopt when there are none.
    virtual std::optional<std::vector<float>> load(const std::string& key) = 0;
    /// Stores `values` under `key`, in place of earlier ones.
    virtual void store(const std::string& key, std::span<const float> values) = 0;
};

/// Reports (steps done, steps in all) of an extraction; may be empty.
using Progress = std::function<void(std::size_t, std::size_t)>;

}  // namespace tiller

// What interrupts and progress of long extractions need.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tiller {

/// Where long extractions leave what they have done, so that an interrupted run goes on. Keys are short file
/// names. All methods of a task, a seed and a model share one, so that they share work as well (the head
/// search of fv and its controls): a key must hold a digest of what its values were made from.
class Checkpoint {
public:
    virtual ~Checkpoint() = default;
    virtual std::optional<std::vector<float>> load(const std::string& key) = 0;
    virtual void store(const std::string& key, std::span<const float> values) = 0;
};

/// Reports (steps done, steps in all) of an extraction; may be empty.
using Progress = std::function<void(std::size_t, std::size_t)>;

}  // namespace tiller

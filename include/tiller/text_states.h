// States of texts that a model has read.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace tiller {

/// Keeps the states of texts that one model has read, so that methods and draws that read a text again do not
/// run it again. Keeps no more than `max_bytes` of values; what comes later is not kept. To be used with one
/// engine only. Not thread-safe.
class TextStates {
public:
    explicit TextStates(std::size_t max_bytes = std::size_t{64} << 20) : free_(max_bytes) {}

    /// The states kept under `key`, valid as long as the object; empty when there are none. A key holds the
    /// text and all else that the states depend on.
    std::span<const float> find(const std::string& key) const;
    /// Keeps `values` under `key`, unless there are some already or they do not fit.
    void keep(const std::string& key, std::span<const float> values);
    /// Would states of `n_value` values be kept?
    bool has_room_for(std::size_t n_value) const { return n_value * sizeof(float) <= free_; }

private:
    std::size_t free_;  // bytes
    std::unordered_map<std::string, std::vector<float>> values_;
};

}  // namespace tiller

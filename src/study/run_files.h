// What run folders hold beside the journal: checkpoints of long extractions.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tiller/method.h"

namespace tiller::study {

/// Makes a run folder with its parents. Throws environment.
void make_folder(const std::filesystem::path& folder);

/// Keeps each value as <folder>/<key>.f32; the folder is made with the first one.
class FolderCheckpoint final : public Checkpoint {
public:
    explicit FolderCheckpoint(std::filesystem::path folder) : folder_(std::move(folder)) {}
    std::optional<std::vector<float>> load(const std::string& key) override;
    void store(const std::string& key, std::span<const float> values) override;
    /// Removes the folder, when what it was for is finished; nothing where there is none.
    void remove() const;

private:
    std::filesystem::path folder_;
};

/// Below a run folder: checkpoints of what does not depend on a task, so that tasks share them.
inline std::filesystem::path shared_checkpoints(const std::filesystem::path& folder) {
    return folder / "checkpoints" / "shared";
}

}  // namespace tiller::study

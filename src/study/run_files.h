// Run folders and the checkpoints of long extractions in them.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tiller/method.h"

namespace tiller::study {

/// Makes a folder of a run and its parents where they are missing. Throws environment.
void make_folder(const std::filesystem::path& folder);

/// A checkpoint that keeps the values of a key in the file <folder>/<key>.f32: float32 in the machine's byte
/// order, nothing else. The folder is made with the first file, and a file is written atomically.
class FolderCheckpoint final : public Checkpoint {
public:
    explicit FolderCheckpoint(std::filesystem::path folder) : folder_(std::move(folder)) {}
    std::optional<std::vector<float>> load(const std::string& key) override;
    void store(const std::string& key, std::span<const float> values) override;
    /// Removes the folder; does nothing when there is none. Never throws.
    void remove() const;

private:
    std::filesystem::path folder_;
};

/// The folder, below a run folder, of checkpoints that do not depend on the task, so that tasks share them.
inline std::filesystem::path shared_checkpoints(const std::filesystem::path& folder) {
    return folder / "checkpoints" / "shared";
}

}  // namespace tiller::study

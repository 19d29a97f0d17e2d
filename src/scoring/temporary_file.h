// A temporary file that its owner removes.
#pragma once

#include <filesystem>
#include <string_view>

namespace tiller {

/// A new file in the system's folder for temporary files, readable only by the user. Removed by the
/// destructor.
class TemporaryFile {
public:
    /// Creates the file and writes `bytes`. Throws environment.
    explicit TemporaryFile(std::string_view bytes);
    ~TemporaryFile();
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    const std::filesystem::path& path() const noexcept { return path_; }

private:
    std::filesystem::path path_;
};

}  // namespace tiller

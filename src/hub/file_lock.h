// One process at a time.
#pragma once

#include <filesystem>
#include <functional>

namespace tiller::hub {

/// Holds a lock on a file from construction to destruction; the kernel lets go of it when the process is
/// killed. Waits while another process (or another FileLock of this one) has it: `on_wait` is called once
/// then, and `stop` asked five times a second. Some network file systems have no locks: there it holds
/// nothing. Throws environment (the file cannot be written), interrupted (`stop` said so).
class FileLock {
public:
    FileLock(const std::filesystem::path& file, const std::function<void()>& on_wait,
             const std::function<bool()>& stop);
    ~FileLock();
    FileLock(const FileLock&) = delete;
    FileLock& operator=(const FileLock&) = delete;
    bool waited() const { return waited_; }

private:
    int fd_ = -1;
    bool waited_ = false;
};

}  // namespace tiller::hub

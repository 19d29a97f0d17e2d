// A lock between processes.
#pragma once

#include <filesystem>
#include <functional>

namespace tiller::hub {

/// Holds a lock on a file (flock) from construction to destruction; the kernel releases it when the process
/// is killed. The constructor creates the file, and waits while another process or another FileLock of this
/// one has the lock: it calls `on_wait` once, and `stop` five times a second. On network file systems without
/// locks nothing is locked. Throws environment (the file cannot be opened), interrupted (`stop` returned
/// true).
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

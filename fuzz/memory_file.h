// A file of any bytes for readers that want a path: in memory, gone with its owner.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace tiller::fuzz {

/// A folder in memory, for readers that go by names; removed when the process ends.
inline const std::filesystem::path& scratch_folder() {
    struct Folder {
        std::filesystem::path path;
        Folder() {
            std::string name = "/dev/shm/tiller-fuzz-XXXXXX";
            if (::mkdtemp(name.data()) == nullptr) std::abort();
            path = name;
        }
        ~Folder() {
            std::error_code error;
            std::filesystem::remove_all(path, error);
        }
    };
    static const Folder folder;
    return folder.path;
}

class MemoryFile {
public:
    MemoryFile(const std::uint8_t* data, std::size_t size) : fd_(::memfd_create("fuzz", MFD_CLOEXEC)) {
        for (std::size_t done = 0; fd_ >= 0 && done < size;) {
            const ssize_t n = ::write(fd_, data + done, size - done);
            if (n <= 0) std::abort();
            done += static_cast<std::size_t>(n);
        }
        if (fd_ < 0) std::abort();
    }
    ~MemoryFile() { ::close(fd_); }
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;

    std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }
    /// The file under a name that ends with `end`.
    std::filesystem::path path(const std::string& end) const {
        auto link = scratch_folder() / (std::to_string(fd_) + end);
        if (!std::filesystem::is_symlink(link)) std::filesystem::create_symlink(path(), link);
        return link;
    }

private:
    int fd_;
};

}  // namespace tiller::fuzz

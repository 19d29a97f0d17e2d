// A file of any bytes for readers that want a path: in memory, gone with its owner.
//
// A reader that goes by the name's end is given a link with one, in a folder that is removed when the process
// ends.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace tiller::fuzz {

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
        auto link = folder() / (std::to_string(fd_) + end);
        if (!std::filesystem::is_symlink(link)) std::filesystem::create_symlink(path(), link);
        return link;
    }

private:
    static const std::filesystem::path& folder() {
        static const std::filesystem::path path = [] {
            std::string name = "/dev/shm/tiller-fuzz-XXXXXX";
            if (::mkdtemp(name.data()) == nullptr) std::abort();
            std::atexit([] { std::filesystem::remove_all(folder()); });
            return std::filesystem::path(name);
        }();
        return path;
    }

    int fd_;
};

}  // namespace tiller::fuzz

#include "hub/file_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "core/system_calls.h"
#include "tiller/error.h"

namespace tiller::hub {

FileLock::FileLock(const std::filesystem::path& file, const std::function<void()>& on_wait,
                   const std::function<bool()>& stop) {
    fd_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd_ < 0)
        throw Error(Code::environment, fmt::format("cannot write {}: {}", file.string(), error_text(errno)));
    try {
        while (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
            if (errno == EINTR) continue;
            if (errno != EWOULDBLOCK) return;
            if (!waited_) on_wait();
            waited_ = true;
            std::this_thread::sleep_for(std::chrono::milliseconds(200));
            if (stop())
                throw Error(Code::interrupted, "interrupted while another tiller was fetching the model");
        }
    } catch (...) {
        ::close(fd_);
        throw;
    }
}

FileLock::~FileLock() { ::close(fd_); }

}  // namespace tiller::hub

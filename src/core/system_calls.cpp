#include "core/system_calls.h"

#include <fcntl.h>
#include <unistd.h>

#include <system_error>

namespace tiller {

std::string error_text(int error) { return std::generic_category().message(error); }

void sync_folder(const std::filesystem::path& folder) noexcept {
    if (const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); fd >= 0) {
        ::fsync(fd);
        ::close(fd);
    }
}

}  // namespace tiller

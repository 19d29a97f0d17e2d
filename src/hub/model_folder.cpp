#include "hub/model_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "tiller/error.h"

namespace tiller::hub {

void make_model_folder(const std::filesystem::path& path) {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error)
        throw Error(Code::environment,
                    fmt::format("cannot make the folder {}: {} (TILLER_CACHE_DIR names another place)",
                                path.string(), error.message()));
}

void put_in_place(const std::filesystem::path& from, const std::filesystem::path& to) {
    if (::rename(from.c_str(), to.c_str()) != 0)
        throw Error(Code::environment, fmt::format("cannot move the model to {}: {}", to.string(),
                                                   std::generic_category().message(errno)));
    if (const int fd = ::open(to.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); fd >= 0) {
        ::fsync(fd);
        ::close(fd);
    }
}

}  // namespace tiller::hub

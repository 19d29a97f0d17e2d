#include "hub/model_folder.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "core/system_calls.h"
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
        throw Error(Code::environment,
                    fmt::format("cannot move the model to {}: {}", to.string(), error_text(errno)));
    sync_folder(to.parent_path());
}

}  // namespace tiller::hub

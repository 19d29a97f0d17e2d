#include "core/paths.h"

#include <dlfcn.h>

#include <cstdlib>
#include <string>
#include <system_error>
#include <vector>

#include "tiller/error.h"

namespace fs = std::filesystem;

namespace tiller {

namespace {

/// The value of an environment variable; an empty one counts as not set.
fs::path from_env(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? fs::path(value) : fs::path();
}

bool is_folder(const fs::path& path) {
    std::error_code error;
    return fs::is_directory(path, error);
}

/// The folder of the program or shared library that this code is in; empty when it cannot be told.
fs::path own_folder() {
    Dl_info info{};
    if (::dladdr(reinterpret_cast<const void*>(&from_env), &info) == 0 || info.dli_fname == nullptr)
        return {};
    std::error_code error;
    const fs::path file = fs::absolute(info.dli_fname, error);
    return error ? fs::path() : file.parent_path();
}

}  // namespace

fs::path data_dir() {
    const fs::path chosen = from_env("TILLER_DATA_DIR");
    if (!chosen.empty()) {
        if (!is_folder(chosen)) {
            throw Error(Code::missing,
                        "TILLER_DATA_DIR is '" + chosen.string() +
                            "', which is not a folder; set it to the folder that holds tasks/.");
        }
        return fs::absolute(chosen);
    }

    std::vector<fs::path> places;
    // The Python package has its data in the folder of its module.
    if (const fs::path own = own_folder(); !own.empty()) places.push_back(own / "share" / "tiller");
    std::error_code error;
    const fs::path program = fs::read_symlink("/proc/self/exe", error);
    if (!error) places.push_back(program.parent_path().parent_path() / "share" / "tiller");
    places.emplace_back(TILLER_SOURCE_DATA_DIR);
    places.emplace_back(TILLER_INSTALL_DATA_DIR);

    std::string tried;
    for (const fs::path& place : places) {
        if (is_folder(place)) return place;
        tried += (tried.empty() ? "" : ", ") + place.string();
    }
    throw Error(Code::missing, "tiller's data folder was not found (looked in " + tried +
                                   "); set TILLER_DATA_DIR to the folder that holds tasks/.");
}

fs::path cache_dir() {
    const fs::path chosen = from_env("TILLER_CACHE_DIR");
    if (!chosen.empty()) return fs::absolute(chosen);
    const fs::path shared = from_env("XDG_CACHE_HOME");
    if (!shared.empty()) return fs::absolute(shared) / "tiller";
    const fs::path home = from_env("HOME");
    if (!home.empty()) return fs::absolute(home) / ".cache" / "tiller";
    throw Error(
        Code::environment,
        "No place for the cache: HOME is not set; set TILLER_CACHE_DIR to a folder that can be written.");
}

}  // namespace tiller

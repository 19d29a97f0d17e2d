#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "tasks/family.h"
#include "tiller/error.h"
#include "tiller/task.h"

namespace tiller {
namespace {

namespace fs = std::filesystem;

/// Adds the JSON files lying in `folder` (not below it).
void add_files(const fs::path& folder, std::vector<fs::path>& out) {
    std::error_code ec;
    for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
        std::error_code unreadable;  // ignored: an entry that cannot be examined is left out
        if (it->path().extension() == ".json" && it->is_regular_file(unreadable)) out.push_back(it->path());
    }
    if (ec)
        throw Error(Code::environment, fmt::format("cannot read the folder {}: {}; check its permissions",
                                                   folder.string(), ec.message()));
}

}  // namespace

std::vector<fs::path> list_tasks(const fs::path& data_dir) {
    std::error_code ec;
    if (!fs::is_directory(data_dir, ec))
        throw Error(
            Code::missing,
            fmt::format("the data folder {} {}; expected a folder of task files: give another one",
                        data_dir.string(), fs::exists(data_dir, ec) ? "is not a folder" : "does not exist"));
    // A data folder may have other JSON files next to tasks/, so its own files are tasks only where there is
    // no tasks/.
    const fs::path root = fs::is_directory(data_dir / "tasks", ec) ? data_dir / "tasks" : data_dir;
    std::vector<fs::path> found;
    for (const Family family : {Family::functional, Family::extractive, Family::behavioural})
        if (const auto folder = root / family_name(family); fs::is_directory(folder, ec))
            add_files(folder, found);
    add_files(root, found);

    const auto rank = [](const fs::path& path) {
        const auto name = path.stem().string();
        return std::tuple(family_of(name, path.parent_path().filename().string()).family, name,
                          path.string());
    };
    std::sort(found.begin(), found.end(), [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
    return found;
}

}  // namespace tiller

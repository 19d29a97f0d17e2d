#include "cli/resumable.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace tiller::cli {
namespace {

namespace fs = std::filesystem;

// Is there anything that the same command would not have to do again? A run writes its plan, the environment
// and an empty journal before it has finished the first piece of work.
bool keeps_work(const fs::path& folder) {
    constexpr const char* kBeforeWork[] = {"plan.toml", "environment.json", "cost.jsonl", ".lock"};
    std::error_code gone;
    for (fs::recursive_directory_iterator at(folder, gone), end; !gone && at != end; at.increment(gone)) {
        const auto name = at->path().filename();
        const bool before = std::any_of(std::begin(kBeforeWork), std::end(kBeforeWork),
                                        [&](const char* known) { return name == known; });
        std::error_code error;
        if (!before && at->is_regular_file(error) && at->file_size(error) > 0) return true;
    }
    return false;
}

}  // namespace

Error resumable(const Error& error, const std::string& folder) {
    if (error.code() != Code::interrupted) return error;
    if (!keeps_work(folder)) return {Code::interrupted, "interrupted before there was anything to keep"};
    return {Code::interrupted,
            fmt::format("interrupted; finished work is in {}, the same command goes on from there", folder)};
}

}  // namespace tiller::cli

#include "hub/fetch.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/escape_controls.h"
#include "core/util.h"
#include "hub/caches.h"
#include "hub/download.h"
#include "hub/http.h"
#include "hub/repository.h"
#include "tiller/error.h"

namespace tiller::hub {
namespace {

namespace fs = std::filesystem;

fs::path part_file(const fs::path& first, const std::vector<RemoteFile>& parts, std::size_t i) {
    const std::string name = first.filename().string();
    // In llama.cpp's cache the file's name includes repository and folders: only its end is the part's name.
    const std::string from = parts[0].path.substr(parts[0].path.rfind('/') + 1);
    const std::string to = parts[i].path.substr(parts[i].path.rfind('/') + 1);
    return first.parent_path() / (name.substr(0, name.size() - from.size()) + to);
}

bool is_what_the_hub_has(const fs::path& first, const std::vector<RemoteFile>& parts,
                         const Settings& settings) {
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (parts[i].sha256.empty()) continue;
        const fs::path file = part_file(first, parts, i);
        if (sha256_file(file) == parts[i].sha256) continue;
        settings.say(
            fmt::format("{} has another SHA-256 than the hub's list says; fetching it anew", file.string()));
        return false;
    }
    return true;
}

}  // namespace

fs::path require_local(const Name& name, const Settings& settings) {
    if (auto file = find_local(name, settings)) return *file;
    throw Error(
        Code::missing,
        fmt::format("{} is not here: neither in {} nor in the caches of the hub ({}) and of llama.cpp "
                    "({}); {}",
                    name.text(), settings.own.string(), settings.hub_cache.string(),
                    settings.llama_cache.string(),
                    settings.offline ? "HF_HUB_OFFLINE keeps it from being fetched: unset it"
                                     : "fetch it with: tiller models get " + name.text()));
}

Found fetch(const Name& name, Freshness freshness, const Settings& settings) {
    if (settings.offline) return {require_local(name, settings), false};
    if (freshness == Freshness::here)
        if (auto file = find_local(name, settings)) return {*file, false};
    const auto parts = choose(list_files(name, settings), name);
    const std::string chosen = fmt::format("{}: {}", name.text(), escape_line(parts.front().path)) +
                               (parts.size() > 1 ? fmt::format(" ({} parts)", parts.size()) : "");
    bool anew = freshness == Freshness::again;
    if (!anew)
        if (auto file = find_copy(name, parts, settings)) {
            if (freshness == Freshness::here || is_what_the_hub_has(*file, parts, settings))
                return {*file, false};
            anew = true;
        }
    std::uint64_t bytes = 0;
    for (const auto& part : parts) bytes += part.bytes;
    settings.say(fmt::format("{}, {} MB", chosen, bytes / 1000000));
    bool fetched = false;
    for (const auto& part : parts)
        fetched = download(name, part, own_file(name, part.path, settings), anew, settings) || fetched;
    return {own_file(name, parts.front().path, settings), fetched};
}

}  // namespace tiller::hub

#include "hub/caches.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>

#include "core/util.h"
#include "tiller/error.h"

namespace tiller::hub {
namespace {

namespace fs = std::filesystem;

std::string with(std::string text, char from, const std::string& to) {
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
        text.replace(at, 1, to);
    return text;
}

// The folders of a repository's revisions in the cache of huggingface_hub: the one that "main" refers to
// first, the others by name.
std::vector<fs::path> snapshots(const Name& name, const Settings& s) {
    if (s.hub_cache.empty()) return {};
    const fs::path repo = s.hub_cache / ("models--" + with(name.repo, '/', "--"));
    std::vector<fs::path> all;
    std::error_code ec;
    for (fs::directory_iterator it(repo / "snapshots", ec), end; !ec && it != end; it.increment(ec))
        if (std::error_code of_entry; it->is_directory(of_entry)) all.push_back(it->path());
    std::string main;
    if (std::ifstream in(repo / "refs" / "main"); in) in >> main;
    std::sort(all.begin(), all.end(), [&](const fs::path& a, const fs::path& b) {
        const bool a_is_main = a.filename() == main, b_is_main = b.filename() == main;
        return a_is_main != b_is_main ? a_is_main : a < b;
    });
    return all;
}

std::vector<fs::path> folders(const Name& name, const Settings& s) {
    std::vector<fs::path> all = {s.own / name.repo};
    for (auto& folder : snapshots(name, s)) all.push_back(std::move(folder));
    return all;
}

std::optional<std::uint64_t> size_of(const fs::path& file) {
    std::error_code ec;
    if (!fs::is_regular_file(file, ec)) return std::nullopt;  // follows links; false for broken ones
    const auto size = fs::file_size(file, ec);
    if (ec) return std::nullopt;
    return size;
}

// The GGUF files below a folder.
std::vector<RemoteFile> files_below(const fs::path& folder) {
    std::vector<RemoteFile> files;
    std::error_code ec;
    for (fs::recursive_directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
        const auto path = it->path().lexically_relative(folder).generic_string();
        if (const auto size = size_of(it->path()); size && is_safe_path(path) && path.ends_with(".gguf"))
            files.push_back({path, *size, ""});
        if (files.size() > 10000) break;
    }
    return files;
}

// llama.cpp's older caches name a file user_repo_file.gguf. Which file a quantisation means is in a manifest,
// which llama_choice() reads.
fs::path llama_file(const Name& name, const std::string& path, const Settings& s) {
    return s.llama_cache / (with(name.repo, '/', "_") + "_" + with(path, '/', "_"));
}

std::string llama_choice(const Name& name, const Settings& s) {
    if (!name.file.empty()) return name.file;
    const std::string tag = name.tag.empty() ? "latest" : name.tag;
    const std::string wanted = lower(fmt::format("manifest={}={}.json", with(name.repo, '/', "="), tag));
    std::error_code ec;
    for (fs::directory_iterator it(s.llama_cache, ec), end; !ec && it != end; it.increment(ec)) {
        if (lower(it->path().filename().string()) != wanted) continue;
        try {
            const auto manifest = nlohmann::json::parse(read_file(it->path(), 1 << 20));
            std::string path = manifest.at("ggufFile").at("rfilename");
            if (is_safe_path(path)) return path;
        } catch (const std::exception&) {  // the file belongs to another program: ignored when malformed
        }
    }
    return {};
}

std::optional<fs::path> find_in_llama_cache(const Name& name, const Settings& s) {
    if (s.llama_cache.empty()) return std::nullopt;
    const std::string path = llama_choice(name, s);
    if (path.empty()) return std::nullopt;
    const auto names = part_paths(path);
    for (const auto& part : names)
        if (!size_of(llama_file(name, part, s))) return std::nullopt;
    return llama_file(name, names.front(), s);
}

// Is the file known to have another digest than `sha256`? huggingface_hub links a name to a file that is
// named by its SHA-256; for other files the answer is false.
bool is_other(const fs::path& file, const std::string& sha256) {
    std::error_code ec;
    const std::string blob = fs::canonical(file, ec).filename().string();
    const bool is_digest =
        blob.size() == 64 && blob.find_first_not_of("0123456789abcdef") == std::string::npos;
    return !ec && !sha256.empty() && is_digest && blob != sha256;
}

}  // namespace

fs::path own_file(const Name& name, const std::string& path, const Settings& settings) {
    return settings.own / name.repo / path;
}

std::optional<fs::path> find_local(const Name& name, const Settings& settings) {
    Name wanted = name;
    if (name.file.empty() && name.tag.empty() && !settings.offline) wanted.tag = "Q4_K_M";
    for (const auto& folder : folders(name, settings)) {
        try {
            return folder / choose(files_below(folder), wanted, MissingPart::skip).front().path;
        } catch (const Error&) {  // this folder does not have it
        }
    }
    return find_in_llama_cache(name, settings);
}

std::optional<fs::path> find_copy(const Name& name, const std::vector<RemoteFile>& parts,
                                  const Settings& settings) {
    const auto all_of = [&](const auto& file_of) {
        return std::all_of(parts.begin(), parts.end(), [&](const RemoteFile& part) {
            const fs::path file = file_of(part.path);
            return size_of(file) == part.bytes && !is_other(file, part.sha256);
        });
    };
    for (const auto& folder : folders(name, settings))
        if (all_of([&](const std::string& path) { return folder / path; }))
            return folder / parts.front().path;
    const auto in_llama = [&](const std::string& path) { return llama_file(name, path, settings); };
    if (!settings.llama_cache.empty() && all_of(in_llama)) return in_llama(parts.front().path);
    return std::nullopt;
}

}  // namespace tiller::hub

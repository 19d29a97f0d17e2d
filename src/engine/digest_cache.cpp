#include "engine/digest_cache.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <fstream>

#include "core/util.h"
#include "tiller/error.h"

namespace tiller::engine {

namespace {

std::string digest_of(const std::vector<std::filesystem::path>& files) {
    if (files.size() == 1) return sha256_file(files.front());
    Digest all;
    for (const auto& file : files) all.add(sha256_file(file));
    return all.hex();
}

}  // namespace

std::string cached_digest(const std::vector<std::filesystem::path>& files,
                          const std::filesystem::path& cache_dir) {
    return cached_digest("", files, cache_dir, [&] { return digest_of(files); });
}

std::string cached_digest(const std::string& what, const std::vector<std::filesystem::path>& files,
                          const std::filesystem::path& cache_dir, const std::function<std::string()>& make) {
    if (cache_dir.empty()) return make();
    Digest key;
    if (!what.empty()) key.add(what);
    for (const auto& file : files) {
        struct stat s {};
        if (::stat(file.c_str(), &s) != 0)
            throw Error(Code::missing, fmt::format("no such file: {}", file.string()));
        std::error_code ec;
        key.add(std::filesystem::absolute(file, ec).string());
        key.add(static_cast<std::uint64_t>(s.st_size)).add(static_cast<std::uint64_t>(s.st_ino));
        key.add(static_cast<std::uint64_t>(s.st_mtim.tv_sec))
            .add(static_cast<std::uint64_t>(s.st_mtim.tv_nsec));
    }
    const auto entry = cache_dir / "digests" / key.hex();
    if (std::ifstream in(entry); in) {
        std::string hex;
        if (in >> hex && hex.size() == 64) return hex;
    }
    std::string hex = make();
    try {
        std::filesystem::create_directories(entry.parent_path());
        write_file_atomic(entry, hex + "\n");
    } catch (const std::exception&) {
        // Only a cache: the next start hashes again.
    }
    return hex;
}

}  // namespace tiller::engine

#include "engine/left_memory.h"

#include <cstdlib>  // defines __GLIBC__ where that is the C library

#ifdef __GLIBC__
#include <malloc.h>
#endif

#ifdef __linux__
#include <sys/mman.h>

#include <cstdint>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <system_error>
#endif

namespace tiller::engine {

#ifdef __linux__

void release_mapped_pages(std::span<const std::filesystem::path> files) {
    // By name: on stacked file systems a mapping's device and inode are those of a layer below.
    std::set<std::string> wanted;
    for (const auto& file : files) {
        std::error_code ec;
        if (const auto path = std::filesystem::canonical(file, ec); !ec) wanted.insert(path.string());
    }
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        // begin-end permissions offset device inode path
        const auto path = line.find('/');
        if (path == std::string::npos || wanted.count(line.substr(path)) == 0) continue;
        std::istringstream parts(line);
        std::uint64_t begin = 0, end = 0;
        char dash = 0;
        std::string permissions;
        parts >> std::hex >> begin >> dash >> end >> permissions;
        // A page that was written to would be lost; nobody can have written to these.
        if (!parts || permissions.rfind("r-", 0) != 0) continue;
        // NOLINTNEXTLINE(performance-no-int-to-ptr): addresses that the system wrote.
        madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
    }
}

#else

void release_mapped_pages(std::span<const std::filesystem::path>) {}

#endif

void release_freed_memory() {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

}  // namespace tiller::engine

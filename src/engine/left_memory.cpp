#include "engine/left_memory.h"

#include <cstdlib>  // defines __GLIBC__ where that is the C library

#ifdef __GLIBC__
#include <malloc.h>
#endif

#ifdef __linux__
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#endif

namespace tiller::engine {

#ifdef __linux__

void release_mapped_pages(const std::filesystem::path& file) {
    struct stat wanted = {};
    if (stat(file.c_str(), &wanted) != 0) return;
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        // begin-end permissions offset major:minor inode path
        std::istringstream parts(line);
        std::uint64_t begin = 0, end = 0, offset = 0, inode = 0;
        unsigned device_major = 0, device_minor = 0;
        char dash = 0, colon = 0;
        std::string permissions;
        parts >> std::hex >> begin >> dash >> end >> permissions >> offset >> device_major >> colon >>
            device_minor >> std::dec >> inode;
        if (!parts || inode != wanted.st_ino || makedev(device_major, device_minor) != wanted.st_dev)
            continue;
        // A page that was written to would be lost; nobody can have written to these.
        if (permissions.rfind("r-", 0) != 0) continue;
        madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
    }
}

#else

void release_mapped_pages(const std::filesystem::path&) {}

#endif

void release_freed_memory() {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

}  // namespace tiller::engine

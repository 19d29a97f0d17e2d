// What loading a model leaves behind in memory is given back.
#include <gtest/gtest.h>

#ifdef __linux__
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <vector>

#include "engine/left_memory.h"
#include "test_tasks_files.h"

namespace tiller {
namespace {

constexpr std::size_t kBytes = 1 << 20;

// A read-only mapping of a file, as the engine makes one.
class Mapping {
public:
    explicit Mapping(const std::filesystem::path& file) {
        const int descriptor = open(file.c_str(), O_RDONLY);
        address_ = mmap(nullptr, kBytes, PROT_READ, MAP_SHARED, descriptor, 0);
        close(descriptor);
    }
    ~Mapping() { munmap(address_, kBytes); }
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;

    unsigned char at(std::size_t i) const { return static_cast<const volatile unsigned char*>(address_)[i]; }
    /// Sum over all bytes, which brings every page in.
    long read() const {
        long sum = 0;
        for (std::size_t i = 0; i < kBytes; ++i) sum += at(i);
        return sum;
    }
    /// Kilobytes that count as the process' memory.
    long resident() const {
        std::ifstream maps("/proc/self/smaps");
        char begin[32];
        std::snprintf(begin, sizeof begin, "%lx-", reinterpret_cast<unsigned long>(address_));
        bool here = false;
        for (std::string line; std::getline(maps, line);) {
            if (line.find('-') < line.find(' ')) here = line.rfind(begin, 0) == 0;
            if (here && line.rfind("Rss:", 0) == 0) return std::stol(line.substr(4));
        }
        return -1;
    }

private:
    void* address_;
};

TEST(LeftMemory, PagesOfAMappingAreLetGoAndComeBack) {
    test::ScratchFolder folder;
    const auto file = folder.write("weights", std::string(kBytes, 'w'));
    const auto other = folder.write("other", std::string(kBytes, 'w'));
    const Mapping mapping(file), left_alone(other);
    ASSERT_EQ(mapping.read(), static_cast<long>(kBytes) * 'w');
    left_alone.read();
    ASSERT_EQ(mapping.resident(), static_cast<long>(kBytes >> 10));
    engine::release_mapped_pages(std::vector{file});
    EXPECT_EQ(mapping.resident(), 0);
    EXPECT_EQ(left_alone.resident(), static_cast<long>(kBytes >> 10)) << "another file's mapping";
    EXPECT_EQ(mapping.read(), static_cast<long>(kBytes) * 'w');
    engine::release_mapped_pages(std::vector{folder.path() / "no such file"});
    EXPECT_EQ(mapping.resident(), static_cast<long>(kBytes >> 10));
}

}  // namespace
}  // namespace tiller
#endif

// The functions that are fuzzed (fuzz/*.cpp), on the inputs that fuzzing starts from: whole ones, ones that
// are wrong in one place, and what is left of them when they are cut off.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#define FUZZ(name) extern "C" int fuzz_##name(const std::uint8_t* data, std::size_t size);
TILLER_FUZZ_TARGETS
#undef FUZZ

namespace tiller {
namespace {

namespace fs = std::filesystem;

struct Target {
    const char* name;
    int (*run)(const std::uint8_t*, std::size_t);
};
#define FUZZ(name) Target{#name, fuzz_##name},
const Target kTargets[] = {TILLER_FUZZ_TARGETS};
#undef FUZZ

// What is tried, for the message of an abort: the targets abort on what must not be.
char tried[512];
extern "C" void say_what_was_tried(int) {
    [[maybe_unused]] const auto n = ::write(STDERR_FILENO, tried, std::char_traits<char>::length(tried));
}

void run(const Target& target, const std::string& what, const std::string& bytes) {
    const std::string text = std::string("fuzz_") + target.name + " aborts on " + what + "\n";
    text.copy(tried, sizeof tried - 1);
    tried[std::min(text.size(), sizeof tried - 1)] = '\0';
    EXPECT_EQ(target.run(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()), 0) << what;
}

class FuzzInputs : public testing::TestWithParam<Target> {
protected:
    void SetUp() override { before_ = std::signal(SIGABRT, say_what_was_tried); }
    void TearDown() override { std::signal(SIGABRT, before_); }

private:
    void (*before_)(int) = SIG_DFL;
};

TEST_P(FuzzInputs, GiveDataOrAnErrorOfTheInput) {
    const Target& target = GetParam();
    constexpr std::size_t n_cut = 16;
    std::vector<fs::path> files;
    for (const fs::path& folder :
         {fs::path(TILLER_FUZZ_INPUTS), fs::path(TILLER_TESTS_DIR) / "../fuzz/corpus"})
        if (fs::is_directory(folder / target.name))
            for (const auto& entry : fs::directory_iterator(folder / target.name))
                files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    EXPECT_GE(files.size(), 4U);
    run(target, "nothing", "");
    for (const auto& file : files) {
        std::ifstream in(file, std::ios::binary);
        const std::string bytes(std::istreambuf_iterator<char>(in), {});
        run(target, file.string(), bytes);
        for (std::size_t i = 1; i < n_cut; ++i)
            run(target, file.string() + " cut off", bytes.substr(0, bytes.size() * i / n_cut));
    }
}

INSTANTIATE_TEST_SUITE_P(Readers, FuzzInputs, testing::ValuesIn(kTargets),
                         [](const auto& target) { return target.param.name; });

}  // namespace
}  // namespace tiller

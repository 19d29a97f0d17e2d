// Files that cannot be made, written, flushed, closed or renamed, at any call of every command that writes:
// the command ends with 4 and a message, or succeeds with all of its results; no result is half written; and
// the same command succeeds afterwards and leaves nothing else behind. One call fails at a time, or all from
// there on.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <ostream>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "reliability/scale.h"
#include "support/cli_test.h"

namespace tiller::test {
namespace {

namespace fs = std::filesystem;
using Files = std::map<std::string, std::string>;  // name below the folder -> bytes

// A command that writes to the folder "out".
struct Writer {
    std::string name;
    Arguments arguments;
    int n_small;                         ///< Faults in every run of the tests; all of them at length.
    std::vector<Arguments> before = {};  ///< Commands that fill the folder first.
};

void PrintTo(const Writer& writer, std::ostream* out) { *out << writer.name; }

// Files that tell times, or how the program came to its result. A worker's records are told apart by its
// attempts.
bool is_diary(const std::string& name) {
    static const std::set<std::string> names = {"cost.jsonl",   "environment.json", "report.html",
                                                "report.md",    "report.json",      ".lock",
                                                "blocks.jsonl", "progress.json",    "worker.json"};
    const std::string file = fs::path(name).filename().string();
    return name.starts_with("cache/") || names.contains(file) ||
           (file == "records.jsonl" && name.find("/workers/") != std::string::npos);
}

class FailingFiles : public CliTest, public testing::WithParamInterface<Writer> {
protected:
    void SetUp() override {
        CliTest::SetUp();
        make_icv("v.gguf");
        folder.write("data/functional/again.json", slurp(folder.path() / "data/functional/twice.json"));
        folder.write("bin/sbatch", "#!/bin/bash\necho '42;box'\n");
        fs::permissions(folder.path() / "bin/sbatch", fs::perms::owner_all);
        options.environment["PATH"] = (folder.path() / "bin").string() + ":" + std::getenv("PATH");
        folder.write("words.csv", "input,output\none,eins\ntwo,zwei\nthree,drei\nfour,vier\nfive,fuenf\n");
        Plan plan = tiny_plan(folder.path() / "m.gguf", folder.path() / "data");
        folder.write("plan.toml", plan_toml(plan));
        options.environment["TILLER_CACHE_DIR"] = (out() / "cache").string();
        fs::create_directories(out());
        for (const auto& arguments : GetParam().before) {
            const auto made = run(arguments);
            ASSERT_EQ(made.code, 0) << made.err;
        }
        fs::copy(out(), folder.path() / "before", fs::copy_options::recursive);
    }
    fs::path out() const { return folder.path() / "out"; }
    void start_anew() const {
        fs::remove_all(out());
        fs::copy(folder.path() / "before", out(), fs::copy_options::recursive);
    }
    Files files() const {
        Files all;
        static const std::regex attempt("/attempt-[0-9]+/");
        for (const auto& entry : fs::recursive_directory_iterator(out()))
            if (entry.is_regular_file()) {
                const std::string name = entry.path().lexically_relative(out()).string();
                all[std::regex_replace(name, attempt, "/attempt/")] = slurp(entry.path());
            }
        return all;
    }
    ProgramResult run_with_fault(std::size_t call, int error, bool forever) const {
        ProgramOptions how = options;
        how.environment["LD_PRELOAD"] = TILLER_FAULTY_CALLS;
        how.environment["TILLER_FAULT_BELOW"] = out().string();
        how.environment["TILLER_FAULT_CALL"] = std::to_string(call);
        how.environment["TILLER_FAULT_ERROR"] = std::to_string(error);
        how.environment["TILLER_FAULT_FOREVER"] = forever ? "1" : "0";
        if (call == 0) how.environment["TILLER_FAULT_LOG"] = calls_file().string();
        return run_program(GetParam().arguments, how);
    }
    fs::path calls_file() const { return folder.path() / "calls"; }
    std::vector<std::string> calls() const {
        std::vector<std::string> all;
        std::istringstream lines(slurp(calls_file()));
        for (std::string line; std::getline(lines, line);) all.push_back(line);
        return all;
    }
    // A shard that cannot say how far it is goes on; one that failed keeps its folder, and with it the
    // unfinished parts of extractions.
    static std::set<std::string> names_of(const Files& files) {
        std::set<std::string> names;
        for (const auto& [name, bytes] : files)
            if (!name.starts_with("cache/") && !name.ends_with("/progress.json") &&
                name.find("/attempt/checkpoints/") == std::string::npos)
                names.insert(name);
        return names;
    }

    // What is there after a command that failed: whole files, of this run or of before, and a journal's
    // beginning.
    static void expect_no_torn_file(const Files& now, const Files& whole, const Files& old) {
        for (const auto& [name, bytes] : now) {
            if (is_diary(name) || !whole.contains(name)) continue;
            const auto before = old.find(name);
            if (before != old.end() && before->second == bytes) continue;
            const bool grows = fs::path(name).filename() == "records.jsonl";
            EXPECT_TRUE(grows ? whole.at(name).starts_with(bytes) : bytes == whole.at(name))
                << name << " is torn: " << bytes.size() << " of " << whole.at(name).size() << " bytes";
        }
    }
    static void expect_results(const Files& now, const Files& whole) {
        EXPECT_EQ(names_of(now), names_of(whole));
        for (const auto& [name, bytes] : whole)
            if (!is_diary(name) && now.contains(name)) {
                EXPECT_TRUE(now.at(name) == bytes) << name;
            }
    }
};

TEST_P(FailingFiles, LeaveNoHalfResult) {
    const Files old = files();
    start_anew();
    const auto undisturbed = run_with_fault(0, 0, false);
    ASSERT_EQ(undisturbed.code, 0) << undisturbed.err;
    const Files whole = files();
    const auto all_calls = calls();
    const std::size_t n = all_calls.size();
    ASSERT_GT(n, 2u) << "the calls of the program are not seen";
    std::size_t n_tried = 0, n_failed = 0;
    const std::size_t n_small = static_cast<std::size_t>(GetParam().n_small);
    const std::size_t step = tries_all() ? 1 : std::max<std::size_t>(1, 4 * n / n_small);
    for (std::size_t trial = 0; trial < 4 * n; trial += step) {
        const std::size_t call = trial / 4 + 1;
        const int error = trial % 2 == 0 ? ENOSPC : EIO;
        const bool forever = (trial / 2) % 2 == 1;
        SCOPED_TRACE(fmt::format("{}: call {} ({}) fails with {}{}", GetParam().name, call,
                                 all_calls[call - 1], std::strerror(error),
                                 forever ? ", and all later ones" : ""));
        start_anew();
        const auto hit = run_with_fault(call, error, forever);
        ++n_tried, n_failed += hit.code == 4;
        EXPECT_TRUE(hit.code == 0 || hit.code == 4) << hit.code << ", signal " << hit.signal << "\n"
                                                    << hit.err;
        if (hit.code == 0) {
            expect_results(files(), whole);
            continue;
        }
        EXPECT_NE(hit.err.find(std::strerror(error)), std::string::npos) << hit.err;
        expect_no_torn_file(files(), whole, old);
        const auto again = run(GetParam().arguments);
        EXPECT_EQ(again.code, 0) << again.err << "\nafter: " << hit.err;
        expect_results(files(), whole);
        if (HasFailure()) break;
    }
    tell(fmt::format(
        "{}: {} calls, {} faults, of which {} ended the command with 4 and the others did not matter",
        GetParam().name, n, n_tried, n_failed));
}

std::vector<Writer> writers() {
    const Arguments compare = {"compare", "--plan", "plan.toml", "-o", "out/run", "--threads", "1"};
    const auto with = [](Arguments a, const Arguments& more) {
        a.insert(a.end(), more.begin(), more.end());
        return a;
    };
    const Arguments extract = {
        "extract", "icv",        "-m",        "m.gguf", "-t",        "data/behavioural/cheer.json",
        "-o",      "out/v.gguf", "--n-pairs", "4",      "--threads", "1"};
    return {
        {"Extract", extract, 6},
        {"ExtractOverAnother", with(extract, {"--seed", "1"}), 4, {extract}},
        {"Combine", {"combine", "v.gguf", "v.gguf:0.5", "-o", "out/c.gguf"}, 4},
        {"ExportNearest",
         {"export", "v.gguf", "--to", "llama.cpp", "--model", "m.gguf", "-o", "out/l.gguf", "--threads", "1"},
         4},
        {"TaskNew", {"task", "new", "words.csv", "-o", "out/words.json"}, 4},
        {"Compare", compare, 10},
        {"Sweep",
         {"sweep", "-m", "m.gguf", "-t", "data/functional/twice.json", "-o", "out/sweep", "--threads", "1",
          "--n-test", "4", "--n-mean", "4", "--n-patch", "2", "--shots", "2"},
         6},
        {"Heads",
         {"heads", "-m", "m.gguf", "-t", "data/functional/twice.json", "-t", "data/functional/again.json",
          "-o", "out/heads", "--threads", "1", "--n-mean", "4", "--n-patch", "2"},
         6},
        {"Shard", with(compare, {"--shard", "0/2"}), 6},
        {"Merge",
         {"merge", "out/run"},
         6,
         {with(compare, {"--shard", "0/2"}), with(compare, {"--shard", "1/2"})}},
        {"Report", {"report", "out/run"}, 4, {compare}},
        {"Submit", {"submit", "--slurm", "-N", "2", "--plan", "plan.toml", "-o", "out/run"}, 4},
    };
}

INSTANTIATE_TEST_SUITE_P(Writers, FailingFiles, testing::ValuesIn(writers()),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace tiller::test

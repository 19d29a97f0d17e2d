// Studies as processes: killed at any moment, stopped, in a folder that cannot be written, two in one folder.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <set>
#include <string>
#include <thread>

#include "reliability/scale.h"
#include "study/journal.h"
#include "support/run_program.h"
#include "support/tiny_model.h"
#include "support/tiny_study.h"

namespace tiller {
namespace {

namespace fs = std::filesystem;
using test::expect_parts;
using test::Program;
using test::ProgramOptions;
using test::run_program;
using test::slurp;

constexpr auto kMoment = std::chrono::milliseconds(1);

class StudyProcess : public testing::Test {
protected:
    void SetUp() override {
        test::TinyOptions tiny;
        tiny.n_layer = 2;
        fs::copy_file(test::make_tiny_model(tiny), model());
        plan = test::tiny_plan(model(), test::write_tasks(folder));
        options.environment = {{"TILLER_CACHE_DIR", (folder.path() / "cache").string()}};
        write_plan();
    }
    fs::path model() const { return folder.path() / "tiny.gguf"; }
    void write_plan() const { folder.write("plan.toml", plan_toml(plan)); }
    // A second of work, so that a process can be met while it works.
    void make_slow() {
        plan.tasks = {"cheer"};
        plan.methods = {"icv"};
        plan.n_test = 8;
        plan.max_new_tokens_behavioural = 80;
        write_plan();
    }
    // The command is part of the summary, so every run of a test has the same one, in a folder of its own.
    ProgramOptions in(const std::string& name) const {
        ProgramOptions o = options;
        o.folder = folder.path() / name;
        fs::create_directories(o.folder);
        return o;
    }
    static std::vector<std::string> compare() {
        return {"compare", "--plan", "../plan.toml", "-o", "run", "--threads", "1"};
    }
    fs::path at(const std::string& name, const std::string& file) const {
        return folder.path() / name / "run" / file;
    }
    // Waits until the process has made this file hold something.
    static bool await(const fs::path& file) {
        for (int i = 0; i < 20000; ++i) {
            std::error_code ec;
            if (fs::exists(file, ec) && (file.filename() == ".lock" || fs::file_size(file, ec) > 0))
                return true;
            std::this_thread::sleep_for(kMoment);
        }
        return false;
    }

    test::ScratchFolder folder;
    Plan plan;
    ProgramOptions options;
};

TEST_F(StudyProcess, LeavesTheDocumentedFiles) {
    const auto result = run_program(compare(), in("a"));
    ASSERT_EQ(result.code, 0) << result.err;
    expect_parts(result.out, {"twice", "cheer", "report.html", "Zero-shot", "precise-answer", "behavioural"});
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder.path() / "a/run"))
        names.insert(entry.path().filename().string());
    names.erase("checkpoints");
    EXPECT_EQ(names, (std::set<std::string>{".lock", "cost.jsonl", "environment.json", "plan.toml",
                                            "records.jsonl", "report.html", "report.json", "report.md",
                                            "results.csv", "summary.json", "vectors", "winners"}));
    EXPECT_EQ(to_json(summarise_run(folder.path() / "a/run")), slurp(at("a", "summary.json")));
    // The same command again: nothing to do, and the same bytes.
    const std::string summary = slurp(at("a", "summary.json")), html = slurp(at("a", "report.html")),
                      records = slurp(at("a", "records.jsonl"));
    const auto again = run_program(compare(), in("a"));
    ASSERT_EQ(again.code, 0) << again.err;
    EXPECT_EQ(again.out.substr(0, again.out.find("Peak memory")),
              result.out.substr(0, result.out.find("Peak memory")));
    EXPECT_EQ(slurp(at("a", "summary.json")), summary);
    EXPECT_EQ(slurp(at("a", "report.html")), html);
    EXPECT_EQ(slurp(at("a", "records.jsonl")), records);
}

// Killed at ten moments of its life (200 at length), each time in a fresh folder, and run again until done.
TEST_F(StudyProcess, KilledAtAnyMoment) {
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_EQ(run_program(compare(), in("undisturbed")).code, 0);
    const auto life = std::chrono::steady_clock::now() - begin;
    const std::string summary = slurp(at("undisturbed", "summary.json")),
                      csv = slurp(at("undisturbed", "results.csv"));
    const int n = test::tries_all() ? 200 : 10;
    int n_killed = 0;
    for (int k = 0; k < n; ++k) {
        const std::string name = "killed" + std::to_string(k);
        {
            Program program(compare(), in(name));
            std::this_thread::sleep_for(life * (2 * k + 1) / (2 * n));
            program.send(SIGKILL);
            n_killed += program.wait().signal == SIGKILL;
        }
        const auto result = run_program(compare(), in(name));
        ASSERT_EQ(result.code, 0) << k << ": " << result.err;
        EXPECT_EQ(slurp(at(name, "summary.json")), summary) << k;
        EXPECT_EQ(slurp(at(name, "results.csv")), csv) << k;
        fs::remove_all(folder.path() / name);
    }
    EXPECT_GE(n_killed, n / 2);
    test::tell(std::to_string(n_killed) +
               " runs killed at different moments gave the undisturbed run's bytes");
}

// One folder whose process never lives long.
TEST_F(StudyProcess, KilledAgainAndAgain) {
    ASSERT_EQ(run_program(compare(), in("undisturbed")).code, 0);
    int n_killed = 0;
    for (auto life = std::chrono::milliseconds(60);; life += life / 4) {
        ASSERT_LT(life, std::chrono::minutes(1));
        Program program(compare(), in("killed"));
        std::this_thread::sleep_for(life);
        program.send(SIGKILL);
        const auto result = program.wait();
        if (result.code == 0) break;
        ASSERT_EQ(result.signal, SIGKILL) << result.err;
        ++n_killed;
    }
    EXPECT_GE(n_killed, 1);
    EXPECT_EQ(slurp(at("killed", "summary.json")), slurp(at("undisturbed", "summary.json")));
    EXPECT_EQ(slurp(at("killed", "records.jsonl")), slurp(at("undisturbed", "records.jsonl")));
}

TEST_F(StudyProcess, SignalsStopItOrderly) {
    make_slow();
    ASSERT_EQ(run_program(compare(), in("undisturbed")).code, 0);
    for (const int signal : {SIGINT, SIGTERM}) {
        Program program(compare(), in("stopped"));
        ASSERT_TRUE(await(at("stopped", signal == SIGINT ? ".lock" : "records.jsonl")));
        program.send(signal);
        const auto result = program.wait();
        EXPECT_EQ(result.code, 130) << result.err;
        // At the first of the two moments there may be nothing to keep yet.
        expect_parts(result.err, {"interrupted"});
        if (fs::exists(at("stopped", "plan.toml"))) expect_parts(result.err, {"run", "goes on"});
        EXPECT_FALSE(fs::exists(at("stopped", "summary.json")));
    }
    // What is there can be read, though not all of it is there.
    EXPECT_EQ(run_program({"report", "run"}, in("stopped")).code, 0);
    const auto result = run_program(compare(), in("stopped"));
    ASSERT_EQ(result.code, 0) << result.err;
    EXPECT_EQ(slurp(at("stopped", "summary.json")), slurp(at("undisturbed", "summary.json")));
}

TEST_F(StudyProcess, AnotherPlanIsRefused) {
    ASSERT_EQ(run_program(compare(), in("a")).code, 0);
    const std::string records = slurp(at("a", "records.jsonl")), summary = slurp(at("a", "summary.json"));
    auto arguments = compare();
    arguments.insert(arguments.end(), {"--n-test", "5"});
    const auto result = run_program(arguments, in("a"));
    EXPECT_EQ(result.code, 3) << result.err;
    expect_parts(result.err, {"another plan"});
    EXPECT_EQ(slurp(at("a", "records.jsonl")), records);
    EXPECT_EQ(slurp(at("a", "summary.json")), summary);
}

TEST_F(StudyProcess, OneFolderOneProcess) {
    {
        fs::create_directories(folder.path() / "a/run");
        study::Journal journal(folder.path() / "a/run");
        const auto result = run_program(compare(), in("a"));
        EXPECT_EQ(result.code, 4) << result.err;
        expect_parts(result.err, {"in use", "--out"});
    }
    make_slow();
    Program one(compare(), in("b"));
    Program two(compare(), in("b"));
    const auto a = one.wait(), b = two.wait();
    EXPECT_EQ(std::min(a.code, b.code), 0) << a.err << b.err;
    EXPECT_EQ(std::max(a.code, b.code), 4) << a.err << b.err;
    expect_parts(a.code == 4 ? a.err : b.err, {"in use"});
    EXPECT_TRUE(fs::exists(at("b", "summary.json")));
}

TEST_F(StudyProcess, FolderThatIsAFile) {
    folder.write("a/run", "a file");
    const auto result = run_program(compare(), in("a"));
    EXPECT_EQ(result.code, 4) << result.err;
    expect_parts(result.err, {"run"});
    EXPECT_EQ(slurp(folder.path() / "a/run"), "a file");
}

TEST_F(StudyProcess, FolderThatCannotBeWritten) {
    ProgramOptions o = in("a");
    fs::create_directories(folder.path() / "a/run");
    o.standard_output = "/dev/null";
    fs::permissions(folder.path(), fs::perms::owner_all | fs::perms::others_read | fs::perms::others_exec);
    fs::permissions(folder.path() / "a/run", fs::perms::owner_read | fs::perms::owner_exec |
                                                 fs::perms::others_read | fs::perms::others_exec);
    if (::geteuid() == 0) {
        o.uid = 65534;  // root may write anywhere
        if (run_program({"--version"}, o).code != 0)
            GTEST_SKIP() << "the program cannot be run by another user: " << TILLER_PROGRAM;
    }
    const auto result = run_program(compare(), o);
    fs::permissions(folder.path() / "a/run", fs::perms::owner_all);
    EXPECT_EQ(result.code, 4) << result.err;
    expect_parts(result.err, {"Permission denied", "run"});
    EXPECT_TRUE(fs::is_empty(folder.path() / "a/run"));
}

TEST_F(StudyProcess, AFullDiskKeepsFinishedWork) {
    ProgramOptions o = in("a");
    ASSERT_EQ(run_program(compare(), in("undisturbed")).code, 0);
    // The records grow beyond this in the middle of the study.
    o.file_limit = fs::file_size(at("undisturbed", "records.jsonl")) / 2;
    const auto full = run_program(compare(), o);
    EXPECT_EQ(full.code, 4) << full.err;
    expect_parts(full.err, {"records.jsonl", "run the same command again"});
    EXPECT_GT(study::read_units(folder.path() / "a/run").size(), 0u);
    ASSERT_EQ(run_program(compare(), in("a")).code, 0);
    EXPECT_EQ(slurp(at("a", "summary.json")), slurp(at("undisturbed", "summary.json")));
}

}  // namespace
}  // namespace tiller

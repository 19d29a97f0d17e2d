// Two small task files of our own, and a plan over them that a tiny model carries out in a fraction of a
// second.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "support/run_program.h"
#include "tiller/study.h"
#include "unit/test_tasks_files.h"

namespace tiller::test {

inline constexpr const char* kWords[] = {
    "tin", "oak", "sun", "map", "cup", "ink", "bag", "rug", "fin", "pod", "lid", "gem", "jar", "kit",
    "net", "owl", "pea", "rod", "saw", "tub", "urn", "van", "wax", "yak", "zip", "bun", "cob", "dew",
    "eel", "fig", "gum", "hay", "ivy", "jug", "keg", "log", "mud", "nut", "oar", "pie"};

/// data/functional/twice.json ("tin" -> "tin tin") and data/behavioural/cheer.json, 40 items each. Gives the
/// data folder.
inline std::filesystem::path write_tasks(const ScratchFolder& folder) {
    std::string twice, cheer;
    for (const std::string w : kWords) {
        twice +=
            fmt::format(R"({}{{"input": "{}", "output": "{} {}"}})", twice.empty() ? "[" : ",\n", w, w, w);
        cheer +=
            fmt::format(R"({}{{"input": "the {} is bad and dull", "output": "a {} is good, we love it"}})",
                        cheer.empty() ? "[" : ",\n", w, w);
    }
    folder.write("data/functional/twice.json", twice + "]\n");
    folder.write("data/behavioural/cheer.json", cheer + "]\n");
    return folder.path() / "data";
}

inline Plan tiny_plan(const std::filesystem::path& model, const std::filesystem::path& data) {
    Plan plan;
    plan.title = "A tiny study";
    plan.models = {model.string()};
    plan.tasks = {"twice", "cheer"};
    plan.data_dir = data.string();
    plan.n_test = 6, plan.n_valid = 3, plan.n_shot = 2, plan.n_shot_behavioural = 1;
    plan.functional = {5, 3, 2, 5};
    plan.behavioural = {4, 2, 1, 5};
    plan.max_new_tokens = 3, plan.max_new_tokens_behavioural = 5;
    plan.n_bootstrap = 100, plan.n_example = 2;
    return plan;
}

/// A study of `plan` in this process, below a folder of its own; a cache of its own, too.
class StudyTest : public testing::Test {
protected:
    void SetUp() override {
        ::setenv("TILLER_CACHE_DIR", (folder.path() / "cache").c_str(), 1);
        host.resolve_model = [](const std::string& name) { return std::filesystem::path(name); };
        host.engine.n_threads = 1;
        host.command = "a test";
    }
    void TearDown() override { ::unsetenv("TILLER_CACHE_DIR"); }

    Summary run(const std::string& name = "run") { return run_study(plan, folder.path() / name, host); }

    ScratchFolder folder;
    Plan plan;
    StudyHost host;
};

/// Stops a study after ever more steps, `stride` more each time, and goes on with it: it ends as if it had
/// not been stopped, and was stopped `n_least` times or more. `run` carries the study out in the folder of
/// the name that it is given, below `folder`; "run" and "undisturbed" hold the two runs afterwards.
template <class Run>
void expect_resumes(StudyHost& host, const std::filesystem::path& folder, const Run& run, int n_least,
                    int stride = 1) {
    const std::string summary = to_json(run("undisturbed"));
    std::atomic<bool> stop = false;
    host.cancel = &stop;
    int n_stop = 0;
    for (bool done = false; !done; ++n_stop) {
        ASSERT_LT(n_stop, 200);
        int n_step = 0;
        // Later each time, so that long steps get done as well.
        host.observer.step = [&](const std::string&, const std::string&, std::size_t, std::size_t) {
            stop = ++n_step >= 2 + stride * n_stop;
        };
        stop = false;
        try {
            EXPECT_EQ(to_json(run("run")), summary);
            done = true;
        } catch (const Error& e) {
            ASSERT_EQ(e.code(), Code::interrupted) << e.what();
        }
    }
    host.cancel = nullptr;
    host.observer.step = {};
    EXPECT_GE(n_stop, n_least);
    EXPECT_EQ(slurp(folder / "run/records.jsonl"), slurp(folder / "undisturbed/records.jsonl"));
    EXPECT_EQ(to_json(summarise_run(folder / "run")), summary);
}

}  // namespace tiller::test

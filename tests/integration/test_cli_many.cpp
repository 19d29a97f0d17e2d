// The commands for many machines, as processes: shards killed and started again, merge, status, plan, the
// scripts of submit.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "support/cli_test.h"

namespace tiller {
namespace {

namespace fs = std::filesystem;
using test::Arguments;
using test::expect_parts;
using test::Program;
using test::slurp;

class CliMany : public test::CliTest {
protected:
    void SetUp() override {
        CliTest::SetUp();
        plan = test::tiny_plan("m.gguf", "data");
        folder.write("plan.toml", plan_toml(plan));
    }
    static Arguments compare(const std::string& run, const std::string& shard = "") {
        Arguments a = {"compare", "--plan", "plan.toml", "-o", run, "--threads", "1", "--quiet"};
        if (!shard.empty()) a.insert(a.end(), {"--shard", shard});
        return a;
    }
    fs::path at(const std::string& file) const { return folder.path() / file; }

    Plan plan;
};

// The command is in the summary: both runs have the same one, in turn in the same folder.
TEST_F(CliMany, KilledShardsMergeToTheRunInOnePiece) {
    ASSERT_EQ(run(compare("run")).code, 0);
    fs::rename(at("run"), at("whole"));
    int n_killed = 0;
    for (const char* shard : {"0/2", "1/2"})
        for (auto life = std::chrono::milliseconds(80);; life += life / 3) {
            ASSERT_LT(life, std::chrono::minutes(1));
            Program program(compare("run", shard), options);
            std::this_thread::sleep_for(life);
            program.send(SIGKILL);
            const auto result = program.wait();
            if (result.code == 0) break;
            ASSERT_EQ(result.signal, SIGKILL) << result.err;
            ++n_killed;
        }
    EXPECT_GE(n_killed, 2);
    const auto merged = run({"merge", "run"});
    ASSERT_EQ(merged.code, 0) << merged.err;
    expect_parts(merged.out, {"2 blocks", "report.html", "records.jsonl",
                              "tiller generate -m m.gguf --vector run/winners/"});
    for (const char* file : {"records.jsonl", "summary.json", "results.csv", "environment.json", "plan.toml"})
        EXPECT_EQ(slurp(at("run") / file), slurp(at("whole") / file)) << file;
    for (const char* below : {"vectors", "winners"})
        for (const auto& entry : fs::directory_iterator(at("whole") / below))
            EXPECT_EQ(slurp(at("run") / below / entry.path().filename()), slurp(entry.path()))
                << entry.path();
    // A merged folder is a run like any other: the same command finds nothing to do.
    EXPECT_EQ(run(compare("run")).code, 0);
    EXPECT_EQ(slurp(at("run/summary.json")), slurp(at("whole/summary.json")));
}

TEST_F(CliMany, BadShardsAreUsageErrorsWithTheRange) {
    for (const char* shard : {"4/4", "-1/3", "1/0", "one/four", "2"})
        expect_parts(
            refusal(2, {"compare", "--plan", "plan.toml", "-o", "run", "--shard=" + std::string(shard)}),
            {"shard", "N"});
    expect_parts(refusal(2, compare("run", "auto")), {"Slurm", "i/N"});
    EXPECT_FALSE(fs::exists(at("run")));
}

TEST_F(CliMany, AutoReadsTheEnvironment) {
    options.environment["OMPI_COMM_WORLD_RANK"] = "1", options.environment["OMPI_COMM_WORLD_SIZE"] = "2";
    ASSERT_EQ(run(compare("run", "auto")).code, 0);
    EXPECT_TRUE(fs::exists(at("run/workers/1-of-2/attempt-1/worker.json")));
}

TEST_F(CliMany, MissingBlocksComeWithTheirCommands) {
    ASSERT_EQ(run(compare("run", "1/2")).code, 0);
    const std::string message = refusal(3, {"merge", "run"});
    expect_parts(message, {"1 of 2 blocks", "tiller compare --plan plan.toml --out run", "--shard 0/2"});
    // The command that it names makes them.
    const auto begin = message.find("--plan"), end = message.find("   #");
    Arguments arguments = {"compare"};
    std::string word;
    for (const char c : message.substr(begin, end - begin) + " ")
        c == ' ' ? (arguments.push_back(word), word.clear()) : word.push_back(c);
    ASSERT_EQ(run(arguments).code, 0);
    EXPECT_EQ(run({"merge", "run"}).code, 0);
    expect_parts(refusal(4, {"merge", "nowhere"}), {"nowhere", "no workers"});
}

TEST_F(CliMany, MixturesNameTheFlagThatAllowsThem) {
    for (const char* shard : {"0/2", "1/2"}) ASSERT_EQ(run(compare("run", shard)).code, 0);
    const std::string file = "run/workers/1-of-2/attempt-1/worker.json";
    auto json = nlohmann::json::parse(slurp(at(file)));
    json["models"][0]["machine_class"] = "0123456789ab";
    folder.write(file, json.dump());
    expect_parts(refusal(3, {"merge", "run"}), {"compute differently", "0123456789ab", "--allow-mixed"});
    ASSERT_EQ(run({"merge", "run", "--allow-mixed"}).code, 0);
    expect_parts(slurp(at("run/report.html")), {"0123456789ab"});
    expect_parts(slurp(at("run/report.md")), {"0123456789ab"});
}

TEST_F(CliMany, StatusIsATableOrJson) {
    ASSERT_EQ(run(compare("run", "1/2")).code, 0);
    const auto table = run({"status", "run"});
    ASSERT_EQ(table.code, 0) << table.err;
    expect_parts(table.out, {"1 of 2 blocks done", "1 waiting", "m.gguf/twice/s0", "left"});
    const auto json = run_json({"status", "run"});
    EXPECT_EQ(json.at("counts").at("done"), 1);
    EXPECT_EQ(json.at("counts").at("waiting"), 1);
    EXPECT_EQ(json.at("shards"), 2);
    ASSERT_EQ(json.at("blocks").size(), 2u);
    EXPECT_GT(json.at("seconds_left"), 0.0);
    refusal(4, {"status", "nowhere"});
}

TEST_F(CliMany, StatusSeesABlockThatRuns) {
    plan.max_new_tokens_behavioural = 300, plan.n_test = 8, plan.tasks = {"cheer"};
    folder.write("plan.toml", plan_toml(plan));
    Program program(compare("run", "0/1"), options);
    nlohmann::json running;
    for (int i = 0; i < 2000 && running.is_null(); ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        const auto result = run({"status", "run", "--json"});
        if (result.code != 0) continue;
        const auto json = nlohmann::json::parse(result.out);
        if (json.at("counts").at("running") == 1) running = json.at("blocks").at(0);
        if (json.at("counts").at("done") == 1) break;
    }
    ASSERT_FALSE(running.is_null());
    EXPECT_EQ(running.at("attempt"), "0-of-1/attempt-1");
    program.send(SIGTERM);
    EXPECT_EQ(program.wait().code, 130);
    EXPECT_EQ(run_json({"status", "run"}).at("counts").at("waiting"), 1);
}

TEST_F(CliMany, PlanDealsAndMeasures) {
    plan.seeds = {0, 1};
    folder.write("plan.toml", plan_toml(plan));
    const auto json = run_json({"plan", "plan.toml", "-N", "3"});
    ASSERT_EQ(json.at("blocks").size(), 4u);
    EXPECT_EQ(json.at("blocks")[0].at("task"), "twice");
    EXPECT_FALSE(json.contains("time"));
    const auto timed =
        run_json({"plan", "plan.toml", "--time", "--within", "1", "-o", "run", "--threads", "1"});
    EXPECT_EQ(timed.at("time").at("measured_blocks").size(), 1u);
    EXPECT_GT(timed.at("time").at("seconds"), timed.at("time").at("measured_seconds"));
    EXPECT_EQ(timed.at("time").at("proposed").at("shards"), 1);
    EXPECT_GE(timed.at("time").at("limit_minutes"), 10);
    // What was measured counts.
    EXPECT_EQ(run_json({"status", "run"}).at("counts").at("done"), 1);
    expect_parts(run({"plan", "plan.toml", "--time", "--threads", "1"}).out,
                 {"time limit", "tiller submit --slurm -N", "--time="});
    refusal(2, {"plan", "plan.toml", "-o", "run"});
}

TEST_F(CliMany, SubmitPrintsItsScripts) {
    const auto slurm = run({"submit", "--slurm", "-N", "16", "--plan", "plan.toml", "-o", "a run",
                            "--dry-run", "--rows", "32", "--", "--partition=cpu", "--time=4:00:00"});
    ASSERT_EQ(slurm.code, 0) << slurm.err;
    expect_parts(slurm.out,
                 {"--array=0-15", "--requeue", "afterany", "--partition=cpu --time=4:00:00",
                  "\"$SLURM_ARRAY_TASK_ID/16\"", "--rows 32", "SLURM_CPUS_PER_TASK", "/a run'", "merge"});
    EXPECT_FALSE(fs::exists(at("a run")));
    folder.write("hosts.txt", "n1\nn2\n");
    const auto ssh = run({"submit", "--ssh", "hosts.txt", "-N", "3", "--plan", "plan.toml", "-o", "run",
                          "--threads", "4", "--dry-run"});
    ASSERT_EQ(ssh.code, 0) << ssh.err;
    expect_parts(ssh.out, {"parallel", "--sshloginfile", "hosts.txt", "--joblog", "--resume-failed",
                           "--retries 3", "--shard {}/3", "--threads 4", "merge"});
    expect_parts(refusal(2, {"submit", "-N", "2", "--plan", "plan.toml", "-o", "run"}), {"--slurm", "--ssh"});
    refusal(2, {"submit", "--slurm", "-N", "0", "--plan", "plan.toml", "-o", "run"});
    refusal(4, {"submit", "--ssh", "none.txt", "-N", "2", "--plan", "plan.toml", "-o", "run"});
}

// The scripts are what a shell takes: sbatch is a script here that says what it was given.
TEST_F(CliMany, SubmitGivesSlurmWhatItPrints) {
    folder.write("bin/sbatch", "#!/bin/bash\nprintf '%s\\n' \"$*\" >> sbatch.log\necho '42;box'\n");
    fs::permissions(at("bin/sbatch"), fs::perms::owner_all);
    options.environment["PATH"] = at("bin").string() + ":" + std::getenv("PATH");
    const auto result =
        run({"submit", "--slurm", "-N", "2", "--plan", "plan.toml", "-o", "a run", "--", "--mem=4G"});
    ASSERT_EQ(result.code, 0) << result.err;
    expect_parts(result.out, {"2 shards", "job 42", "tiller status"});
    const std::string log = slurp(at("sbatch.log"));
    expect_parts(log,
                 {"--array=0-1 --requeue", "--mem=4G", "--dependency=afterany:42 ", "a run/slurm/merge.log"});
    EXPECT_EQ(slurp(at("a run/plan.toml")), plan_toml(plan));
    // What the array would run.
    for (const char* id : {"0", "1"}) {
        options.environment["SLURM_ARRAY_TASK_ID"] = id;
        const std::string command = "cd '" + folder.path().string() + "' && SLURM_ARRAY_TASK_ID=" + id +
                                    " TILLER_CACHE_DIR=cache bash 'a run/shards.sh' > /dev/null 2>&1";
        EXPECT_EQ(std::system(command.c_str()), 0);
    }
    EXPECT_EQ(run({"merge", "a run"}).code, 0);
}

}  // namespace
}  // namespace tiller

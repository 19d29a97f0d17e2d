// The program over servers on loopback: outputs as without them, and what it says when one goes away.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "support/cli_test.h"
#include "support/rpc_servers.h"

namespace tiller {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::Arguments;
using test::Program;
using test::RpcServers;
using test::run_program;
using test::slurp;

void expect_parts(const std::string& text, const std::vector<std::string>& parts) {
    for (const auto& part : parts)
        EXPECT_NE(text.find(part), std::string::npos) << part << " is not in: " << text;
}

class CliRpc : public test::CliTest {
protected:
    Arguments over(Arguments arguments) const {
        arguments.insert(arguments.end(), {"--rpc", servers.list()});
        return arguments;
    }
    // What a command prints, here and over servers.
    void expect_same(const Arguments& arguments) const {
        const auto here = run(arguments), there = run(over(arguments));
        ASSERT_EQ(here.code, 0) << here.err;
        ASSERT_EQ(there.code, 0) << there.err;
        EXPECT_EQ(here.out, there.out);
    }

    RpcServers servers{2};
};

TEST_F(CliRpc, TheDoctorPasses) {
    const json d = run_json(over({"doctor", "-m", "m.gguf"}));
    EXPECT_TRUE(d.at("passed").get<bool>()) << d.dump(2);
    EXPECT_EQ(d.at("servers").size(), 2u);
}

TEST_F(CliRpc, CommandsPrintWhatTheyPrintHere) {
    make_fv();
    expect_same({"generate", "-m", "m.gguf", "-p", "the cat", "--vector", "v.gguf:0.5", "-n", "12"});
    expect_same({"next", "-m", "m.gguf", "-p", "the cat", "--vector", "v.gguf", "--top", "20", "--json"});
    expect_same({"eval", "-m", "m.gguf", "-t", "data/functional/twice.json", "--vector", "v.gguf"});
    expect_same({"read", "v.gguf", "-m", "m.gguf", "--top", "10"});
}

TEST_F(CliRpc, ExtractionsGiveTheSameVectors) {
    // All numbers; what is said of their origin has the command and the time.
    const auto show = [&](const std::string& file) {
        json all = run_json({"show", file});
        EXPECT_TRUE(all.contains("direction") || all.contains("aie")) << file;
        all.erase("provenance");
        return all;
    };
    const auto extract = [&](const std::string& method, const std::string& task, const std::string& file,
                             bool remote) {
        Arguments arguments = {"extract", method, "-m", "m.gguf", "-t", task, "-o", file, "--threads", "1"};
        if (method == "fv")
            arguments.insert(arguments.end(),
                             {"--shots", "2", "--n-mean", "4", "--n-patch", "2", "--heads", "3"});
        else
            arguments.insert(arguments.end(), {"--n-pairs", "4"});
        const auto r = run(remote ? over(arguments) : arguments);
        ASSERT_EQ(r.code, 0) << r.err;
    };
    for (const auto& [method, task] : std::vector<std::pair<std::string, std::string>>{
             {"fv", "data/functional/twice.json"}, {"icv", "data/behavioural/cheer.json"}}) {
        SCOPED_TRACE(method);
        extract(method, task, "here.gguf", false);
        extract(method, task, "there.gguf", true);
        const json a = show("here.gguf"), b = show("there.gguf");
        EXPECT_EQ(a, b);
        fs::remove(folder.path() / "here.gguf"), fs::remove(folder.path() / "there.gguf");
    }
}

TEST_F(CliRpc, AServerThatIsNotThereIsAnError) {
    servers[0].stop();
    expect_parts(refusal(4, over({"next", "-m", "m.gguf", "-p", "the"})),
                 {servers[0].address(), "Connection refused", "(--rpc)"});
}

TEST_F(CliRpc, AddressesAreRefusedBeforeAnythingElse) {
    expect_parts(refusal(2, {"next", "-m", "m.gguf", "-p", "the", "--rpc", "192.0.2.1:50052"}),
                 {"no authentication", "ssh -N -L", "--insecure-rpc"});
    expect_parts(refusal(2, over({"next", "-m", "m.gguf", "-p", "the", "--exact"})), {"--exact", "--rpc"});
}

class StudyRpc : public CliRpc {
protected:
    void SetUp() override {
        CliRpc::SetUp();
        Plan plan = test::tiny_plan("../m.gguf", "../data");
        folder.write("plan.toml", plan_toml(plan));
    }
    // Every run has the same command, which the summary names, in a folder of its own.
    test::ProgramOptions in(const std::string& name) const {
        test::ProgramOptions o = options;
        o.folder = folder.path() / name;
        fs::create_directories(o.folder);
        return o;
    }
    Arguments compare() const {
        return over({"compare", "--plan", "../plan.toml", "-o", "run", "--threads", "1"});
    }
    fs::path at(const std::string& name, const std::string& file) const {
        return folder.path() / name / "run" / file;
    }
    // Waits until the journal holds a unit or more.
    bool await_units(const std::string& name, std::uintmax_t bytes) const {
        for (int i = 0; i < 30000; ++i) {
            std::error_code ec;
            const auto size = fs::file_size(at(name, "records.jsonl"), ec);
            if (!ec && size >= bytes) return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        return false;
    }
    void expect_same_run(const std::string& a, const std::string& b) const {
        for (const char* file : {"records.jsonl", "summary.json", "results.csv"})
            EXPECT_EQ(slurp(at(a, file)), slurp(at(b, file))) << file;
    }
};

TEST_F(StudyRpc, AServerThatDiesLosesNothing) {
    ASSERT_EQ(run_program(compare(), in("whole")).code, 0);
    const auto all = fs::file_size(at("whole", "records.jsonl"));
    // Killed once early and once late, then finished: the bytes of a run that nothing happened to.
    for (const double part : {0.1, 0.6}) {
        SCOPED_TRACE(part);
        Program running(compare(), in("hit"));
        ASSERT_TRUE(await_units("hit", static_cast<std::uintmax_t>(part * static_cast<double>(all))));
        servers[1].stop();
        const auto result = running.wait();
        EXPECT_EQ(result.code, 4) << result.err;
        EXPECT_EQ(result.signal, 0);
        expect_parts(result.err, {servers[1].address() + " does not answer (Connection refused)",
                                  "Finished work is in run", "tiller compare", "--rpc " + servers.list()});
        EXPECT_EQ(result.err.find(servers[0].address() + " does"), std::string::npos) << result.err;
        servers.restart(1);
    }
    const auto result = run_program(compare(), in("hit"));
    ASSERT_EQ(result.code, 0) << result.err;
    expect_same_run("whole", "hit");
}

// Units are not computed twice because servers have moved.
TEST_F(StudyRpc, ARunGoesOnWithOtherServers) {
    {
        Program running(compare(), in("a"));
        ASSERT_TRUE(await_units("a", 1000));
        running.send(SIGINT);
        EXPECT_EQ(running.wait().code, 130);
    }
    const std::string kept = slurp(at("a", "records.jsonl"));
    RpcServers others(1);
    const auto result = run_program(
        {"compare", "--plan", "../plan.toml", "-o", "run", "--threads", "1", "--rpc", others.list()},
        in("a"));
    ASSERT_EQ(result.code, 0) << result.err;
    EXPECT_TRUE(slurp(at("a", "records.jsonl")).starts_with(kept));
    EXPECT_NE(slurp(at("a", "environment.json")).find(others.list()), std::string::npos);
}

TEST_F(StudyRpc, AnInterruptionEndsBothProcesses) {
    for (const int signal : {SIGINT, SIGTERM}) {
        SCOPED_TRACE(signal);
        const std::string name = "i" + std::to_string(signal);
        Program running(compare(), in(name));
        ASSERT_TRUE(await_units(name, 1));
        running.send(signal);
        const auto result = running.wait();
        EXPECT_EQ(result.code, 130) << result.err;
        expect_parts(result.err, {"interrupted", "the same command goes on"});
    }
}

// A server that is stopped answers nothing, and the work waits; a second signal ends that.
TEST_F(StudyRpc, ASecondSignalEndsWaiting) {
    Program running(compare(), in("s"));
    ASSERT_TRUE(await_units("s", 1));
    servers[0].send(SIGSTOP);
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    running.send(SIGINT);
    std::this_thread::sleep_for(std::chrono::milliseconds(900));
    running.send(SIGINT);
    const auto result = running.wait();
    EXPECT_EQ(result.code, 130) << result.err;
    servers[0].send(SIGCONT);
}

}  // namespace
}  // namespace tiller

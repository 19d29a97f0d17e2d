// tiller sweep and tiller heads as a user meets them.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "support/cli_test.h"

namespace tiller {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::Arguments;
using test::expect_parts;

class CliSweep : public test::CliTest {
protected:
    static Arguments with(Arguments a, const Arguments& b) {
        a.insert(a.end(), b.begin(), b.end());
        return a;
    }
    const Arguments base = {"sweep",
                            "-m",
                            "m.gguf",
                            "-t",
                            "data/functional/twice.json",
                            "-o",
                            "s",
                            "--n-test",
                            "4",
                            "--n-mean",
                            "4",
                            "--n-patch",
                            "2",
                            "--shots",
                            "2",
                            "--search-shots",
                            "2",
                            "--threads",
                            "1"};
    std::string file(const std::string& name) const { return test::slurp(folder.path() / name); }
};

TEST_F(CliSweep, WritesTableJsonCsvAndPage) {
    const auto arguments = with(base, {"--heads", "1,12", "--layers", "0,2", "--scales", "1,2.5"});
    const auto result = run(arguments);
    ASSERT_EQ(result.code, 0) << result.err;
    expect_parts(result.out, {"zero-shot", "shuffled labels", "natural text", "filtered", "sweep.html"});
    const json sweep = json::parse(file("s/sweep.json"));
    EXPECT_EQ(sweep.at("format"), "tiller.sweep/1");
    ASSERT_EQ(sweep.at("contexts").size(), 3u);
    ASSERT_EQ(sweep.at("items").size(), 4u);
    for (const auto& context : sweep.at("contexts")) {
        ASSERT_EQ(context.at("settings").size(), 8u);
        // Every share can be traced to the items' hits.
        for (const auto& cell : context.at("settings")) {
            const auto hits = cell.at("hits").get<std::string>();
            ASSERT_EQ(hits.size(), 4u);
            EXPECT_DOUBLE_EQ(cell.at("all").at("first_token").at("mean"),
                             static_cast<double>(std::count(hits.begin(), hits.end(), '1')) / 4);
        }
    }
    const std::string csv = file("s/sweep.csv"), page = file("s/sweep.html");
    // A head line, the few-shot prompt, and three contexts with the unsteered model; two sets of items each.
    EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 1 + 2 * (1 + 3 * 9));
    expect_parts(page, {"Content-Security-Policy", "twice", "scale", "</html>"});
    EXPECT_EQ(page.find("http-equiv=\"refresh\""), std::string::npos);
    EXPECT_EQ(run_json(arguments), sweep);
    EXPECT_EQ(json::parse(file("s/sweep.json")), sweep);
}

TEST_F(CliSweep, DefaultsAreAllLayersAndTheModelsHeads) {
    const json plan = run_json(with(base, {"--scales", "2"})).at("plan");
    EXPECT_EQ(plan.at("layers"), json({0, 1, 2}));
    EXPECT_EQ(plan.at("heads"), json({1, 2, 5, 10}));
}

TEST_F(CliSweep, RefusesBadListsAndLeavesNothing) {
    expect_parts(refusal(2, with(base, {"--heads", "1,x"})), {"--heads", "\"x\""});
    expect_parts(refusal(2, with(base, {"--heads", ""})), {"--heads"});
    expect_parts(refusal(2, with(base, {"--heads", "1.5"})), {"--heads", "whole"});
    expect_parts(refusal(2, with(base, {"--heads", "13"})), {"--heads", "13", "12"});
    expect_parts(refusal(2, with(base, {"--layers", "0,0"})), {"--layers", "twice"});
    expect_parts(refusal(2, with(base, {"--scales", "nan"})), {"--scales"});
    expect_parts(refusal(2, {"sweep", "-m", "m.gguf", "-o", "s", "-t", "data/behavioural/cheer.json"}),
                 {"cheer", "behavioural"});
    expect_parts(refusal(4, {"sweep", "-m", "absent.gguf", "-o", "s", "-t", "data/functional/twice.json"}),
                 {"absent.gguf"});
    expect_parts(refusal(2, {"heads", "-m", "m.gguf", "-o", "s", "-t", "data/functional/twice.json"}),
                 {"at least 2", "--task"});
    EXPECT_FALSE(is_there("s"));
}

TEST_F(CliSweep, StopsWhenAskedAndGoesOn) {
    auto arguments = with(base, {"--heads", "2", "--layers", "1", "--n-patch", "400"});
    for (auto at = arguments.begin(); at != arguments.end(); ++at)
        if (*at == "--n-patch" && *(at + 1) == "2") {
            arguments.erase(at, at + 2);
            break;
        }
    test::Program program(arguments, options);
    bool begun = false;
    for (int i = 0; i < 20000 && !begun; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        std::error_code ec;
        int n_trial = 0;
        for (const auto& entry : fs::recursive_directory_iterator(folder.path() / "s", ec))
            n_trial += entry.path().filename().string().rfind("trials-", 0) == 0;
        begun = n_trial > 3;
    }
    ASSERT_TRUE(begun);
    program.send(SIGINT);
    const auto stopped = program.wait();
    EXPECT_EQ(stopped.code, 130) << stopped.err;
    expect_parts(stopped.err, {"interrupted", "goes on"});
    EXPECT_FALSE(is_there("s/sweep.json"));
    EXPECT_FALSE(is_there("s/sweep.html"));
    const auto resumed = run(arguments);
    ASSERT_EQ(resumed.code, 0) << resumed.err;
    const std::string bytes = file("s/sweep.json");
    fs::remove_all(folder.path() / "s");
    ASSERT_EQ(run(arguments).code, 0);
    EXPECT_EQ(file("s/sweep.json"), bytes);
}

TEST_F(CliSweep, HeadsWritesTableJsonAndPage) {
    folder.write("data/functional/first.json",
                 R"([{"input": "a b", "output": "a"}, {"input": "c d", "output": "c"},
 {"input": "e f", "output": "e"}, {"input": "g h", "output": "g"}, {"input": "i j", "output": "i"},
 {"input": "k l", "output": "k"}, {"input": "m n", "output": "m"}, {"input": "o p", "output": "o"},
 {"input": "q r", "output": "q"}, {"input": "s t", "output": "s"}])");
    const Arguments arguments = {"heads",
                                 "-m",
                                 "m.gguf",
                                 "-t",
                                 "data/functional/twice.json",
                                 "-t",
                                 "data/functional/first.json",
                                 "-o",
                                 "h",
                                 "--n-test",
                                 "3",
                                 "--n-mean",
                                 "4",
                                 "--n-patch",
                                 "2",
                                 "--shots",
                                 "2",
                                 "--threads",
                                 "1",
                                 "--top",
                                 "3"};
    const auto result = run(arguments);
    ASSERT_EQ(result.code, 0) << result.err;
    expect_parts(result.out, {"Jaccard", "universal heads", "validation", "heads.html"});
    const json heads = json::parse(file("h/heads.json"));
    EXPECT_EQ(heads.at("format"), "tiller.heads/1");
    EXPECT_EQ(heads.at("overlap").size(), 2u);
    EXPECT_EQ(heads.at("transfer").at(1).size(), 2u);
    EXPECT_EQ(heads.at("tasks").at(0).at("top").size(), 3u);
    expect_parts(file("h/heads.html"), {"Content-Security-Policy", "Transfer", "</html>"});
    EXPECT_EQ(run_json(arguments), heads);
}

}  // namespace
}  // namespace tiller

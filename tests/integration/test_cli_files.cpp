// Files that the program reads and writes: vectors, trials, pairs, tasks, plans, reports. When something is
// wrong, nothing is written.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "support/cli_test.h"

namespace tiller {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::Arguments;
using test::expect_parts;
using test::ProgramOptions;
using test::slurp;

class CliFiles : public test::CliTest {};

// --- extract, show, eval
// -------------------------------------------------------------------------------------

TEST_F(CliFiles, ShowHasTheDocumentedFields) {
    make_fv();
    make_icv();
    const json fv = run_json({"show", "v.gguf"});
    std::set<std::string> keys;
    for (const auto& [key, value] : fv.items()) keys.insert(key);
    EXPECT_EQ(keys,
              (std::set<std::string>{"aie", "direction", "heads", "kind", "layer", "mean_head_output",
                                     "method", "operation", "positions", "provenance", "scale", "site"}));
    EXPECT_EQ(fv.at("method"), "fv");
    EXPECT_EQ(fv.at("kind"), "vector");
    EXPECT_EQ(fv.at("layer"), 1);  // ceil(3 / 3), counted from 0
    EXPECT_EQ(fv.at("scale"), 2);
    ASSERT_EQ(fv.at("direction").size(), 1u);
    EXPECT_EQ(fv.at("direction").at("1").size(), 48u);
    ASSERT_EQ(fv.at("aie").size(), 3u);
    ASSERT_EQ(fv.at("mean_head_output").size(), 3u);
    EXPECT_EQ(fv.at("mean_head_output")[0].size(), 64u);
    ASSERT_EQ(fv.at("heads").size(), 3u);
    for (std::size_t i = 0; i < 3; ++i) {
        const auto& h = fv.at("heads")[i];
        EXPECT_EQ(h.at("aie"),
                  fv.at("aie")[h.at("layer").get<std::size_t>()][h.at("head").get<std::size_t>()]);
        if (i > 0) {
            EXPECT_LE(h.at("aie").get<double>(), fv.at("heads")[i - 1].at("aie").get<double>());
        }
    }
    double best = -1;
    for (const auto& layer : fv.at("aie"))
        for (const auto& value : layer) best = std::max(best, value.get<double>());
    EXPECT_EQ(fv.at("heads")[0].at("aie"), best);
    const json& p = fv.at("provenance");
    EXPECT_EQ(p.at("task"), "twice");
    EXPECT_EQ(p.at("n_layer"), 3);
    EXPECT_EQ(p.at("settings").at("n_mean"), "4");
    EXPECT_EQ(p.at("model_digest").get<std::string>().size(), 64u);

    const json icv = run_json({"show", "i.gguf"});
    EXPECT_EQ(icv.at("method"), "icv");
    EXPECT_EQ(icv.at("layer"), (json{0, 1, 2}));
    EXPECT_EQ(icv.at("direction").size(), 3u);
    EXPECT_TRUE(icv.at("heads").empty());
    expect_parts(run({"show", "v.gguf"}).out, {"fv", "twice", "residual", "norm"});
    expect_parts(refusal(3, {"show", "m.gguf"}), {"m.gguf"});
    expect_parts(refusal(4, {"show", "absent.gguf"}), {"absent.gguf"});
}

constexpr const char* good_trials =
    R"({"mean": ["Q: a\nA: b\n\nQ: c\nA:"], "patch": [{"prompt": "Q: a\nA: c\n\nQ: c\nA:", "target": " d"}]})";
constexpr const char* good_pairs =
    R"([{"negative": "a bad day", "positive": "a good day"}, {"negative": "cold", "positive": "hot"}])";

TEST_F(CliFiles, ExtractFromFiles) {
    folder.write("trials.json", good_trials);
    folder.write("pairs.json", good_pairs);
    auto r = run({"extract", "fv", "-m", "m.gguf", "--trials", "trials.json", "-o", "v.gguf", "--heads", "2",
                  "--layer", "2"});
    ASSERT_EQ(r.code, 0) << r.err;
    const json fv = run_json({"show", "v.gguf"});
    EXPECT_EQ(fv.at("provenance").at("task"), "trials.json");
    EXPECT_EQ(fv.at("layer"), 2);
    EXPECT_EQ(fv.at("heads").size(), 2u);
    r = run({"extract", "icv", "-m", "m.gguf", "--pairs", "pairs.json", "-o", "i.gguf", "--alpha", "0.5"});
    ASSERT_EQ(r.code, 0) << r.err;
    EXPECT_EQ(run_json({"show", "i.gguf"}).at("scale"), 0.5);
    // The same again: the same bytes, in place of the old ones.
    const std::string before = slurp(folder.path() / "v.gguf");
    r = run({"extract", "fv", "-m", "m.gguf", "--trials", "trials.json", "-o", "v.gguf", "--heads", "2",
             "--layer", "2"});
    EXPECT_EQ(slurp(folder.path() / "v.gguf"), before);
}

TEST_F(CliFiles, BadTrialsAndPairs) {
    const std::string deep(100'000, '[');
    const std::vector<std::pair<std::string, const char*>> trials = {
        {R"({"patch": [{"prompt": "p", "target": " d"}]})", "mean"},
        {R"({"mean": ["p"]})", "patch"},
        {R"({"mean": [], "patch": [{"prompt": "p", "target": " d"}]})", "mean"},
        {R"({"mean": ["p"], "patch": []})", "patch"},
        {R"({"mean": ["p", 3], "patch": [{"prompt": "p", "target": " d"}]})", "mean[1]"},
        {R"({"mean": [""], "patch": [{"prompt": "p", "target": " d"}]})", "mean[0]"},
        {R"({"mean": ["p"], "patch": [{"prompt": "p"}]})", "target"},
        {R"({"mean": ["p"], "patch": [{"prompt": "p", "target": ["d"]}]})", "patch[0].target"},
        {R"({"mean": ["p"], "patch": [{"prompt": "p", "target": " d", "weight": "1"}]})", "3 keys"},
        {R"({"mean": ["p"], "patch": [{"prompt": "p", "target": " d"}], "seed": 0})", "unknown key \"seed\""},
        {R"({"mean": ["p"], "mean": ["q"], "patch": [{"prompt": "p", "target": " d"}]})", "twice"},
        {R"({"mean": ["p"], "patch": [{"prompt": "p", "target": " d", "target": " e"}]})", "twice"},
        {R"([])", "mean"},
        {R"({"mean": ["p"], "patch": [{"prompt": "p", "target": " d"}]} x)", "JSON"},
        {R"({"mean": ["p")", "JSON"},
        {"", "JSON"},
        {"{\"mean\": [\"\xff\"], \"patch\": []}", "JSON"},
        {deep, "deep"},
    };
    const auto before = names();
    const auto check = [&](const char* method, const char* flag, const std::string& text, const char* part) {
        folder.write("in.json", text);
        SCOPED_TRACE(text.substr(0, 100));
        expect_parts(refusal(3, {"extract", method, "-m", "m.gguf", flag, "in.json", "-o", "x.gguf"}),
                     {"in.json", part});
        fs::remove(folder.path() / "in.json");
        fs::remove_all(folder.path() / "cache");
        EXPECT_EQ(names(), before);
    };
    for (const auto& [text, part] : trials) check("fv", "--trials", text, part);
    const std::vector<std::pair<std::string, const char*>> pairs = {
        {R"([])", "at least one"},
        {R"({"negative": "a", "positive": "b"})", "list"},
        {R"([{"negative": "a"}])", "positive"},
        {R"([{"negative": "a", "positive": "b"}, {"negative": "a", "positive": ""}])", "pair 1"},
        {R"([{"negative": "a", "positive": 3}])", "pair 0.positive"},
        {R"([{"negative": "a", "positive": "b", "id": 1}])", "3 keys"},
        {R"([{"negative": "a", "negative": "c", "positive": "b"}])", "twice"},
        {R"(["a"])", "pair 0"},
        {"nothing", "JSON"},
        {deep, "deep"},
    };
    for (const auto& [text, part] : pairs) check("icv", "--pairs", text, part);
    expect_parts(refusal(4, {"extract", "icv", "-m", "m.gguf", "--pairs", "absent.json", "-o", "x.gguf"}),
                 {"absent.json"});
}

TEST_F(CliFiles, ExtractOutputThatCannotBeWritten) {
    folder.write("pairs.json", good_pairs);
    const auto arguments = [](const std::string& out) {
        return Arguments{"extract", "icv", "-m", "m.gguf", "--pairs", "pairs.json", "-o", out};
    };
    expect_parts(refusal(4, arguments("no/such/x.gguf")), {"no/such/x.gguf"});
    EXPECT_FALSE(is_there("no"));
    fs::create_directory(folder.path() / "folder");
    expect_parts(refusal(4, arguments("folder")), {"folder"});
    EXPECT_TRUE(fs::is_empty(folder.path() / "folder"));
    // A full disk: no part of a file stays, and what was there before is whole.
    ProgramOptions full = options;
    full.file_limit = 500;
    const auto before = names();
    expect_parts(refusal(4, arguments("x.gguf"), full), {"x.gguf", "File too large"});
    folder.write("x.gguf", "old");
    expect_parts(refusal(4, arguments("x.gguf"), full), {"x.gguf"});
    EXPECT_EQ(slurp(folder.path() / "x.gguf"), "old");
    fs::remove(folder.path() / "x.gguf");
    fs::remove_all(folder.path() / "cache");
    EXPECT_EQ(names(), before);
}

TEST_F(CliFiles, EvalComparesWithTheUnsteeredModel) {
    make_fv();
    const json result = run_json({"eval", "-m", "m.gguf", "-t", "twice", "--data-dir", "data", "--vector",
                                  "v.gguf:4", "--n-test", "5", "--threads", "1"});
    EXPECT_EQ(result.at("task"), "twice");
    EXPECT_EQ(result.at("n"), 5);
    for (const char* name : {"first_token", "first_word", "exact", "f1", "contains", "logprob", "rank"}) {
        SCOPED_TRACE(name);
        const auto& m = result.at("metrics").at(name);
        EXPECT_NEAR(m.at("difference").at("mean").get<double>(),
                    m.at("steered").at("mean").get<double>() - m.at("unsteered").at("mean").get<double>(),
                    1e-9);
        EXPECT_LE(m.at("steered").at("low"), m.at("steered").at("high"));
    }
    EXPECT_NE(result.at("metrics").at("logprob").at("difference").at("mean"), 0);
    const json zero = run_json({"eval", "-m", "m.gguf", "-t", "twice", "--data-dir", "data", "--vector",
                                "v.gguf:0", "--n-test", "5", "--threads", "1"});
    for (const auto& [name, m] : zero.at("metrics").items())
        EXPECT_EQ(m.at("difference").at("mean"), 0) << name;
    const json style = run_json({"eval", "-m", "m.gguf", "-t", "cheer", "--data-dir", "data", "--vector",
                                 "v.gguf", "--n-test", "3", "--threads", "1"});
    EXPECT_TRUE(style.at("metrics").contains("style"));
    EXPECT_TRUE(style.contains("scorer_accuracy"));
    const double rouge = style.at("metrics").at("rouge_l").at("unsteered").at("mean");
    EXPECT_GE(rouge, 0);
    EXPECT_LE(rouge, 1);
    EXPECT_FALSE(result.at("metrics").contains("rouge_l"));  // functional tasks have exact answers
}

// --- tasks, report
// -------------------------------------------------------------------------------------------

TEST_F(CliFiles, TasksAreListedAndShown) {
    const auto list = run({"tasks", "--data-dir", "data"});
    EXPECT_EQ(list.code, 0);
    expect_parts(list.out, {"twice", "functional", "cheer", "behavioural", "40", "tin -> tin tin"});
    const json all = run_json({"tasks", "--data-dir", "data"});
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].at("items"), 40);
    const json one = run_json({"tasks", "twice", "--data-dir", "data"});
    ASSERT_EQ(one.size(), 1u);
    EXPECT_EQ(one[0].at("list").size(), 40u);
    EXPECT_EQ(one[0].at("list")[0].at("input"), "tin");
    expect_parts(run({"tasks", "twice", "--data-dir", "data"}).out, {"pie\tpie pie"});
    EXPECT_GT(run_json({"tasks"}).size(), 10u);  // tiller's own
    expect_parts(refusal(2, {"tasks", "twize", "--data-dir", "data"}), {"twize", "twice"});
    expect_parts(refusal(2, {"tasks", "antonyms"}), {"antonym"});
}

TEST_F(CliFiles, BadTaskFiles) {
    const std::vector<std::pair<std::string, const char*>> bad = {
        {"", "JSON"},
        {"[]", "at least"},
        {R"([{"input": "a"}])", "output"},
        {R"([{"input": "a", "output": "b", "output": "c"}])", "output"},
        {R"([{"input": "a", "output": "b", "note": "c"}])", "note"},
        {R"([{"input": "a", "output": ""}])", "output"},
        {R"({"input": "a"})", "list"},
        {std::string(100'000, '['), "list"},
        {"[{\"input\": \"\xff\", \"output\": \"b\"}]", "UTF-8"},
    };
    for (const auto& [text, part] : bad) {
        SCOPED_TRACE(text.substr(0, 80));
        folder.write("bad.json", text);
        const std::string message = refusal(3, {"tasks", "bad.json"});
        expect_parts(message, {"bad.json"});
        if (std::string(part) != "at least") expect_parts(message, {part});
    }
    folder.write("bad.json", "[]");
    refusal(3, {"extract", "fv", "-m", "m.gguf", "-t", "bad.json", "-o", "x.gguf"});
    refusal(3, {"compare", "-m", "m.gguf", "-t", "bad.json", "-o", "run"});
    EXPECT_FALSE(is_there("x.gguf"));
    EXPECT_FALSE(is_there("run"));
}

TEST_F(CliFiles, ReportRebuildsTheSameBytes) {
    folder.write("my plan.toml", plan_toml(test::tiny_plan("m.gguf", "data")));
    const auto study =
        run({"compare", "--plan", "my plan.toml", "-o", "run", "--threads", "1", "--quiet", "--json"});
    ASSERT_EQ(study.code, 0) << study.err;
    // What a reader would type to repeat it.
    EXPECT_EQ(json::parse(slurp(folder.path() / "run/environment.json")).at("command"),
              "tiller compare --plan 'my plan.toml' --out run --threads 1 --json --quiet");
    EXPECT_EQ(study.err, "");
    EXPECT_EQ(json::parse(study.out), json::parse(slurp(folder.path() / "run/summary.json")));
    std::map<std::string, std::string> before;
    for (const char* file : {"summary.json", "report.html", "report.md", "report.json", "results.csv"}) {
        before[file] = slurp(folder.path() / "run" / file);
        EXPECT_FALSE(before[file].empty()) << file;
        fs::remove(folder.path() / "run" / file);
    }
    const auto result = run({"report", "run"});
    EXPECT_EQ(result.code, 0) << result.err;
    EXPECT_EQ(result.out, "");
    for (const auto& [file, bytes] : before) EXPECT_EQ(slurp(folder.path() / "run" / file), bytes) << file;
    EXPECT_EQ(run({"report", "run", "--format", "csv"}).out, before["results.csv"]);
    EXPECT_EQ(run({"report", "run", "--format", "html"}).out, before["report.html"]);
    EXPECT_EQ(run({"report", "run", "--format", "markdown"}).out, before["report.md"]);
    EXPECT_EQ(json::parse(run({"report", "run", "--json"}).out), json::parse(before["report.json"]));
    expect_parts(refusal(4, {"report", "absent"}), {"absent"});
    fs::create_directory(folder.path() / "empty");
    refusal(4, {"report", "empty"});
    EXPECT_TRUE(fs::is_empty(folder.path() / "empty"));
}

TEST_F(CliFiles, ThePapersProtocol) {
    const auto plan = run({"compare", "--protocol", "paper", "--print-plan"});
    ASSERT_EQ(plan.code, 0) << plan.err;
    expect_parts(plan.out, {"protocol = \"paper\"", "[paper]", "shots = [0, 3]", "temperature = 0.1"});
    folder.write("p.toml", plan.out);
    EXPECT_EQ(run({"compare", "--plan", "p.toml", "--print-plan"}).out, plan.out);
    EXPECT_EQ(run({"compare", "--plan", "p.toml", "--protocol", "paper", "--print-plan"}).out, plan.out);
    expect_parts(refusal(2, {"compare", "--plan", "p.toml", "--protocol", "tuned"}),
                 {"--protocol tuned", "p.toml", "\"paper\""});
    refusal(2, {"compare", "--protocol", "papers"});
    expect_parts(refusal(3, {"compare", "--protocol", "paper", "--seed", "4294967296"}), {"seeds"});
}

TEST_F(CliFiles, ComparePlansArePrintedAndRead) {
    const auto plan = run({"compare", "--print-plan"});
    EXPECT_EQ(plan.code, 0);
    EXPECT_EQ(plan.out, plan_toml(default_plan("tuned")));
    folder.write("p.toml", plan.out);
    EXPECT_EQ(run({"compare", "--plan", "p.toml", "--print-plan"}).out, plan.out);
    const auto changed = run({"compare", "--plan", "p.toml", "--print-plan", "--n-test", "7", "--seed", "3",
                              "-t", "antonym", "--no-controls"});
    expect_parts(changed.out, {"n_test = 7", "seeds = [3]", "tasks = [\"antonym\"]", "controls = false"});
    folder.write("p.toml", "n_tset = 3\n");
    expect_parts(refusal(3, {"compare", "--plan", "p.toml"}), {"p.toml", "line 1", "n_tset"});
    expect_parts(refusal(4, {"compare", "--plan", "absent.toml"}), {"absent.toml"});
    expect_parts(refusal(3, {"compare", "--print-plan", "--seed", "18446744073709551615"}), {"seeds"});
}

}  // namespace
}  // namespace tiller

// The program as a user meets it: output, exit codes, and that nothing is written when something is wrong.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "support/run_program.h"
#include "support/tiny_model.h"
#include "support/tiny_study.h"

namespace tiller {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::expect_parts;
using test::ProgramOptions;
using test::ProgramResult;
using test::slurp;
using Arguments = std::vector<std::string>;

class Cli : public testing::Test {
protected:
    void SetUp() override {
        options.folder = folder.path();
        options.environment = {{"TILLER_CACHE_DIR", (folder.path() / "cache").string()}};
        fs::copy_file(test::make_tiny_model(), folder.path() / "m.gguf");
        test::write_tasks(folder);
    }
    ProgramResult run(const Arguments& arguments) const { return test::run_program(arguments, options); }
    /// Runs what must fail: the message, with nothing on standard output.
    std::string refusal(int code, const Arguments& arguments) const { return refusal(code, arguments, options); }
    static std::string refusal(int code, const Arguments& arguments, const ProgramOptions& how) {
        const auto result = test::run_program(arguments, how);
        EXPECT_EQ(result.code, code) << testing::PrintToString(arguments) << "\n" << result.err;
        EXPECT_EQ(result.out, "") << testing::PrintToString(arguments);
        EXPECT_FALSE(result.err.empty());
        return result.err;
    }
    json run_json(Arguments arguments) const {
        arguments.push_back("--json");
        const auto result = run(arguments);
        EXPECT_EQ(result.code, 0) << testing::PrintToString(arguments) << "\n" << result.err;
        const auto value = json::parse(result.out, nullptr, false);
        EXPECT_FALSE(value.is_discarded()) << result.out.substr(0, 400);
        return value;
    }
    void make_fv(const std::string& name = "v.gguf", const std::string& model = "m.gguf") const {
        const auto r = run({"extract", "fv", "-m", model, "-t", "data/functional/twice.json", "-o", name, "--shots", "2", "--n-mean", "4", "--n-patch",
                            "2", "--heads", "3", "--scale", "2", "--threads", "1"});
        ASSERT_EQ(r.code, 0) << r.err;
    }
    void make_icv(const std::string& name = "i.gguf") const {
        const auto r = run({"extract", "icv", "-m", "m.gguf", "-t", "data/behavioural/cheer.json", "-o", name, "--n-pairs", "4", "--threads", "1"});
        ASSERT_EQ(r.code, 0) << r.err;
    }
    void make_model(const std::string& name, const test::TinyOptions& tiny) const { fs::copy_file(test::make_tiny_model(tiny), folder.path() / name); }
    bool is_there(const std::string& name) const { return fs::exists(folder.path() / name); }
    std::set<std::string> names() const {
        std::set<std::string> all;
        for (const auto& entry : fs::directory_iterator(folder.path())) all.insert(entry.path().filename().string());
        return all;
    }

    test::ScratchFolder folder;
    ProgramOptions options;
};

// --- The program itself --------------------------------------------------------------------------------------

TEST_F(Cli, WithoutArgumentsItExplainsItself) {
    const auto result = run({});
    EXPECT_EQ(result.code, 0);
    EXPECT_EQ(result.err, "");
    expect_parts(result.out, {"compare", "extract", "generate", "next", "eval", "show", "report", "tasks", "models", "Exit codes"});
    EXPECT_EQ(run({"--help"}).out, result.out);
    expect_parts(run({"extract", "fv", "--help"}).out, {"--trials", "--heads"});
}

TEST_F(Cli, Version) {
    const auto result = run({"--version"});
    EXPECT_EQ(result.code, 0);
    expect_parts(result.out, {"tiller ", "engine"});
}

TEST_F(Cli, WrongUsageIsTwo) {
    expect_parts(refusal(2, {"steer"}), {"steer"});
    expect_parts(refusal(2, {"next", "-m", "m.gguf", "-p", "x", "--tops", "3"}), {"--tops"});
    expect_parts(refusal(2, {"next", "-m", "m.gguf"}), {"--prompt"});
    expect_parts(refusal(2, {"next", "-m", "m.gguf", "-p", "x", "--top", "0"}), {"--top"});
    expect_parts(refusal(2, {"next", "-m", "m.gguf", "-p", "x", "--cache-type", "q8"}), {"--cache-type"});
    expect_parts(refusal(2, {"generate", "-m", "m.gguf", "-p", "x", "--temperature", "-1"}), {"--temperature"});
    expect_parts(refusal(2, {"extract"}), {"subcommand"});
    expect_parts(refusal(2, {"extract", "fv", "-m", "m.gguf", "-o", "x.gguf"}), {"--task", "--trials"});
    expect_parts(refusal(2, {"extract", "icv", "-m", "m.gguf", "-o", "x.gguf", "-t", "a", "--pairs", "b"}), {"--pairs"});
    expect_parts(refusal(2, {"extract", "fv", "-m", "m.gguf", "-o", "x.gguf", "-t", "data/functional/twice.json", "--layer", "3"}), {"layers 0 to 2"});
    expect_parts(refusal(2, {"extract", "fv", "-m", "m.gguf", "-o", "x.gguf", "-t", "data/functional/twice.json", "--heads", "13"}), {"12 heads"});
    expect_parts(refusal(2, {"extract", "fv", "-m", "m.gguf", "-o", "x.gguf", "-t", "data/functional/twice.json", "--scale", "nan"}), {"--scale"});
    expect_parts(refusal(2, {"compare", "--method", "lora"}), {"lora", "icv"});
    expect_parts(refusal(2, {"report", "run", "--format", "pdf"}), {"--format"});
    EXPECT_FALSE(is_there("x.gguf"));
}

TEST_F(Cli, ErrorsAreJsonWhenJsonIsAskedFor) {
    const auto error = json::parse(refusal(4, {"next", "-m", "absent.gguf", "-p", "x", "--json"}));
    EXPECT_EQ(error.at("error").at("code"), "missing");
    expect_parts(error.at("error").at("message").get<std::string>(), {"absent.gguf"});
}

TEST_F(Cli, OutputThatCannotBeWritten) {
    ProgramOptions full = options;
    full.standard_output = "/dev/full";
    for (const Arguments& arguments : {Arguments{"tasks"}, {"--help"}, {"--version"}, {}, {"next", "-m", "m.gguf", "-p", "x", "--json"}})
        expect_parts(refusal(4, arguments, full), {"standard output", "No space left"});
}

TEST_F(Cli, AReaderThatHasGoneIsNoError) {
    ProgramOptions closed = options;
    closed.closed_output = true;
    for (const Arguments& arguments : {Arguments{"tasks"}, {"--help"}, {"next", "-m", "m.gguf", "-p", "x", "--json"}}) {
        const auto result = test::run_program(arguments, closed);
        EXPECT_EQ(result.signal, 0);
        EXPECT_EQ(result.code, 0) << result.err;
    }
}

// --- Models --------------------------------------------------------------------------------------------------

TEST_F(Cli, BadModels) {
    expect_parts(refusal(4, {"next", "-m", "absent.gguf", "-p", "x"}), {"absent.gguf"});
    expect_parts(refusal(4, {"next", "-m", "gemma3-270m", "-p", "x"}), {"tiller models get gemma3-270m"});
    expect_parts(refusal(4, {"next", "-m", "gemma", "-p", "x"}), {"gemma"});
    fs::copy_file(folder.path() / "m.gguf", folder.path() / "cut.gguf");
    fs::resize_file(folder.path() / "cut.gguf", fs::file_size(folder.path() / "m.gguf") - 1000);
    expect_parts(refusal(3, {"next", "-m", "cut.gguf", "-p", "x"}), {"cut.gguf", "truncated"});
    folder.write("text.gguf", "no model at all");
    expect_parts(refusal(3, {"next", "-m", "text.gguf", "-p", "x"}), {"text.gguf"});
    folder.write("empty.gguf", "");
    expect_parts(refusal(3, {"next", "-m", "empty.gguf", "-p", "x"}), {"empty.gguf"});
    make_fv();
    expect_parts(refusal(3, {"next", "-m", "v.gguf", "-p", "x"}), {"v.gguf", "steering vector", "--vector"});
    expect_parts(refusal(3, {"next", "-m", "m.gguf", "-p", "x", "--vector", "m.gguf"}), {"m.gguf"});
    expect_parts(refusal(4, {"next", "-m", "m.gguf", "-p", "x", "--vector", "absent.gguf"}), {"absent.gguf"});
}

// --- next, generate ------------------------------------------------------------------------------------------

TEST_F(Cli, NextTokensAreADistribution) {
    make_fv();
    make_icv();
    std::set<std::string> distributions;
    for (const Arguments& vectors :
         {Arguments{}, {"--vector", "v.gguf:-1.5"}, {"--vector", "v.gguf"}, {"--vector", "v.gguf:-1.5", "--vector", "i.gguf:0.25"}}) {
        Arguments arguments = {"next", "-m", "m.gguf", "-p", "Q: the cat\nA:", "--top", "300", "--threads", "1"};
        arguments.insert(arguments.end(), vectors.begin(), vectors.end());
        const json result = run_json(arguments);
        ASSERT_EQ(result.size(), 1u);
        const auto& tokens = result.at("tokens");
        EXPECT_GT(tokens.size(), 250u);  // the whole vocabulary
        double sum = 0, before = 0;
        std::set<int> ids;
        for (const auto& t : tokens) {
            ASSERT_EQ(t.size(), 3u);
            const double logprob = t.at("logprob");
            EXPECT_LE(logprob, before);
            before = logprob;
            sum += std::exp(logprob);
            EXPECT_TRUE(ids.insert(t.at("id").get<int>()).second);
            EXPECT_TRUE(t.at("text").is_string());
        }
        EXPECT_NEAR(sum, 1, 1e-4);
        EXPECT_TRUE(distributions.insert(tokens.dump()).second) << "the vectors change nothing";
    }
    EXPECT_EQ(run_json({"next", "-m", "m.gguf", "-p", "x", "--top", "3"}).at("tokens").size(), 3u);
    EXPECT_EQ(run_json({"next", "-m", "m.gguf", "-p", "x"}).at("tokens").size(), 10u);
}

// The number behind the last colon is the strength; without it the file's own counts.
TEST_F(Cli, StrengthBehindTheColon) {
    make_fv();
    const auto next = [&](const std::string& vector) { return run_json({"next", "-m", "m.gguf", "-p", "x", "--threads", "1", "--vector", vector}); };
    EXPECT_EQ(next("v.gguf"), next("v.gguf:2"));
    EXPECT_NE(next("v.gguf"), next("v.gguf:1"));
    EXPECT_EQ(next("v.gguf:0"), run_json({"next", "-m", "m.gguf", "-p", "x", "--threads", "1"}));
    expect_parts(refusal(2, {"next", "-m", "m.gguf", "-p", "x", "--vector", "v.gguf:inf"}), {"scale", "finite"});
    expect_parts(refusal(4, {"next", "-m", "m.gguf", "-p", "x", "--vector", "v.gguf:strong"}), {"v.gguf:strong"});
}

TEST_F(Cli, VectorOfAnotherModel) {
    make_fv();
    test::TinyOptions tiny;
    tiny.seed = 5;
    make_model("other.gguf", tiny);
    expect_parts(refusal(3, {"next", "-m", "other.gguf", "-p", "x", "--vector", "v.gguf"}), {"model_digest"});
    const json forced = run_json({"next", "-m", "other.gguf", "-p", "x", "--vector", "v.gguf", "--force"});
    EXPECT_NE(forced, run_json({"next", "-m", "other.gguf", "-p", "x"}));
    tiny.n_embd = 64;
    make_model("wide.gguf", tiny);
    expect_parts(refusal(3, {"next", "-m", "wide.gguf", "-p", "x", "--vector", "v.gguf"}), {"n_embd", "48", "64"});
    expect_parts(refusal(3, {"next", "-m", "wide.gguf", "-p", "x", "--vector", "v.gguf", "--force"}), {"n_embd"});
    tiny.n_embd = 48;
    tiny.n_layer = 2;
    make_model("flat.gguf", tiny);
    expect_parts(refusal(3, {"generate", "-m", "flat.gguf", "-p", "x", "--vector", "v.gguf", "--force"}), {"n_layer"});
}

TEST_F(Cli, GenerateIsTheSameTwice) {
    make_fv();
    const Arguments arguments = {"generate", "-m", "m.gguf", "-p", "the cat", "-p", "Q:", "-n", "12", "--threads", "1", "--vector", "v.gguf:8"};
    const auto a = run(arguments), b = run(arguments);
    EXPECT_EQ(a.code, 0) << a.err;
    EXPECT_EQ(a.out, b.out);
    expect_parts(a.out, {"the cat", "Q:"});
    Arguments compare = arguments;
    compare.push_back("--compare");
    expect_parts(run(compare).out, {"[unsteered] the cat", "[steered]   the cat"});
    const json all = run_json(compare);
    ASSERT_EQ(all.size(), 4u);
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(all[i].at("steered"), i % 2 == 1);
        EXPECT_EQ(all[i].at("prompt"), i < 2 ? "the cat" : "Q:");
        EXPECT_LE(all[i].at("tokens").size(), 12u);
        EXPECT_FALSE(all[i].at("broken"));
    }
    EXPECT_NE(all[0].at("tokens"), all[1].at("tokens"));
    const json plain = run_json({"generate", "-m", "m.gguf", "-p", "the cat", "-n", "12", "--threads", "1"});
    EXPECT_EQ(plain[0].at("tokens"), all[0].at("tokens"));
}

TEST_F(Cli, SamplesDifferBySeed) {
    const Arguments arguments = {"generate", "-m", "m.gguf", "-p", "the", "-n", "12", "--temperature", "1", "--samples", "3", "--seed", "4"};
    const json a = run_json(arguments);
    ASSERT_EQ(a.size(), 3u);
    EXPECT_NE(a[0].at("tokens"), a[1].at("tokens"));
    EXPECT_EQ(run_json(arguments), a);
    expect_parts(refusal(3, {"generate", "-m", "m.gguf", "-p", "the", "-n", "5000"}), {"512"});
}

// --- extract, show, eval -------------------------------------------------------------------------------------

TEST_F(Cli, ShowHasTheDocumentedFields) {
    make_fv();
    make_icv();
    const json fv = run_json({"show", "v.gguf"});
    std::set<std::string> keys;
    for (const auto& [key, value] : fv.items()) keys.insert(key);
    EXPECT_EQ(keys, (std::set<std::string>{"aie", "direction", "heads", "layer", "mean_head_output", "method", "operation", "positions", "provenance",
                                           "scale", "site"}));
    EXPECT_EQ(fv.at("method"), "fv");
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
        EXPECT_EQ(h.at("aie"), fv.at("aie")[h.at("layer").get<std::size_t>()][h.at("head").get<std::size_t>()]);
        if (i > 0) EXPECT_LE(h.at("aie").get<double>(), fv.at("heads")[i - 1].at("aie").get<double>());
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

constexpr const char* good_trials = R"({"mean": ["Q: a\nA: b\n\nQ: c\nA:"], "patch": [{"prompt": "Q: a\nA: c\n\nQ: c\nA:", "target": " d"}]})";
constexpr const char* good_pairs = R"([{"negative": "a bad day", "positive": "a good day"}, {"negative": "cold", "positive": "hot"}])";

TEST_F(Cli, ExtractFromFiles) {
    folder.write("trials.json", good_trials);
    folder.write("pairs.json", good_pairs);
    auto r = run({"extract", "fv", "-m", "m.gguf", "--trials", "trials.json", "-o", "v.gguf", "--heads", "2", "--layer", "2"});
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
    r = run({"extract", "fv", "-m", "m.gguf", "--trials", "trials.json", "-o", "v.gguf", "--heads", "2", "--layer", "2"});
    EXPECT_EQ(slurp(folder.path() / "v.gguf"), before);
}

TEST_F(Cli, BadTrialsAndPairs) {
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
        {R"({"mean": ["p"], "patch": [{"prompt": "p", "target": " d"}], "seed": 0})", "3 keys"},
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
        expect_parts(refusal(3, {"extract", method, "-m", "m.gguf", flag, "in.json", "-o", "x.gguf"}), {"in.json", part});
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
    expect_parts(refusal(4, {"extract", "icv", "-m", "m.gguf", "--pairs", "absent.json", "-o", "x.gguf"}), {"absent.json"});
}

TEST_F(Cli, ExtractOutputThatCannotBeWritten) {
    folder.write("pairs.json", good_pairs);
    const auto arguments = [](const std::string& out) { return Arguments{"extract", "icv", "-m", "m.gguf", "--pairs", "pairs.json", "-o", out}; };
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

TEST_F(Cli, EvalComparesWithTheUnsteeredModel) {
    make_fv();
    const json result = run_json({"eval", "-m", "m.gguf", "-t", "twice", "--data-dir", "data", "--vector", "v.gguf:4", "--n-test", "5", "--threads", "1"});
    EXPECT_EQ(result.at("task"), "twice");
    EXPECT_EQ(result.at("n"), 5);
    for (const char* name : {"first_token", "first_word", "exact", "f1", "contains", "logprob", "rank"}) {
        SCOPED_TRACE(name);
        const auto& m = result.at("metrics").at(name);
        EXPECT_NEAR(m.at("difference").at("mean").get<double>(), m.at("steered").at("mean").get<double>() - m.at("unsteered").at("mean").get<double>(), 1e-9);
        EXPECT_LE(m.at("steered").at("low"), m.at("steered").at("high"));
    }
    EXPECT_NE(result.at("metrics").at("logprob").at("difference").at("mean"), 0);
    const json zero = run_json({"eval", "-m", "m.gguf", "-t", "twice", "--data-dir", "data", "--vector", "v.gguf:0", "--n-test", "5", "--threads", "1"});
    for (const auto& [name, m] : zero.at("metrics").items()) EXPECT_EQ(m.at("difference").at("mean"), 0) << name;
    const json style = run_json({"eval", "-m", "m.gguf", "-t", "cheer", "--data-dir", "data", "--vector", "v.gguf", "--n-test", "3", "--threads", "1"});
    EXPECT_TRUE(style.at("metrics").contains("style"));
    EXPECT_TRUE(style.contains("scorer_accuracy"));
}

// --- tasks, report -------------------------------------------------------------------------------------------

TEST_F(Cli, TasksAreListedAndShown) {
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
    expect_parts(refusal(4, {"tasks", "twize", "--data-dir", "data"}), {"twize", "twice"});
    expect_parts(refusal(4, {"tasks", "antonyms"}), {"antonym"});
}

TEST_F(Cli, BadTaskFiles) {
    const std::vector<std::pair<std::string, const char*>> bad = {
        {"", "JSON"}, {"[]", "at least"}, {R"([{"input": "a"}])", "output"}, {R"([{"input": "a", "output": "b", "output": "c"}])", "output"},
        {R"([{"input": "a", "output": "b", "note": "c"}])", "note"}, {R"([{"input": "a", "output": ""}])", "output"}, {R"({"input": "a"})", "list"},
        {std::string(1000, '['), "deep"}, {"[{\"input\": \"\xff\", \"output\": \"b\"}]", "UTF-8"},
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

TEST_F(Cli, ReportRebuildsTheSameBytes) {
    folder.write("plan.toml", plan_toml(test::tiny_plan("m.gguf", "data")));
    const auto study = run({"compare", "--plan", "plan.toml", "-o", "run", "--threads", "1", "--quiet", "--json"});
    ASSERT_EQ(study.code, 0) << study.err;
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

TEST_F(Cli, ComparePlansArePrintedAndRead) {
    const auto plan = run({"compare", "--print-plan"});
    EXPECT_EQ(plan.code, 0);
    EXPECT_EQ(plan.out, plan_toml(Plan{}));
    folder.write("p.toml", plan.out);
    EXPECT_EQ(run({"compare", "--plan", "p.toml", "--print-plan"}).out, plan.out);
    const auto changed = run({"compare", "--plan", "p.toml", "--print-plan", "--n-test", "7", "--seed", "3", "-t", "antonym", "--no-controls"});
    expect_parts(changed.out, {"n_test = 7", "seeds = [3]", "tasks = [\"antonym\"]", "controls = false"});
    folder.write("p.toml", "n_tset = 3\n");
    expect_parts(refusal(3, {"compare", "--plan", "p.toml"}), {"p.toml", "line 1", "n_tset"});
    expect_parts(refusal(4, {"compare", "--plan", "absent.toml"}), {"absent.toml"});
    expect_parts(refusal(3, {"compare", "--print-plan", "--seed", "18446744073709551615"}), {"seeds"});
}

}  // namespace
}  // namespace tiller

// From a verdict to use: vectors of any method, and those that a comparison chose.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "support/cli_test.h"
#include "tiller/method.h"
#include "tiller/vector.h"

namespace tiller {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::Arguments;
using test::expect_parts;
using test::slurp;

constexpr const char* twice = "data/functional/twice.json";
constexpr const char* cheer = "data/behavioural/cheer.json";

class CliWinners : public test::CliTest {
protected:
    // A small comparison of two methods on both tasks, in the folder "run".
    test::ProgramResult compare(const std::vector<std::string>& methods = {"fv", "task-vector"}) const {
        Plan plan = test::tiny_plan("m.gguf", "data");
        plan.methods = methods;
        plan.max_new_tokens = Plan().max_new_tokens;  // `extract --tuned` has the usual lengths
        plan.max_new_tokens_behavioural = Plan().max_new_tokens_behavioural;
        folder.write("p.toml", plan_toml(plan));
        const auto result =
            run({"compare", "--plan", "p.toml", "-o", "run", "--threads", "1", "--quiet", "--no-check"});
        EXPECT_EQ(result.code, 0) << result.err;
        return result;
    }
    // An extraction with the counts of that comparison.
    static Arguments extract(const std::string& method, const std::string& task, const Arguments& more) {
        const bool behavioural = task == cheer;
        Arguments out = {"extract", method, "-m", "m.gguf", "-t", task, "--threads", "1", "--no-check"};
        const Method& of = find_method(method);
        const auto counts = of.counts();
        const auto add = [&](const char* count, const char* flag, const char* value) {
            if (std::find(counts.begin(), counts.end(), count) != counts.end())
                out.insert(out.end(), {flag, value});
        };
        add("n_mean", "--n-mean", behavioural ? "4" : "5");
        add("n_patch", "--n-patch", behavioural ? "2" : "3");
        add("n_shot", "--shots", behavioural ? "1" : "2");
        add("n_pairs", "--n-pairs", "5");
        out.insert(out.end(), more.begin(), more.end());
        return out;
    }
    SteeringVector vector(const std::string& name) const { return load_vector(folder.path() / name); }
    // "layer 2, scale 1" of a winner as names and values.
    static std::vector<std::pair<std::string, std::string>> setting_of(const SteeringVector& winner) {
        std::vector<std::pair<std::string, std::string>> out;
        std::istringstream words(winner.provenance.settings.at("winner.setting"));
        for (std::string name, value; words >> name >> value;) {
            if (value.ends_with(',')) value.pop_back();
            out.emplace_back(name, value);
        }
        return out;
    }
};

void expect_same_vector(const SteeringVector& a, const SteeringVector& b) {
    EXPECT_EQ(a.directions, b.directions);
    EXPECT_EQ(a.scale, b.scale);
    EXPECT_EQ(a.site, b.site);
    EXPECT_EQ(a.operation, b.operation);
    EXPECT_EQ(a.positions, b.positions);
    EXPECT_EQ(a.extraction, b.extraction);
}

// --- extract

TEST_F(CliWinners, EveryMethodIsExtractedReadyToUse) {
    ModelInfo shape;
    shape.n_layer = 2;
    shape.n_head = {2, 2};
    for (const Method* method : methods()) {
        SCOPED_TRACE(method->name());
        const auto made = run(extract(method->name(), twice, {}));
        ASSERT_EQ(made.code, 0) << made.err;
        const std::string file = "twice-" + method->name() + ".gguf";
        expect_parts(made.err, {file.c_str(), "tiller generate -m m.gguf --vector"});
        const auto v = vector(file);
        EXPECT_FALSE(v.extraction);
        EXPECT_EQ(v.method, method->name());
        EXPECT_EQ(v.provenance.task, "twice");
        EXPECT_EQ(v.provenance.settings.at("checked"), "false");
        EXPECT_EQ(run_json({"generate", "-m", "m.gguf", "-p", "Q: tin\nA:", "--vector", file}).size(), 1u);
        const std::string help = run({"extract", method->name(), "--help"}).out;
        expect_parts(help, {"--set", "--tuned", "The paper's setting"});
        for (const auto& field : setting_fields(*method, shape, 100))
            expect_parts(help, {("\n  " + field.name).c_str(), field.meaning.c_str()});
        // Without -o nothing is overwritten.
        expect_parts(refusal(2, extract(method->name(), twice, {})), {file.c_str(), "-o"});
    }
}

TEST_F(CliWinners, SettingsAreGivenByName) {
    const auto made = run(extract("task-vector", twice, {"--set", "layer=2", "-o", "t.gguf"}));
    ASSERT_EQ(made.code, 0) << made.err;
    ASSERT_EQ(vector("t.gguf").directions.size(), 1u);
    EXPECT_TRUE(vector("t.gguf").directions.contains(2));
    // The older names are the same.
    ASSERT_EQ(
        run(extract("fv", twice, {"--heads", "2", "--layer", "2", "--scale", "4", "-o", "a.gguf"})).code, 0);
    ASSERT_EQ(run(extract("fv", twice,
                          {"--set", "heads=2", "--set", "layer=2", "--set", "scale=4", "-o", "b.gguf"}))
                  .code,
              0);
    EXPECT_EQ(slurp(folder.path() / "a.gguf"), slurp(folder.path() / "b.gguf"));
    EXPECT_EQ(vector("a.gguf").heads.size(), 2u);
    // The paper's rule, not 20: ceil(12 / 51.2).
    ASSERT_EQ(run(extract("fv", twice, {"-o", "c.gguf"})).code, 0);
    EXPECT_EQ(vector("c.gguf").heads.size(), 1u);
    ASSERT_EQ(
        run(extract("icv", twice, {"--set", "layer_begin=1", "--set", "alpha=0.5", "-o", "i.gguf"})).code, 0);
    EXPECT_EQ(vector("i.gguf").directions.size(), 2u);
    EXPECT_EQ(vector("i.gguf").scale, 0.5f);
    ASSERT_EQ(run(extract("mean-diff", twice, {"--set", "layer=0", "-o", "m2.gguf"})).code, 0);
    const auto before = names();
    const auto refused = [&](const char* method, const Arguments& more) {
        return refusal(2, extract(method, twice, more));
    };
    expect_parts(refused("task-vector", {"--set", "scale=2", "-o", "x.gguf"}), {"\"scale\"", "it has layer"});
    expect_parts(refused("task-vector", {"--set", "layer=3", "-o", "x.gguf"}), {"layer = 3", "0 to 2"});
    expect_parts(refused("fv", {"--set", "layer", "-o", "x.gguf"}), {"--set layer", "NAME=VALUE"});
    expect_parts(refused("fv", {"--set", "layer=1x", "-o", "x.gguf"}), {"layer=1x"});
    expect_parts(refused("fv", {"--set", "layer=1", "--set", "layer=2", "-o", "x.gguf"}), {"twice"});
    expect_parts(refused("fv", {"--set", "layer=1", "--layer", "2", "-o", "x.gguf"}), {"twice", "--layer"});
    expect_parts(refused("fv", {"--set", "layer=1", "--tuned", "-o", "x.gguf"}), {"--tuned"});
    EXPECT_EQ(names(), before);
}

TEST_F(CliWinners, PairsOfAFileForMethodsThatReadPairs) {
    folder.write("pairs.json", R"([{"negative": "a bad day", "positive": "a good day"},
                                   {"negative": "cold", "positive": "hot"}, {"negative": "red", "positive": "sun"}])");
    for (const Method* method : methods()) {
        const auto counts = method->counts();
        const bool reads_pairs = std::find(counts.begin(), counts.end(), "n_pairs") != counts.end();
        const Arguments arguments = {"extract",    method->name(), "-m", "m.gguf",    "--pairs",
                                     "pairs.json", "--threads",    "1",  "--no-check"};
        SCOPED_TRACE(method->name());
        if (!reads_pairs) {
            expect_parts(refusal(2, arguments), {"--pairs"});
            continue;
        }
        const auto made = run(arguments);
        ASSERT_EQ(made.code, 0) << made.err;
        const auto v = vector("pairs-" + method->name() + ".gguf");
        EXPECT_EQ(v.provenance.task, "pairs.json");
        EXPECT_FALSE(v.extraction);
        expect_parts(refusal(2, {"extract", method->name(), "-m", "m.gguf", "--pairs", "pairs.json",
                                 "--tuned", "-o", "x.gguf"}),
                     {"--tuned", "--task"});
    }
    // The texts as they are, all of them: the mean over the three pairs.
    EXPECT_EQ(vector("pairs-mean-diff.gguf").provenance.settings.at("pairs"), "3");
    EXPECT_EQ(vector("pairs-mean-diff.gguf").provenance.settings.at("input.texts"), "6");
}

// The same pairs in every form that a file may have.
TEST_F(CliWinners, PairsOfTablesLinesAndTwoFiles) {
    folder.write(
        "p.json",
        R"([{"negative": "a bad, cold day", "positive": "a good day"}, {"negative": "red", "positive": "sun"}])");
    folder.write("p.jsonl", R"({"negative": "a bad, cold day", "positive": "a good day"})"
                            "\n"
                            R"({"positive": "sun", "negative": "red"})");
    folder.write("p.csv", "positive,negative\na good day,\"a bad, cold day\"\nsun,red\n");
    folder.write("p.tsv", "negative\tpositive\r\na bad, cold day\ta good day\r\nred\tsun\r\n");
    folder.write("bad.txt", "a bad, cold day\nred\n");
    folder.write("good.txt", "a good day\nsun");
    const auto from = [&](const Arguments& files) {
        Arguments arguments = {"extract", "mean-diff", "-m", "m.gguf",    "-o",
                               "v.gguf",  "--threads", "1",  "--no-check"};
        arguments.insert(arguments.end(), files.begin(), files.end());
        return arguments;
    };
    std::vector<SteeringVector> made;
    for (const Arguments& files : {Arguments{"--pairs", "p.json"},
                                   {"--pairs", "p.jsonl"},
                                   {"--pairs", "p.csv"},
                                   {"--pairs", "p.tsv"},
                                   {"--positive", "good.txt", "--negative", "bad.txt"}}) {
        const auto result = run(from(files));
        ASSERT_EQ(result.code, 0) << result.err;
        made.push_back(vector("v.gguf"));
        EXPECT_EQ(made.back().directions, made.front().directions) << files.back();
        EXPECT_EQ(made.back().provenance.prompts_digest, made.front().provenance.prompts_digest);
    }
    std::filesystem::remove(folder.path() / "v.gguf");
    folder.write("one.csv", "positive\nx\n");
    expect_parts(refusal(3, from({"--pairs", "one.csv"})), {"one.csv", "\"negative\""});
    folder.write("gap.csv", "positive,negative\nx,\n");
    expect_parts(refusal(3, from({"--pairs", "gap.csv"})), {"gap.csv", "line 2", "empty"});
    folder.write("quote.csv", "positive,negative\n\"x,y\n");
    expect_parts(refusal(3, from({"--pairs", "quote.csv"})), {"quote.csv", "line 2", "does not end"});
    folder.write("short.txt", "a good day\n");
    expect_parts(refusal(3, from({"--positive", "short.txt", "--negative", "bad.txt"})),
                 {"short.txt has 1 texts", "bad.txt has 2"});
    folder.write("blank.txt", "a\n\n");  // blank lines are no texts
    expect_parts(refusal(3, from({"--positive", "blank.txt", "--negative", "bad.txt"})),
                 {"blank.txt has 1 texts"});
    expect_parts(refusal(2, from({"--positive", "good.txt"})), {"--negative"});
    EXPECT_FALSE(is_there("v.gguf"));
}

TEST_F(CliWinners, ATaskFileIsTakenForWhatIsSaid) {
    std::string rows = "input,output\n";
    for (const std::string w : test::kWords)
        rows += "the " + w + " is bad,\"a " + w + " is good, we love it\"\n";
    folder.write("mine.csv", rows);
    const Arguments extract = {"extract", "mean-diff", "-m",        "m.gguf", "-o",        "v.gguf",
                               "-t",      "mine.csv",  "--threads", "1",      "--no-check"};
    auto said = extract;
    said.insert(said.end(), {"--family", "behavioural"});
    const auto guessed = run(extract);
    ASSERT_EQ(guessed.code, 0) << guessed.err;
    expect_parts(guessed.err, {"mine: taken for a functional task", "nothing says", "--family"});
    const auto first = vector("v.gguf");
    const auto made = run(said);
    ASSERT_EQ(made.code, 0) << made.err;
    EXPECT_EQ(made.err.find("taken for"), std::string::npos);
    EXPECT_NE(vector("v.gguf").directions, first.directions) << "pairs of styles are other pairs";
    EXPECT_TRUE(run_json({"eval", "-m", "m.gguf", "-t", "mine.csv", "--family", "behavioural", "--vector",
                          "v.gguf", "--n-test", "3", "--threads", "1"})
                    .at("metrics")
                    .contains("style"));
    expect_parts(
        run({"compare", "-m", "m.gguf", "-t", "mine.csv", "--family", "behavioural", "--print-plan"}).out,
        {"family = \"behavioural\""});
    Plan plan = test::tiny_plan("m.gguf", "data");
    plan.tasks = {"mine.csv"};
    plan.methods = {"mean-diff"};
    plan.family = "behavioural";
    folder.write("p.toml", plan_toml(plan));
    const auto compared = run({"compare", "--plan", "p.toml", "-o", "run", "--threads", "1", "--no-check"});
    ASSERT_EQ(compared.code, 0) << compared.err;
    EXPECT_EQ(compared.err.find("taken for"), std::string::npos);
    EXPECT_EQ(json::parse(slurp(folder.path() / "run/summary.json")).at("tasks")[0].at("family"),
              "behavioural");
    EXPECT_EQ(run({"generate", "-m", "m.gguf", "-p", "x", "--from", "run", "--for", "mine.csv", "--method",
                   "mean-diff"})
                  .code,
              0);
    expect_parts(refusal(2, {"extract", "mean-diff", "-m", "m.gguf", "-t", "antonym", "--family",
                             "behavioural", "-o", "x.gguf"}),
                 {"--family", "antonym", "no file"});
    expect_parts(
        refusal(2, {"eval", "-m", "m.gguf", "-t", "mine.csv", "--family", "style", "--vector", "v.gguf"}),
        {"--family"});
}

TEST_F(CliWinners, TunedChoosesAsCompareDoes) {
    compare();
    for (const char* task : {twice, cheer})
        for (const char* method : {"fv", "task-vector"}) {
            SCOPED_TRACE(std::string(task) + ", " + method);
            const std::string name = task == cheer ? "cheer" : "twice";
            const auto made = run(extract(method, task, {"--tuned", "--n-valid", "3", "-o", "t.gguf"}));
            ASSERT_EQ(made.code, 0) << made.err;
            const auto winner = vector("run/winners/" + name + "-" + method + ".gguf");
            const auto tuned = vector("t.gguf");
            expect_same_vector(tuned, winner);
            const auto& said = tuned.provenance.settings;
            EXPECT_EQ(said.at("tuned.setting"), winner.provenance.settings.at("winner.setting"));
            EXPECT_EQ(said.at("tuned.n"), "3");
            expect_parts(made.err, {said.at("tuned.setting").c_str(), "3 validation items",
                                    task == cheer ? "outputs collapsed" : "settings"});
            // At that setting by hand: the same again.
            Arguments by_hand = {"-o", "h.gguf"};
            for (const auto& [key, value] : setting_of(winner))
                by_hand.insert(by_hand.end(), {"--set", key + "=" + value});
            ASSERT_EQ(run(extract(method, task, by_hand)).code, 0);
            expect_same_vector(vector("h.gguf"), winner);
        }
    EXPECT_FALSE(is_there("cache/tuned") && !fs::is_empty(folder.path() / "cache/tuned"));
}

// --- winners

TEST_F(CliWinners, GenerateNextAndEvalTakeARunsChoice) {
    compare();
    const json summary = json::parse(slurp(folder.path() / "run/summary.json"));
    for (const auto& task : summary.at("tasks")) {
        const std::string name = task.at("name");
        for (const auto& winner : task.at("winners")) {
            SCOPED_TRACE(winner.dump());
            const std::string file = "run/" + winner.at("file").get<std::string>();
            const std::string method = winner.at("method");
            const Arguments from = {"--from", "run", "--for", name, "--method", method};
            const auto both = [&](const Arguments& command) {
                Arguments a = command, b = command;
                a.insert(a.end(), from.begin(), from.end());
                b.insert(b.end(), {"--vector", file});
                EXPECT_EQ(run_json(a), run_json(b));
            };
            both({"generate", "-m", "m.gguf", "-p", "Q: tin\nA:", "--threads", "1"});
            both({"next", "-m", "m.gguf", "-p", "Q: tin\nA:", "--threads", "1"});
            // What the report claims.
            Arguments eval = {"eval",       "-m",     "m.gguf",   "-t",       name,
                              "--data-dir", "data",   "--n-test", "6",        "--threads",
                              "1",          "--from", "run",      "--method", method};
            const json scored = run_json(eval);
            for (const auto& setting : task.at("test"))
                if (setting.at("id") == winner.at("setting")) {
                    for (const char* metric : {"first_token", "first_word", "style", "rouge_l"}) {
                        if (!setting.at("metrics").contains(metric)) continue;
                        EXPECT_NEAR(scored.at("metrics").at(metric).at("steered").at("mean").get<double>(),
                                    setting.at("metrics").at(metric).at("mean").get<double>(), 1e-12)
                            << metric;
                    }
                }
        }
    }
    // Without a method, the best one, which is named with its score.
    const auto best = run({"next", "-m", "m.gguf", "-p", "x", "--from", "run", "--for", "twice"});
    EXPECT_EQ(best.code, 0);
    const std::string first = summary.at("tasks")[0].at("winners")[0].at("file");
    expect_parts(best.err, {("run/" + first).c_str(), "on 6 test items", "zero-shot"});
}

TEST_F(CliWinners, WhatARunDoesNotHaveIsNamed) {
    compare();
    const auto refused = [&](int code, const Arguments& more) {
        Arguments arguments = {"next", "-m", "m.gguf", "-p", "x"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return refusal(code, arguments);
    };
    expect_parts(refused(2, {"--from", "run"}), {"--for", "'cheer', 'twice'"});
    expect_parts(refused(2, {"--from", "run", "--for", "twize"}), {"'twize'", "did you mean 'twice'"});
    expect_parts(refused(2, {"--from", "run", "--for", "twice", "--method", "icv"}), {"'icv'", "'fv'"});
    expect_parts(refused(4, {"--from", "absent", "--for", "twice"}), {"absent"});
    fs::create_directory(folder.path() / "empty");
    expect_parts(refused(4, {"--from", "empty", "--for", "twice"}), {"empty", "winners"});
    expect_parts(refused(2, {"--for", "twice"}), {"--from"});
    expect_parts(refusal(2, {"eval", "-m", "m.gguf", "-t", twice}), {"--vector", "--from"});
    test::TinyOptions other;
    other.seed = 5;
    make_model("other.gguf", other);
    expect_parts(refusal(2, {"next", "-m", "other.gguf", "-p", "x", "--from", "run", "--for", "twice"}),
                 {"of the model", "files differ"});
    // A file of another kind there is none of the run's choices.
    make_fv("run/winners/mine.gguf");
    expect_parts(refused(2, {"--from", "run", "--for", "mine"}), {"'cheer', 'twice'"});
}

TEST_F(CliWinners, WhatIsNotShownToWorkIsSaidSo) {
    compare({"fv"});
    auto v = vector("run/winners/cheer-fv.gguf");
    v.provenance.settings["winner.counts"] = "false";
    v.provenance.settings["winner.setting"] = "\x1b[2J";
    save_vector(v, folder.path() / "run/winners/cheer-fv.gguf");
    const auto taken = run({"next", "-m", "m.gguf", "-p", "x", "--from", "run", "--for", "cheer", "--quiet"});
    EXPECT_EQ(taken.code, 0);
    expect_parts(taken.err, {"fv is not shown to work for 'cheer'"});
    EXPECT_EQ(taken.err.find('\x1b'), std::string::npos) << "bytes of a file do not reach the terminal";
}

TEST_F(CliWinners, RawExtractionsAreRefusedWithTheWay) {
    compare();
    for (const auto& entry : fs::directory_iterator(folder.path() / "run/vectors")) {
        const std::string file = "run/vectors/" + entry.path().filename().string();
        for (const Arguments& command : {Arguments{"generate", "-m", "m.gguf", "-p", "x"},
                                         {"next", "-m", "m.gguf", "-p", "x"},
                                         {"eval", "-m", "m.gguf", "-t", twice}}) {
            Arguments arguments = command;
            arguments.insert(arguments.end(), {"--vector", file});
            expect_parts(refusal(3, arguments),
                         {file.c_str(), "raw extraction", "run/winners", "--from run --for"});
        }
        EXPECT_EQ(run_json({"show", file}).at("kind"), "extraction");
        expect_parts(run({"show", file}).out, {"raw extraction"});
        expect_parts(refusal(2, {"combine", file, "-o", "x.gguf"}), {"raw extraction"});
    }
    EXPECT_FALSE(is_there("x.gguf"));
}

// The line under the verdict, typed as it stands.
TEST_F(CliWinners, ThePrintedCommandWorks) {
    const auto result = compare();
    std::vector<std::string> commands;
    for (std::size_t at = result.out.find("\n  tiller generate "); at != std::string::npos;
         at = result.out.find("\n  tiller generate ", at + 1))
        commands.push_back(result.out.substr(at + 3, result.out.find('\n', at + 1) - at - 3));
    ASSERT_FALSE(commands.empty());
    for (const auto& command : commands) {
        ASSERT_TRUE(command.starts_with("tiller generate -m m.gguf --vector run/winners/")) << command;
        folder.write("line.sh",
                     "cd '" + folder.path().string() + "'\n" + TILLER_PROGRAM + command.substr(6) + "\n");
        EXPECT_EQ(std::system(("bash " + (folder.path() / "line.sh").string() + " > /dev/null 2>&1").c_str()),
                  0)
            << command;
    }
    for (const char* report : {"run/report.html", "run/report.md"})
        expect_parts(slurp(folder.path() / report), {"to try it: ", "--vector run/winners/"});
}

TEST_F(CliWinners, EvalTakesTheSplitOfTheVector) {
    for (const char* seed : {"0", "3"})
        ASSERT_EQ(
            run(extract("mean-diff", twice, {"--seed", seed, "-o", std::string("s") + seed + ".gguf"})).code,
            0);
    const Arguments eval = {"eval", "-m", "m.gguf", "-t", twice, "--n-test", "3", "--threads", "1"};
    const auto with = [&](Arguments more) {
        more.insert(more.begin(), eval.begin(), eval.end());
        return more;
    };
    EXPECT_EQ(run_json(with({"--vector", "s3.gguf"})).at("seed"), 3);
    EXPECT_EQ(run_json(with({"--vector", "s0.gguf"})).at("seed"), 0);
    expect_parts(run(with({"--vector", "s3.gguf"})).err, {"seed 3"});
    const auto leaky = run(with({"--vector", "s3.gguf", "--seed", "1"}));
    expect_parts(leaky.err, {"seed 1", "too high"});
    expect_parts(run(with({"--vector", "s3.gguf", "--vector", "s0.gguf"})).err, {"too high"});
}

// One split with shares of one's own: its test items are those that the winner is judged on later.
TEST_F(CliWinners, ASplitOfOnesOwn) {
    const Arguments words = {"compare",     "-m",         "m.gguf",  "-t",       twice,     "--method",
                             "task-vector", "--n-test",   "40",      "--n-mean", "5",       "--shots",
                             "2",           "--n-valid",  "3",       "-o",       "run",     "--threads",
                             "1",           "--no-check", "--quiet", "--split",  "50,10,40"};
    const json summary = run_json(words);
    const json& task = summary.at("tasks").at(0);
    EXPECT_EQ(task.at("n_train"), 20);
    EXPECT_EQ(task.at("n_test"), 16);
    EXPECT_EQ(vector("run/winners/twice-task-vector.gguf").provenance.settings.at("winner.split"),
              "50,10,40");
    const json judged =
        run_json({"eval", "-m", "m.gguf", "-t", twice, "--from", "run", "--for", "twice", "--threads", "1"});
    EXPECT_EQ(judged.at("n"), 16);
    expect_parts(refusal(2, {"compare", "-t", twice, "--split", "50,50"}), {"the split", "expected 3"});
    expect_parts(refusal(2, {"compare", "-t", twice, "--split", "half"}), {"half", "60,10,30"});
    expect_parts(refusal(2, {"compare", "-t", twice, "--split", "50,10,40", "--folds", "3"}), {"--folds"});
    expect_parts(refusal(2, {"compare", "--protocol", "dose", "--split", "50,10,40"}), {"--split", "dose"});
}

}  // namespace
}  // namespace tiller

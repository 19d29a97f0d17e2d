// The program as a user meets it: output, exit codes, steering from the command line.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "support/cli_test.h"
#include "tiller/method.h"

namespace tiller {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::Arguments;
using test::expect_parts;
using test::ProgramOptions;

class Cli : public test::CliTest {};

// --- The program itself
// --------------------------------------------------------------------------------------

TEST_F(Cli, WithoutArgumentsItExplainsItself) {
    const auto result = run({});
    EXPECT_EQ(result.code, 0);
    EXPECT_EQ(result.err, "");
    expect_parts(result.out, {"compare", "extract", "generate", "next", "eval", "show", "report", "tasks",
                              "models", "Exit codes"});
    EXPECT_EQ(run({"--help"}).out, result.out);
    expect_parts(run({"extract", "fv", "--help"}).out, {"--trials", "--heads"});
    const std::string help = run({"compare", "--help"}).out;
    for (const Method* method : methods())
        expect_parts(help, {method->name().c_str(), method->summary().c_str()});
}

TEST_F(Cli, Version) {
    const auto result = run({"--version"});
    EXPECT_EQ(result.code, 0);
    expect_parts(result.out, {"tiller ", "engine", "\nCPU", "\n  kernels: "});
}

TEST_F(Cli, WrongUsageIsTwo) {
    expect_parts(refusal(2, {"steer"}), {"steer"});
    expect_parts(refusal(2, {"next", "-m", "m.gguf", "-p", "x", "--tops", "3"}), {"--tops"});
    expect_parts(refusal(2, {"next", "-m", "m.gguf"}), {"--prompt"});
    expect_parts(refusal(2, {"next", "-m", "m.gguf", "-p", "x", "--top", "0"}), {"--top"});
    expect_parts(refusal(2, {"next", "-m", "m.gguf", "-p", "x", "--cache-type", "q8"}), {"--cache-type"});
    expect_parts(refusal(2, {"generate", "-m", "m.gguf", "-p", "x", "--temperature", "-1"}),
                 {"--temperature"});
    expect_parts(refusal(2, {"extract"}), {"needs a method", "fv", "mean-diff"});
    expect_parts(refusal(2, {"extract", "taskvector", "-m", "m.gguf"}),
                 {"unknown method \"taskvector\"", "did you mean task-vector?", "conceptor"});
    expect_parts(refusal(2, {"extract", "fv", "-m", "m.gguf", "-o", "x.gguf"}), {"--task", "--trials"});
    expect_parts(refusal(2, {"extract", "icv", "-m", "m.gguf", "-o", "x.gguf", "-t", "a", "--pairs", "b"}),
                 {"--pairs"});
    expect_parts(refusal(2, {"extract", "fv", "-m", "m.gguf", "-o", "x.gguf", "-t",
                             "data/functional/twice.json", "--layer", "3"}),
                 {"layer = 3", "0 to 2"});
    expect_parts(refusal(2, {"extract", "fv", "-m", "m.gguf", "-o", "x.gguf", "-t",
                             "data/functional/twice.json", "--heads", "13"}),
                 {"heads = 13", "1 to 12"});
    expect_parts(refusal(2, {"extract", "fv", "-m", "m.gguf", "-o", "x.gguf", "-t",
                             "data/functional/twice.json", "--scale", "nan"}),
                 {"scale = nan", "finite"});
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
    for (const Arguments& arguments :
         {Arguments{"tasks"}, {"--help"}, {"--version"}, {}, {"next", "-m", "m.gguf", "-p", "x", "--json"}})
        expect_parts(refusal(4, arguments, full), {"standard output", "No space left"});
}

TEST_F(Cli, AReaderThatHasGoneIsNoError) {
    ProgramOptions closed = options;
    closed.closed_output = true;
    for (const Arguments& arguments :
         {Arguments{"tasks"}, {"--help"}, {"next", "-m", "m.gguf", "-p", "x", "--json"}}) {
        const auto result = test::run_program(arguments, closed);
        EXPECT_EQ(result.signal, 0);
        EXPECT_EQ(result.code, 0) << result.err;
    }
}

// --- Models
// --------------------------------------------------------------------------------------------------

TEST_F(Cli, BadModels) {
    expect_parts(refusal(4, {"next", "-m", "absent.gguf", "-p", "x"}), {"absent.gguf"});
    expect_parts(refusal(4, {"next", "-m", "gemma3-270m", "-p", "x"}), {"tiller models get gemma3-270m"});
    expect_parts(refusal(2, {"next", "-m", "gemma", "-p", "x"}), {"gemma"});
    fs::copy_file(folder.path() / "m.gguf", folder.path() / "cut.gguf");
    fs::resize_file(folder.path() / "cut.gguf", fs::file_size(folder.path() / "m.gguf") - 1000);
    expect_parts(refusal(3, {"next", "-m", "cut.gguf", "-p", "x"}), {"cut.gguf", "truncated"});
    folder.write("text.gguf", "no model at all");
    expect_parts(refusal(3, {"next", "-m", "text.gguf", "-p", "x"}), {"text.gguf"});
    folder.write("empty.gguf", "");
    expect_parts(refusal(3, {"next", "-m", "empty.gguf", "-p", "x"}), {"empty.gguf"});
    make_fv();
    expect_parts(refusal(3, {"next", "-m", "v.gguf", "-p", "x"}), {"v.gguf", "steering vector", "--vector"});
    // A hint names the flags of the command that was typed, and no other's.
    const std::string elsewhere = refusal(3, {"doctor", "-m", "v.gguf"});
    expect_parts(elsewhere, {"steering vector", "`tiller generate`, `next` and `eval` take --vector"});
    expect_parts(refusal(2, {"extract", "icv", "-m", "m.gguf", "-o", "x.gguf", "--n-last", "0"}),
                 {"--n-last"});
    expect_parts(refusal(3, {"next", "-m", "m.gguf", "-p", "x", "--vector", "m.gguf"}), {"m.gguf"});
    expect_parts(refusal(4, {"next", "-m", "m.gguf", "-p", "x", "--vector", "absent.gguf"}), {"absent.gguf"});
}

// --- next, generate
// ------------------------------------------------------------------------------------------

TEST_F(Cli, NextTokensAreADistribution) {
    make_fv();
    make_icv();
    std::set<std::string> distributions;
    for (const Arguments& vectors : {Arguments{},
                                     {"--vector", "v.gguf:-1.5"},
                                     {"--vector", "v.gguf"},
                                     {"--vector", "v.gguf:-1.5", "--vector", "i.gguf:0.25"}}) {
        Arguments arguments = {
            "next", "-m", "m.gguf", "-p", "Q: the cat\nA:", "--top", "300", "--threads", "1"};
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
// Quantised weights as float32: the same values, another distribution in its last digits.
TEST_F(Cli, ExactComputesInFloat32) {
    test::TinyOptions wide;
    wide.n_embd = 64;
    std::filesystem::copy_file(test::quantise_tiny_model(test::make_tiny_model(wide), "Q8_0"),
                               folder.path() / "q.gguf");
    std::filesystem::copy_file(test::quantise_tiny_model(folder.path() / "q.gguf", "F32"),
                               folder.path() / "f.gguf");
    const auto next = [&](const char* model, const char* how) {
        Arguments all = {"next", "-m", model, "-p", "the", "--threads", "1", how};
        if (how == std::string("--cache-type")) all.push_back("f32");
        return run_json(all).dump();
    };
    EXPECT_EQ(next("q.gguf", "--exact"), next("f.gguf", "--cache-type"));
    EXPECT_NE(next("q.gguf", "--exact"), next("q.gguf", "--cache-type"));
    expect_parts(refusal(2, {"next", "-m", "q.gguf", "-p", "the", "--exact", "--cache-type", "f16"}),
                 {"--exact", "--cache-type"});
    expect_parts(refusal(2, {"next", "-m", "q.gguf", "-p", "the", "--exact", "--gpu-layers", "1"}),
                 {"--exact", "--gpu-layers"});
}

TEST_F(Cli, StrengthBehindTheColon) {
    make_fv();
    const auto next = [&](const std::string& vector) {
        return run_json({"next", "-m", "m.gguf", "-p", "x", "--threads", "1", "--vector", vector});
    };
    EXPECT_EQ(next("v.gguf"), next("v.gguf:2"));
    EXPECT_NE(next("v.gguf"), next("v.gguf:1"));
    EXPECT_EQ(next("v.gguf:0"), run_json({"next", "-m", "m.gguf", "-p", "x", "--threads", "1"}));
    expect_parts(refusal(2, {"next", "-m", "m.gguf", "-p", "x", "--vector", "v.gguf:inf"}),
                 {"scale", "finite"});
    expect_parts(refusal(4, {"next", "-m", "m.gguf", "-p", "x", "--vector", "v.gguf:strong"}),
                 {"v.gguf:strong"});
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
    expect_parts(refusal(3, {"next", "-m", "wide.gguf", "-p", "x", "--vector", "v.gguf"}),
                 {"n_embd", "48", "64"});
    expect_parts(refusal(3, {"next", "-m", "wide.gguf", "-p", "x", "--vector", "v.gguf", "--force"}),
                 {"n_embd"});
    tiny.n_embd = 48;
    tiny.n_layer = 2;
    make_model("flat.gguf", tiny);
    expect_parts(refusal(3, {"generate", "-m", "flat.gguf", "-p", "x", "--vector", "v.gguf", "--force"}),
                 {"n_layer"});
}

TEST_F(Cli, GenerateIsTheSameTwice) {
    make_fv();
    const Arguments arguments = {"generate", "-m", "m.gguf",    "-p", "the cat",  "-p",      "Q:",
                                 "-n",       "12", "--threads", "1",  "--vector", "v.gguf:8"};
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
    const Arguments arguments = {"generate",      "-m", "m.gguf",    "-p", "the",    "-n", "12",
                                 "--temperature", "1",  "--samples", "3",  "--seed", "4"};
    const json a = run_json(arguments);
    ASSERT_EQ(a.size(), 3u);
    EXPECT_NE(a[0].at("tokens"), a[1].at("tokens"));
    EXPECT_EQ(run_json(arguments), a);
    expect_parts(refusal(3, {"generate", "-m", "m.gguf", "-p", "the", "-n", "5000"}), {"512"});
}

}  // namespace
}  // namespace tiller

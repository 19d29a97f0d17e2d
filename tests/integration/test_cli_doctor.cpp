// tiller doctor, and what extract and compare do with it: tables, exit codes, refusals before any work.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "support/cli_test.h"
#include "support/patch_model.h"

namespace tiller {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::Arguments;
using test::expect_parts;

class CliDoctor : public test::CliTest {
protected:
    Arguments fv(const std::string& model) const {
        return {"extract",   "fv",     "-m",      model, "-t",        "data/functional/twice.json",
                "-o",        "x.gguf", "--shots", "2",   "--n-mean",  "4",
                "--n-patch", "2",      "--heads", "3",   "--threads", "1"};
    }
    Arguments icv(const std::string& model) const {
        return {"extract", "icv",    "-m",        model, "-t",        "data/behavioural/cheer.json",
                "-o",      "x.gguf", "--n-pairs", "4",   "--threads", "1"};
    }
    Arguments compare(const std::string& model) const {
        folder.write("p.toml", plan_toml(small_plan(model)));
        return {"compare", "--plan", "p.toml", "-o", "run", "--threads", "1"};
    }
    Plan small_plan(const std::string& model) const {
        Plan plan = test::tiny_plan(model, "data");
        plan.tasks = {"twice"};
        return plan;
    }
    static Arguments with(Arguments arguments, const std::string& flag) {
        arguments.push_back(flag);
        return arguments;
    }
    void put(const std::string& name, const fs::path& model) const {
        fs::copy_file(model, folder.path() / name);
    }
    // No vector, and in the run folder no result.
    void expect_nothing_made() const {
        EXPECT_FALSE(is_there("x.gguf"));
        EXPECT_FALSE(is_there("run/vectors"));
        EXPECT_FALSE(is_there("run/summary.json"));
        if (is_there("run/records.jsonl")) {
            EXPECT_EQ(fs::file_size(folder.path() / "run/records.jsonl"), 0u);
        }
    }
};

TEST_F(CliDoctor, PrintsATable) {
    const auto result = run({"doctor", "-m", "m.gguf", "--threads", "1"});
    EXPECT_EQ(result.code, 0) << result.err;
    expect_parts(result.out, {"tiny llama", "layers tried: all", "sites", "zero_edit", "self_replacement",
                              "neighbours", "contribution", "fork", "finite", "all passed in"});
    EXPECT_EQ(result.out.find("\033["), std::string::npos) << "colour where there is no terminal";
    std::set<std::size_t> columns;  // of the bounds
    for (std::size_t begin = 0, at; (at = result.out.find("<= ", begin)) != std::string::npos; begin = at + 1)
        columns.insert(at - result.out.rfind('\n', at));
    EXPECT_EQ(columns.size(), 1u) << result.out;
    expect_parts(run({"doctor", "-m", "m.gguf", "--fast"}).out, {"not part of the fast check"});
}

TEST_F(CliDoctor, GivesJson) {
    test::TinyOptions tiny;
    tiny.n_layer = 6;
    make_model("six.gguf", tiny);
    const json fast = run_json({"doctor", "-m", "six.gguf", "--fast"});
    EXPECT_EQ(fast.at("passed"), true);
    EXPECT_EQ(fast.at("fast"), true);
    EXPECT_EQ(fast.at("layers"), json({0, 3, 5}));
    EXPECT_EQ(fast.at("architecture"), "llama");
    EXPECT_EQ(fast.at("n_head"), json({4, 4, 4, 4, 4, 4}));
    const json all = run_json({"doctor", "-m", "six.gguf"});
    EXPECT_EQ(all.at("layers").size(), 6u);
    std::map<std::string, json> checks;
    for (const auto& c : all.at("checks")) checks[c.at("name")] = c;
    EXPECT_EQ(checks.size(), 9u);
    EXPECT_EQ(checks.at("zero_edit").at("figure"), 0);
    EXPECT_EQ(checks.at("zero_edit").at("bound"), 0);
    EXPECT_EQ(checks.at("fork").at("outcome"), "informative");
    EXPECT_TRUE(checks.at("fork").at("bound").is_null());
    EXPECT_GT(all.at("seconds").get<double>(), 0);
}

TEST_F(CliDoctor, AFailedCheckIsThree) {
    test::TinyOptions tiny;
    tiny.architecture = "gemma3";
    make_model("gemma.gguf", tiny);
    EXPECT_EQ(run({"doctor", "-m", "gemma.gguf"}).code, 0);
    const auto result = run({"doctor", "-m", "gemma.gguf", "--no-post-norm"});
    EXPECT_EQ(result.code, 3);
    expect_parts(result.out, {"contribution       failed", "zero_edit          passed", "NOT passed"});
    expect_parts(result.err, {"tiny gemma3", "contribution:", "head_contribution:", "at most 0.001"});
    const auto as_json = run({"doctor", "-m", "gemma.gguf", "--no-post-norm", "--json", "--quiet"});
    EXPECT_EQ(as_json.code, 3);
    EXPECT_EQ(json::parse(as_json.out).at("passed"), false);
    EXPECT_EQ(json::parse(as_json.err).at("error").at("code"), "unsupported");
    tiny.architecture = "gptneox";
    make_model("neox.gguf", tiny);
    EXPECT_EQ(run({"doctor", "-m", "neox.gguf", "--bias-per-head", "--fast"}).code, 3);
    EXPECT_EQ(run({"doctor", "-m", "neox.gguf", "--fast"}).code, 0);
}

TEST_F(CliDoctor, DamagedWeightsAreRefusedEverywhere) {
    put("nan.gguf", test::patched_model(test::make_tiny_model(), "blk.0.ffn_down.weight", NAN));
    for (const auto& arguments : {fv("nan.gguf"), icv("nan.gguf")})
        expect_parts(refusal(3, arguments),
                     {"tiny llama", "finite:", "3 of 3 prompts", "tiller doctor -m", "--no-check"});
    expect_parts(refusal(3, compare("nan.gguf")), {"finite:", "3 of 3 prompts", "--no-check"});
    EXPECT_EQ(run({"doctor", "-m", "nan.gguf", "--fast"}).code, 3);
    expect_nothing_made();
}

TEST_F(CliDoctor, NoCheckGoesOnAndIsWrittenDown) {
    put("deaf.gguf", test::patched_model(test::make_tiny_model(), "blk.1.attn_output.weight", 0));
    for (const auto& arguments : {fv("deaf.gguf"), icv("deaf.gguf"), compare("deaf.gguf")})
        expect_parts(refusal(3, arguments), {"effect:", "head_output in layer 1"});
    expect_nothing_made();
    for (const auto& arguments : {fv("deaf.gguf"), icv("deaf.gguf")}) {
        const auto result = run(with(arguments, "--no-check"));
        EXPECT_EQ(result.code, 0) << result.err;
        EXPECT_EQ(run_json({"show", "x.gguf"}).at("provenance").at("settings").at("checked"), "false");
    }
    const json summary = run_json(with(compare("deaf.gguf"), "--no-check"));
    expect_parts(summary.at("notes").dump(), {"did not check", "1 of 1 tasks", "switched off"});
    make_fv();
    EXPECT_EQ(run_json({"show", "v.gguf"}).at("provenance").at("settings").at("checked"), "true");
}

TEST_F(CliDoctor, LayersWithoutHeadsAreSaid) {
    test::TinyOptions tiny;
    tiny.architecture = "deci";
    tiny.layer_without_heads = 1;
    make_model("holed.gguf", tiny);
    const auto result = run({"doctor", "-m", "holed.gguf"});
    EXPECT_EQ(result.code, 0) << result.err;
    expect_parts(result.out, {"8 heads", "without heads: layer 1"});
    EXPECT_EQ(run_json({"doctor", "-m", "holed.gguf", "--fast"}).at("layers_without_heads"), json({1}));
    for (const auto& arguments : {fv("holed.gguf"), icv("holed.gguf"), compare("holed.gguf")}) {
        const auto made = run(arguments);
        EXPECT_EQ(made.code, 0) << made.err;
    }
}

// A model with several residual streams is refused by name, with the reason, before anything is made.
TEST_F(CliDoctor, ModelWithSeveralResidualStreams) {
    test::TinyOptions tiny;
    tiny.architecture = "gemma3n";
    make_model("streams.gguf", tiny);
    for (const auto& arguments : {Arguments{"doctor", "-m", "streams.gguf"}, fv("streams.gguf"),
                                  icv("streams.gguf"), compare("streams.gguf")}) {
        const std::string error = refusal(3, arguments);
        for (const char* part : {"gemma3n", "4 vectors", "one residual stream"})
            EXPECT_NE(error.find(part), std::string::npos) << part << " is not in: " << error;
        expect_nothing_made();
        fs::remove_all(folder.path() / "run");
    }
}

// Metadata that lies, and models that are no decoder-only transformers: the same refusal from every command.
TEST_F(CliDoctor, ModelsThatCannotBeSteered) {
    struct Bad {
        const char* key;
        std::vector<const char*> parts;
        std::function<void(gguf_context*)> metadata;
    };
    const auto u32 = [](const char* key, std::uint32_t value) {
        return [=](gguf_context* g) { gguf_set_val_u32(g, key, value); };
    };
    const auto named = [](const char* value) {
        return [=](gguf_context* g) { gguf_set_val_str(g, "general.architecture", value); };
    };
    const Bad all[] = {
        {"encoder", {"bert", "decoder"}, named("bert")},
        {"recurrent", {"mamba", "recurrent"}, named("mamba")},
        {"heads", {"head_count", "64", "6"}, u32("llama.attention.head_count", 6)},
        {"half_heads", {"half_heads.gguf", "attn_q.weight"}, u32("llama.attention.head_count", 2)},
        {"kv_heads", {"head_count_kv", "3"}, u32("llama.attention.head_count_kv", 3)},
        {"width", {"width.gguf", "expected"}, u32("llama.embedding_length", 49)},
        {"layers", {"blk.3"}, u32("llama.block_count", 4)},
        {"fewer_layers", {"fewer_layers.gguf"}, u32("llama.block_count", 2)},
        {"no_heads", {"head_count", "0"}, u32("llama.attention.head_count", 0)}};
    for (const Bad& bad : all) {
        test::TinyOptions tiny;
        tiny.metadata = bad.metadata;
        const std::string file = std::string(bad.key) + ".gguf";
        make_model(file, tiny);
        for (const auto& arguments : {Arguments{"doctor", "-m", file}, fv(file), icv(file), compare(file)}) {
            const std::string error = refusal(3, arguments);
            for (const char* part : bad.parts)
                EXPECT_NE(error.find(part), std::string::npos) << part << " is not in: " << error;
            expect_nothing_made();
            fs::remove_all(folder.path() / "run");
        }
    }
}

}  // namespace
}  // namespace tiller

// Other tools' vectors on the command line: in (scales, layers, names of architectures) and out (export).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/cli_test.h"
#include "support/engine_rows.h"
#include "support/plain_llama.h"
#include "tiller/vector.h"
#include "unit/test_vectors_files.h"

namespace tiller {
namespace {

using nlohmann::json;
using test::Arguments;
using test::expect_parts;

class CliExport : public test::CliTest {
protected:
    void SetUp() override {
        CliTest::SetUp();
        test::TinyOptions tiny;
        tiny.architecture = "gemma3";
        tiny.n_layer = 4;
        make_model("g.gguf", tiny);
    }
    // As repeng writes it: Hugging Face's name of the model's type, directions from 1 on.
    void write_control_vector(const std::string& name, const std::string& hint,
                              const std::vector<int>& layers, int width = 48) const {
        vector_files::RawFile file;
        file.set_text("general.architecture", "controlvector");
        file.set_text("controlvector.model_hint", hint);
        file.add("controlvector.layer_count", vector_files::t_u32, vector_files::le32(layers.size()));
        for (const int layer : layers)
            file.direction(layer, *test::random_vector(width, static_cast<unsigned>(layer), 2));
        folder.write(name, file.bytes());
    }
    std::map<int, double> next(const Arguments& more, const std::string& model = "g.gguf") const {
        return next_logprobs(model, more);
    }
};

// Field case: a file of repeng's, whose hint is the model's name elsewhere, beside the same without it.
TEST_F(CliExport, RepengsFileIsUsedWithANote) {
    write_control_vector("repeng.gguf", "gemma3_text", {1, 2, 3});
    write_control_vector("same.gguf", "gemma3", {1, 2, 3});
    write_control_vector("nohint.gguf", "", {1, 2, 3});
    const auto theirs = next({"--vector", "repeng.gguf"});
    EXPECT_EQ(theirs, next({"--vector", "same.gguf"}));
    EXPECT_EQ(theirs, next({"--vector", "nohint.gguf"}));
    EXPECT_GT(distance(theirs, next({})), 0.05);
    const Arguments generate = {"generate", "-m", "g.gguf", "-p", "the cat", "-n", "3", "--threads", "1"};
    const auto with = [&](const std::string& vector) {
        Arguments all = generate;
        all.insert(all.end(), {"--vector", vector});
        return run(all);
    };
    const auto noted = with("repeng.gguf:0.5");
    EXPECT_EQ(noted.code, 0) << noted.err;
    expect_parts(noted.err, {"repeng.gguf names the architecture 'gemma3_text'", "'gemma3'"});
    EXPECT_EQ(with("same.gguf:0.5").err, "");
    expect_parts(with("nohint.gguf:0.5").err, {"nohint.gguf says nothing of the model"});
    expect_parts(run({"show", "repeng.gguf"}).out, {"add at residual, all tokens, scale 1",
                                                    "not known (architecture \"gemma3_text\"), width 48"});
}

TEST_F(CliExport, ScalesAndLayersOfAVector) {
    write_control_vector("v.gguf", "gemma3", {1, 2, 3});
    write_control_vector("v2.gguf", "gemma3", {2});
    const auto second = next({"--vector", "v2.gguf:0.7"});
    EXPECT_EQ(next({"--vector", "v.gguf:0.7@2"}), second);
    EXPECT_EQ(next({"--vector", "v.gguf:0.7@2-2"}), second);
    EXPECT_EQ(next({"--vector", "v.gguf:0.7", "--layers", "2"}), second);
    EXPECT_EQ(next({"--vector", "v.gguf:0.7@2", "--layers", "1-3"}), second) << "a vector's own layers count";
    EXPECT_EQ(next({"--vector", "v.gguf@2-9"}), next({"--vector", "v.gguf", "--layers", "2-3"}));
    EXPECT_GT(distance(second, next({"--vector", "v.gguf:0.7"})), 1e-3);
    EXPECT_GT(distance(second, next({"--vector", "v2.gguf"})), 1e-3);
    // Additions add up.
    EXPECT_LT(distance(next({"--vector", "v.gguf:0.7@1", "--vector", "v.gguf:0.7@2-3"}),
                       next({"--vector", "v.gguf:0.7"})),
              1e-6);
    const auto refused = [&](const std::string& vector, const std::string& layers = {}) {
        Arguments all = {"next", "-m", "g.gguf", "-p", "the cat", "--vector", vector};
        if (!layers.empty()) all.insert(all.end(), {"--layers", layers});
        return refusal(2, all);
    };
    expect_parts(refused("v.gguf@4-9"), {"v.gguf: layers 4 to 9", "only in 1 to 3"});
    expect_parts(refused("v.gguf@3-2"), {"v.gguf@3-2", "the lower one first"});
    expect_parts(refused("v.gguf@1-2-3"), {"v.gguf@1-2-3", "A-B"});
    expect_parts(refused("v.gguf@-"), {"A-B"});
    expect_parts(refused("v.gguf", "all"), {"--layers", "'all'", "A-B"});
    expect_parts(refused("v.gguf", "99999999"), {"--layers", "'99999999'"});
    expect_parts(refusal(2, {"next", "-m", "g.gguf", "-p", "a", "--layers", "1"}), {"--vector"});
    expect_parts(refusal(4, {"next", "-m", "g.gguf", "-p", "a", "--vector", "v.gguf@x"}), {"v.gguf@x"});
    // A file whose name holds an @.
    std::filesystem::copy_file(folder.path() / "v.gguf", folder.path() / "a@b.gguf");
    EXPECT_EQ(next({"--vector", "a@b.gguf:0.7@2"}), second);
}

TEST_F(CliExport, MismatchesAreTwoLinesThatNameTheFile) {
    write_control_vector("wide.gguf", "gemma3", {1, 2, 3}, 64);
    write_control_vector("deep.gguf", "gemma3", {1, 2, 3, 4, 5, 6});
    write_control_vector("llama.gguf", "llama", {1, 2, 3});
    const auto refused = [&](const std::string& vector, bool force) {
        Arguments all = {"next", "-m", "g.gguf", "-p", "the cat", "--vector", vector};
        if (force) all.push_back("--force");
        const std::string text = refusal(3, all);
        EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << text;
        expect_parts(text, {("tiller: " + vector + ": ").c_str(), "does not belong"});
        return text;
    };
    for (const bool force : {false, true}) {
        expect_parts(refused("wide.gguf", force), {"n_embd is 64, the model's is 48"});
        expect_parts(refused("deep.gguf", force),
                     {"layer of a direction is 4 to 6, the model has layers 0 to 3"});
    }
    expect_parts(refused("llama.gguf", false), {"architecture is 'llama'", "force", "(--force)"});
    EXPECT_GT(distance(next({"--vector", "llama.gguf", "--force"}), next({})), 0.05);
    EXPECT_EQ(next({"--vector", "deep.gguf@1-3"}).size(), 300u) << "the layers that are there can be used";
}

TEST_F(CliExport, CombinesTheirsWithLayers) {
    write_control_vector("a.gguf", "gemma3_text", {1, 2, 3});
    write_control_vector("b.gguf", "gemma3", {2});
    ASSERT_EQ(run({"combine", "a.gguf:2@1-2", "b.gguf:-1", "-o", "s.gguf"}).code, 0);
    EXPECT_LT(
        distance(next({"--vector", "s.gguf"}), next({"--vector", "a.gguf:2@1-2", "--vector", "b.gguf:-1"})),
        1e-5);
    const json shown = run_json({"show", "s.gguf"});
    EXPECT_EQ(shown.at("provenance").at("settings").at("part.0.settings.layers"), "1-2");
}

TEST_F(CliExport, AnExactExportSaysSo) {
    write_control_vector("v.gguf", "gemma3_text", {1, 2, 3});
    const auto r = run({"export", "v.gguf:0.5@2-3", "--to", "llama.cpp", "-o", "x.gguf"});
    ASSERT_EQ(r.code, 0) << r.err;
    expect_parts(r.out, {"x.gguf: for llama.cpp, 2 layers from 2 to 3, strength 0.5", "Exact"});
    EXPECT_EQ(next({"--vector", "x.gguf"}), next({"--vector", "v.gguf:0.5@2-3"}));
    const json j = run_json({"export", "v.gguf", "-o", "y.gguf"});
    EXPECT_EQ(j.at("exact"), true);
    EXPECT_EQ(j.at("to"), "llama.cpp");
    EXPECT_TRUE(j.at("obstacles").empty());
}

// Field case: pairs of a persona, one vector out of them, llama.cpp's file, and llama.cpp takes it.
TEST_F(CliExport, FromPairsToLlama) {
    folder.write("pairs.json", R"([{"negative": "a bad dull day is", "positive": "a good day we love is"},
        {"negative": "the bad cat was", "positive": "the good cat was"},
        {"negative": "it is dull and", "positive": "it is good and"},
        {"negative": "the sun is bad", "positive": "the sun is good"}])");
    ASSERT_EQ(run({"extract", "icv", "-m", "m.gguf", "--pairs", "pairs.json", "-o", "icv.gguf", "--alpha",
                   "4", "--threads", "1"})
                  .code,
              0);
    // Without the model nobody can say how far the nearest one is: nothing is written.
    expect_parts(refusal(2, {"export", "icv.gguf", "--to", "llama.cpp", "-o", "x.gguf"}),
                 {"turn, not add", "mlp_output", "layer 0", "--model"});
    EXPECT_FALSE(is_there("x.gguf"));
    const Arguments arguments = {"export", "icv.gguf",    "--to", "llama.cpp", "-o", "x.gguf",    "-m",
                                 "m.gguf", "--n-prompts", "8",    "-n",        "3",  "--threads", "1"};
    const auto r = run(arguments);
    ASSERT_EQ(r.code, 0) << r.err;
    expect_parts(r.out, {"Not exact: its operation is turn, not add", "nats a token on 4 held-out prompts",
                         "from the unsteered model"});
    const json shown = run_json({"show", "x.gguf"});
    const auto& settings = shown.at("provenance").at("settings");
    EXPECT_GT(std::stod(settings.at("export.kl_unsteered").get<std::string>()), 0);
    EXPECT_EQ(settings.at("export.operation"), "turn");
    EXPECT_EQ(settings.at("export.strength"), "4");
    EXPECT_EQ(shown.at("layer"), (json{1, 2}));
    const json j = run_json(arguments);
    EXPECT_EQ(fmt::format("{:.6g}", j.at("nearest").at("kl").get<double>()),
              settings.at("export.kl").get<std::string>());

    // The same distribution there as here.
    const auto model = Model::load(folder.path() / "m.gguf");
    const auto tokens = model->tokenize("the cat");
    const auto logits = test::plain_logits(folder.path() / "m.gguf", tokens, folder.path() / "x.gguf").back();
    double sum = 0;
    for (const float l : logits) sum += std::exp(static_cast<double>(l));
    for (const auto& [id, logprob] : next({"--vector", "x.gguf"}, "m.gguf"))
        EXPECT_NEAR(logprob, static_cast<double>(logits[static_cast<std::size_t>(id)]) - std::log(sum), 1e-4);
    EXPECT_THROW(test::plain_logits(folder.path() / "m.gguf", tokens, folder.path() / "icv.gguf"),
                 std::runtime_error)
        << "llama.cpp refuses a file with layer 0";
}

// Field case: the two files that llama.cpp's cvector-generator takes, with an empty line, escapes, and no
// line break at the end.
TEST_F(CliExport, TwoFilesOfTexts) {
    folder.write("positive.txt", "a good day.\\nthe sun is\nwe love it\n\nthe good cat");
    folder.write("negative.txt", "\na bad day.\\nthe sun is\r\nit is dull\nthe bad cat\n");
    folder.write("pairs.json",
                 R"([{"negative": "a bad day.\nthe sun is", "positive": "a good day.\nthe sun is"},
        {"negative": "it is dull", "positive": "we love it"},
        {"negative": "the bad cat", "positive": "the good cat"}])");
    const Arguments icv = {"extract", "icv", "-m", "m.gguf", "--threads", "1"};
    const auto with = [&](const Arguments& more) {
        Arguments all = icv;
        all.insert(all.end(), more.begin(), more.end());
        return all;
    };
    const auto made =
        run(with({"--positive", "positive.txt", "--negative", "negative.txt", "-o", "two.gguf"}));
    ASSERT_EQ(made.code, 0) << made.err;
    expect_parts(made.err, {"3 pairs"});
    ASSERT_EQ(run(with({"--pairs", "pairs.json", "-o", "one.gguf"})).code, 0);
    const json two = run_json({"show", "two.gguf"}), one = run_json({"show", "one.gguf"});
    EXPECT_EQ(two.at("direction"), one.at("direction"));
    EXPECT_EQ(two.at("provenance").at("prompts_digest"), one.at("provenance").at("prompts_digest"));
    folder.write("short.txt", "a cat\n");
    folder.write("empty.txt", "\n\n");
    folder.write("latin.txt", "caf\xe9\n");
    const auto refused = [&](int code, const std::string& positive, const std::string& negative) {
        return refusal(code, with({"--positive", positive, "--negative", negative, "-o", "x.gguf"}));
    };
    expect_parts(refused(3, "positive.txt", "short.txt"), {"positive.txt has 3 texts", "short.txt has 1"});
    expect_parts(refused(3, "empty.txt", "empty.txt"), {"empty.txt has 0", "at least one"});
    expect_parts(refused(3, "latin.txt", "short.txt"), {"latin.txt, line 1", "UTF-8"});
    expect_parts(refused(4, "absent.txt", "short.txt"), {"absent.txt"});
    expect_parts(refusal(2, with({"--positive", "positive.txt", "-o", "x.gguf"})), {"--negative"});
    EXPECT_FALSE(is_there("x.gguf"));
}

TEST_F(CliExport, PairsInEveryForm) {
    folder.write("p.json", R"([{"negative": "a \"bad\" day", "positive": "a good, day\nwe love it"},
        {"negative": "the bad cat", "positive": "the good cat"}])");
    folder.write("p.jsonl", R"({"positive": "a good, day\nwe love it", "negative": "a \"bad\" day"})"
                            "\r\n\n"
                            R"({"negative": "the bad cat", "positive": "the good cat"})");
    folder.write(
        "p.csv",
        "\xEF\xBB\xBFpositive,note,negative\r\n\"a good, day\nwe love it\",x,\"a \"\"bad\"\" day\"\r\n"
        "the good cat,,the bad cat\r\n");
    folder.write(
        "p.tsv",
        "negative\tpositive\n\"a \"\"bad\"\" day\"\t\"a good, day\nwe love it\"\nthe bad cat\tthe good cat");
    folder.write("caa.json", R"([{"question": "a", "answer_matching_behavior": "good, day\nwe love it",
         "answer_not_matching_behavior": "\"bad\" day", "statement": "x", "label_confidence": 0.5},
        {"question": "the ", "answer_matching_behavior": "good cat", "answer_not_matching_behavior": "bad cat"}])");
    const auto extract = [](const std::string& file) {
        return Arguments{"extract", "icv", "-m", "m.gguf", "--threads", "1", "--pairs", file, "-o", "x.gguf"};
    };
    std::string expected;
    for (const std::string file : {"p.json", "p.jsonl", "p.csv", "p.tsv", "caa.json"}) {
        const auto r = run(extract(file));
        ASSERT_EQ(r.code, 0) << file << r.err;
        const std::string digest = run_json({"show", "x.gguf"}).at("provenance").at("prompts_digest");
        EXPECT_EQ(digest, expected.empty() ? digest : expected) << file;
        expected = digest;
    }
    const auto refused = [&](const std::string& name, const std::string& text, const char* part) {
        folder.write(name, text);
        expect_parts(refusal(3, extract(name)), {name.c_str(), part});
    };
    refused("b.csv", "text\na cat\n", "no column is called \"negative\"");
    refused("b.csv", "negative,positive\n", "no row below");
    refused("b.csv", "", "no row below");
    refused("b.csv", "negative,positive\na,b,c\n", "line 2: 3 cells; expected 2");
    refused("b.csv", "negative,positive\na,\"b\nc\n", "line 2: a quote (\") does not end");
    refused("b.csv", "negative,positive\n\"a\"x,b\n", "line 2: text after a closing quote");
    refused("b.csv", "negative,positive\n\"a\nb\",c\nd,\n", "line 4: a text of the pair is empty");
    refused("b.csv", "negative,positive\n\xff,c\n", "UTF-8");
    refused("b.csv", "negative,positive,negative\na,b,c\n", "two columns are called \"negative\"");
    refused("b.jsonl", "\n", "no pair in it");
    refused("b.jsonl", "{\"negative\": \"a\", \"positive\": \"b\"}\n{\"negative\": 1}\n", "line 2");
    refused("b.json", R"([{"question": "a", "answer_matching_behavior": "b"}])",
            "answer_not_matching_behavior");
}

TEST_F(CliExport, ArraysInAndOut) {
    write_control_vector("v.gguf", "gemma3", {1, 2, 3});
    const auto theirs = next({"--vector", "v.gguf:0.5"});
    for (const std::string name : {"x.npz", "x.safetensors"}) {
        const auto r = run({"export", "v.gguf:0.5", "-o", name});
        ASSERT_EQ(r.code, 0) << r.err;
        expect_parts(r.out, {"Exact", "3 layers from 1 to 3"});
        EXPECT_EQ(next({"--vector", name}), theirs) << name;
        EXPECT_EQ(next({"--vector", name + ":2@2"}), next({"--vector", "v.gguf@2"})) << name;
        expect_parts(run({"show", name}).out, {"add at residual, all tokens, scale 1"});
    }
}

TEST_F(CliExport, MeasuresOnTheUsersPrompts) {
    make_fv();
    folder.write("p.txt", "the cat is\na dog was\nthe sun is\nit was\n");
    const Arguments base = {"export", "v.gguf", "-o", "x.gguf", "-m", "m.gguf", "-n", "2", "--threads", "1"};
    const auto with = [&](const Arguments& more) {
        Arguments all = base;
        all.insert(all.end(), more.begin(), more.end());
        return run_json(all).at("nearest");
    };
    const json file = with({"-f", "p.txt"});
    EXPECT_EQ(file.at("prompts"), 2);
    EXPECT_LE(file.at("tokens"), 4);
    EXPECT_EQ(with({"-t", "data/functional/twice.json", "--n-prompts", "6"}).at("prompts"), 3);
    Arguments one = base;
    one.insert(one.end(), {"-p", "the cat"});
    expect_parts(refusal(2, one), {"1 prompt", "at least 2"});
}

TEST_F(CliExport, RefusesWhatCannotBeWritten) {
    write_control_vector("v.gguf", "gemma3", {1, 2, 3});
    auto before = names();
    expect_parts(refusal(2, {"export", "v.gguf", "-o", "x.bin"}), {"x.bin", "--to"});
    expect_parts(refusal(2, {"export", "v.gguf", "--to", "vllm", "-o", "x.gguf"}), {"--to"});
    expect_parts(refusal(4, {"export", "absent.gguf", "-o", "x.gguf"}), {"absent.gguf"});
    expect_parts(refusal(4, {"export", "v.gguf", "-o", "none/x.gguf"}), {"none"});
    expect_parts(refusal(3, {"export", "g.gguf", "-o", "x.gguf"}), {"g.gguf", "a model or an adapter"});
    expect_parts(refusal(3, {"export", "v.gguf", "-o", "x.gguf", "-m", "m.gguf"}), {"v.gguf", "'gemma3'"});
    EXPECT_FALSE(is_there("x.gguf"));
    std::filesystem::remove_all(folder.path() / "cache");
    before.erase("cache");
    EXPECT_EQ(names(), before);
}

}  // namespace
}  // namespace tiller

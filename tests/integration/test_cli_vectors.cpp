// What is done with finished vectors on the command line: reading, rebuilding, sums and differences.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "support/cli_test.h"
#include "tiller/engine.h"
#include "tiller/vector.h"

namespace tiller {
namespace {

using nlohmann::json;
using test::Arguments;
using test::expect_parts;

class CliVectors : public test::CliTest {
protected:
    std::map<int, double> next(const std::vector<std::string>& vectors) const {
        Arguments more;
        for (const auto& vector : vectors) more.insert(more.end(), {"--vector", vector});
        return next_logprobs("m.gguf", more);
    }
    void make_last(int n_last, const std::string& name) const {
        const auto r = run({"extract", "icv", "-m", "m.gguf", "-t", "data/behavioural/cheer.json", "-o", name,
                            "--n-pairs", "4", "--n-last", std::to_string(n_last), "--threads", "1"});
        ASSERT_EQ(r.code, 0) << r.err;
    }
};

TEST_F(CliVectors, ReadListsTokens) {
    make_fv();
    make_icv();
    const json fv = run_json({"read", "v.gguf", "-m", "m.gguf", "--top", "300"});
    ASSERT_EQ(fv.at("layers").size(), 1u);
    EXPECT_EQ(fv.at("layers")[0].at("layer"), 1);
    double sum = 0, before = 0;
    for (const auto& t : fv.at("layers")[0].at("tokens")) {
        EXPECT_LE(t.at("logprob").get<double>(), before);
        before = t.at("logprob");
        sum += std::exp(before);
    }
    EXPECT_NEAR(sum, 1, 1e-4);
    const json icv = run_json({"read", "i.gguf", "-m", "m.gguf"});
    ASSERT_EQ(icv.at("layers").size(), 3u);
    EXPECT_EQ(icv.at("layers")[2].at("tokens").size(), 20u);
    const json one = run_json({"read", "i.gguf", "-m", "m.gguf", "--layer", "2"});
    ASSERT_EQ(one.at("layers").size(), 1u);
    EXPECT_EQ(one.at("layers")[0], icv.at("layers")[2]);
    EXPECT_NE(run_json({"read", "i.gguf:-1", "-m", "m.gguf", "--layer", "2"}), one);
    expect_parts(run({"read", "v.gguf", "-m", "m.gguf", "--top", "3"}).out, {"layer 1", "logprob"});
    expect_parts(run({"read", "i.gguf", "-m", "m.gguf", "--top", "3"}).out, {"    0  ", "    2  ", "("});
}

TEST_F(CliVectors, ReadRefusesWhatDoesNotFit) {
    make_fv();
    auto before = names();
    before.erase("cache");
    expect_parts(refusal(2, {"read", "v.gguf"}), {"--model"});
    expect_parts(refusal(2, {"read", "v.gguf", "-m", "m.gguf", "--layer", "2"}), {"layer 2", "only in 1"});
    expect_parts(refusal(2, {"read", "v.gguf", "-m", "m.gguf", "--top", "5000"}), {"5000", "n_vocab"});
    expect_parts(refusal(2, {"read", "v.gguf", "-m", "m.gguf", "-o", "r.gguf"}), {"--reconstruct"});
    expect_parts(refusal(2, {"read", "v.gguf", "-m", "m.gguf", "--reconstruct", "5"}), {"-o"});
    expect_parts(refusal(2, {"read", "v.gguf:2", "-m", "m.gguf", "--reconstruct", "5", "-o", "r.gguf"}),
                 {"v.gguf:2", "scale"});
    expect_parts(refusal(4, {"read", "v.gguf", "-m", "m.gguf", "--reconstruct", "5", "-o", "none/r.gguf"}),
                 {"none/r.gguf"});
    expect_parts(refusal(4, {"read", "absent.gguf", "-m", "m.gguf"}), {"absent.gguf"});
    expect_parts(refusal(3, {"read", "m.gguf", "-m", "m.gguf"}), {"m.gguf"});
    std::filesystem::remove_all(folder.path() / "cache");
    EXPECT_EQ(names(), before);
    test::TinyOptions other;
    other.seed = 5;
    make_model("other.gguf", other);
    expect_parts(refusal(3, {"read", "v.gguf", "-m", "other.gguf"}), {"model_digest"});
    EXPECT_EQ(run({"read", "v.gguf", "-m", "other.gguf", "--force"}).code, 0);
}

TEST_F(CliVectors, ProjectionsAreShownAndAppliedButNeitherReadNorAddedUp) {
    SteeringVector v;
    v.method = "conceptor";
    v.operation = Operation::project;
    v.provenance.n_embd = 48;
    v.directions[1].assign(48 * 3, 0.0f);
    v.directions[1][48] = v.directions[1][2 * 48 + 5] = 0.5f;
    save_vector(v, folder.path() / "p.gguf");
    expect_parts(run({"show", "p.gguf"}).out,
                 {"project at residual", "rows of W", "   1     2  0.5000  0.0000"});
    EXPECT_EQ(run_json({"show", "p.gguf"}).at("direction").at("1").size(), 144U);
    expect_parts(refusal(2, {"combine", "p.gguf", "p.gguf", "-o", "x.gguf"}), {"project", "0 = p.gguf"});
    EXPECT_FALSE(is_there("x.gguf"));
    expect_parts(refusal(3, {"read", "p.gguf", "-m", "m.gguf"}), {"project", "no token"});
    EXPECT_EQ(next({"p.gguf:0"}), next({}));
    EXPECT_GT(distance(next({"p.gguf"}), next({})), 1e-3);
}

TEST_F(CliVectors, ReconstructWritesAVectorOfTheSameTokens) {
    make_fv();
    const json result =
        run_json({"read", "v.gguf", "-m", "m.gguf", "--top", "8", "--reconstruct", "8", "-o", "r.gguf"});
    const auto& fit = result.at("reconstruction").at("layers").at(0);
    EXPECT_LT(fit.at("kl_last").get<double>(), fit.at("kl_first").get<double>() / 10);
    const json show = run_json({"show", "r.gguf"});
    EXPECT_EQ(show.at("method"), "reconstruction");
    EXPECT_EQ(show.at("provenance").at("settings").at("reconstruct.n_token"), "8");
    std::set<int> a, b;
    for (const auto& t : result.at("layers")[0].at("tokens")) a.insert(t.at("id").get<int>());
    const json rebuilt = run_json({"read", "r.gguf", "-m", "m.gguf", "--top", "8"});
    for (const auto& t : rebuilt.at("layers")[0].at("tokens")) b.insert(t.at("id").get<int>());
    std::size_t shared = 0;
    for (const int id : a) shared += b.count(id);
    EXPECT_EQ(fit.at("shared"), shared);
    EXPECT_GE(shared, 6u);
    EXPECT_GT(distance(next({"v.gguf"}), next({"r.gguf"})), 1e-3) << "it is another vector";
}

// Adding function vectors one after another is adding their sum.
TEST_F(CliVectors, CombineIsTheSumOfEdits) {
    make_fv("a.gguf");
    const auto r = run({"extract",   "fv",     "-m",      "m.gguf", "-t",       "data/functional/twice.json",
                        "-o",        "b.gguf", "--shots", "1",      "--n-mean", "3",
                        "--n-patch", "2",      "--heads", "2",      "--seed",   "4",
                        "--threads", "1"});
    ASSERT_EQ(r.code, 0) << r.err;
    const json sum = run_json({"combine", "a.gguf:2", "b.gguf", "a.gguf:-0.5", "-o", "s.gguf"});
    ASSERT_EQ(sum.at("parts").size(), 3u);
    EXPECT_EQ(sum.at("parts")[1].at("weight"), 1);
    EXPECT_EQ(sum.at("parts")[2].at("weight"), -0.5);
    EXPECT_LT(distance(next({"s.gguf:1"}), next({"a.gguf:1.5", "b.gguf:1"})), 1e-3);
    EXPECT_GT(distance(next({"s.gguf:1"}), next({"a.gguf:1.5"})), 0.05);
    const json show = run_json({"show", "s.gguf"});
    EXPECT_EQ(show.at("method"), "combine");
    EXPECT_EQ(show.at("provenance").at("settings").at("part.2.weight"), "-0.5");
    EXPECT_EQ(show.at("provenance").at("settings").at("part.1.seed"), "4");
    expect_parts(run({"combine", "a.gguf", "b.gguf:-1", "-o", "d.gguf"}).out, {"weight", "cosine", "b.gguf"});
}

TEST_F(CliVectors, CombineRefusesMisfits) {
    make_fv();
    make_icv();
    test::TinyOptions other;
    other.seed = 5;
    make_model("other.gguf", other);
    make_fv("w.gguf", "other.gguf");
    auto before = names();
    expect_parts(refusal(2, {"combine", "v.gguf", "i.gguf", "-o", "x.gguf"}),
                 {"site", "mlp_output", "residual", "1 = i.gguf"});
    expect_parts(refusal(2, {"combine", "v.gguf", "w.gguf", "-o", "x.gguf"}), {"model_digest"});
    expect_parts(refusal(2, {"combine", "v.gguf:inf", "-o", "x.gguf"}), {"v.gguf:inf"});
    expect_parts(refusal(2, {"combine", "-o", "x.gguf"}), {"vectors"});
    expect_parts(refusal(2, {"combine", "v.gguf"}), {"--output"});
    expect_parts(refusal(4, {"combine", "v.gguf", "absent.gguf", "-o", "x.gguf"}), {"absent.gguf"});
    expect_parts(refusal(4, {"combine", "v.gguf", "-o", "none/x.gguf"}), {"none"});
    expect_parts(refusal(3, {"combine", "v.gguf", "m.gguf", "-o", "x.gguf"}), {"m.gguf"});
    std::filesystem::remove_all(folder.path() / "cache");
    before.erase("cache");
    EXPECT_EQ(names(), before);
}

// In-context vectors: the sum of two at half strength each, and a negated one.
TEST_F(CliVectors, InContextVectorsAddAndSubtractAtUse) {
    make_last(1, "one.gguf");
    make_last(4, "four.gguf");
    EXPECT_EQ(run_json({"show", "one.gguf"}).at("provenance").at("settings").at("n_last"), "1");
    EXPECT_EQ(run_json({"show", "four.gguf"}).at("provenance").at("settings").at("n_last"), "4");
    EXPECT_NE(run_json({"show", "one.gguf"}).at("direction"),
              run_json({"show", "four.gguf"}).at("direction"));

    // The same through the library: n vectors at once share their strength.
    const auto model = Model::load(folder.path() / "m.gguf");
    Engine engine(model, {.n_threads = 1, .cache_f32 = true});
    Row row;
    row.prompt = model->tokenize("the cat");
    row.n_top = 300;
    for (const auto& [name, dose] : {std::pair{"one.gguf", 0.8f}, std::pair{"four.gguf", -0.4f}})
        for (auto& edit : edits_of(load_vector(folder.path() / name), dose / 2))
            row.edits.push_back(std::move(edit));
    std::map<int, double> expected;
    const auto results = engine.run({&row, 1});
    for (const auto& t : results[0].top) expected[t.token] = static_cast<double>(t.logprob);
    const auto both = next({"one.gguf:0.8", "four.gguf:-0.4"});
    ASSERT_EQ(both.size(), expected.size());
    EXPECT_LT(distance(both, expected), 1e-5);
    EXPECT_GT(distance(both, next({"one.gguf:0.8"})), 1e-3);
    EXPECT_GT(distance(both, next({"one.gguf:0.8", "four.gguf:0.4"})), 1e-3) << "the sign counts";

    // `generate` takes the same doses.
    const auto generate = [&](const std::vector<std::string>& vectors) {
        Arguments arguments = {"generate", "-m", "m.gguf", "-p", "the cat", "-n", "12", "--threads", "1"};
        for (const auto& vector : vectors) arguments.insert(arguments.end(), {"--vector", vector});
        return run_json(arguments)[0].at("tokens");
    };
    EXPECT_EQ(generate({"one.gguf:4", "one.gguf:4"}).size(), 12u);
    EXPECT_NE(generate({"one.gguf:9", "four.gguf:9"}), generate({"one.gguf:-9", "four.gguf:-9"}));

    // combine: the sum of directions; a factor on the whole changes nothing, because turns take directions
    // only.
    ASSERT_EQ(run({"combine", "one.gguf", "four.gguf:-1", "-o", "d.gguf"}).code, 0);
    ASSERT_EQ(run({"combine", "one.gguf:3", "four.gguf:-3", "-o", "d3.gguf"}).code, 0);
    EXPECT_LT(distance(next({"d.gguf:0.5"}), next({"d3.gguf:0.5"})), 1e-4);
    EXPECT_GT(distance(next({"d.gguf:0.5"}), next({"one.gguf:0.5"})), 1e-3);
}

// --- concept heads
// -------------------------------------------------------------------------------------------

TEST_F(CliVectors, ConceptHeadsNameTheirScore) {
    std::string items;
    for (const std::string w : test::kWords)
        items += fmt::format(R"({}{{"input": "{}", "output": "the {}"}})", items.empty() ? "[" : ",\n", w, w);
    folder.write("data/functional/the.json", items + "]\n");
    const auto extract = [](const std::string& task, const std::string& beside) {
        return Arguments{"extract",   "concept-heads",
                         "-m",        "m.gguf",
                         "-t",        task,
                         "--beside",  beside,
                         "-o",        "c.gguf",
                         "--shots",   "2",
                         "--n-mean",  "4",
                         "--n-patch", "6",
                         "--heads",   "3",
                         "--threads", "1"};
    };
    const std::string twice = "data/functional/twice.json", cheer = "data/behavioural/cheer.json";
    const auto made = run(extract(twice, "data/functional/the.json"));
    ASSERT_EQ(made.code, 0) << made.err;
    expect_parts(made.err, {"heads 3, layer 1, scale 1", "concept score", "twice, the, antonym"});
    const json shown = run_json({"show", "c.gguf"});
    EXPECT_EQ(shown.at("method"), "concept-heads");
    EXPECT_EQ(shown.at("heads").size(), 3u);
    const json& settings = shown.at("provenance").at("settings");
    EXPECT_EQ(settings.at("concepts"), "twice, the, antonym, country-capital, english-french");
    EXPECT_EQ(settings.at("n_per_form"), "2");
    EXPECT_EQ(settings.at("checked"), "true");
    const std::string text = run({"show", "c.gguf"}).out;
    expect_parts(text, {"heads (layer.head, concept score)"});
    EXPECT_EQ(text.find("AIE"), std::string::npos);
    std::filesystem::remove(folder.path() / "c.gguf");
    expect_parts(refusal(2, extract(twice, cheer)), {"--beside cheer (behavioural)", "twice (functional)"});
    expect_parts(refusal(2, extract(twice, "absent")), {"absent"});
    EXPECT_FALSE(is_there("c.gguf"));
}

}  // namespace
}  // namespace tiller

// Methods as studies use them: extraction is a function of task, items and seed; builders make what the free
// functions make; the example in docs/extending.md is a method.
#include <algorithm>
#include <fstream>
#include <numeric>
#include <set>

#include "core/util.h"
#include "support/methods_model.h"

namespace tiller {
const Method& method_mean_difference();  // made from docs/extending.md by the build
}

using namespace tiller;
using namespace tiller::test;

namespace {

const std::vector<std::string> kUnrelated = {"in the sun", "is a red", "the dog in", "cold is the"};

Task small_task() {
    Task task;
    task.name = "small";
    const std::vector<std::string> words = {"cat",     "dog",     "red",      "sun",     "hot",
                                            "cold",    "the cat", "a dog",    "the sun", "a sun",
                                            "red cat", "hot dog", "cold sun", "the red"};
    for (std::size_t i = 0; i < words.size(); ++i) {
        const auto& out = words[(i + 5) % words.size()];
        task.items.push_back({static_cast<int>(i), words[i], out, {out}});
    }
    return task;
}

class MethodsInterface : public testing::Test {
protected:
    MethodsInterface() : model_(tiny()), engine_(model_, exact()), task_(small_task()), train_(10) {
        std::iota(train_.begin(), train_.end(), 0);
    }
    MethodInput input(std::uint64_t seed) {
        return {engine_,    task_, train_,
                kUnrelated, seed,  {{"n_mean", 6}, {"n_patch", 3}, {"n_shot", 2}, {"n_pairs", 5}},
                nullptr,    {}};
    }
    // Bytes of the saved file.
    std::string saved(const Method& method, std::uint64_t seed) {
        const auto path = temporary_file("vector.gguf");
        save_vector(method.extract(input(seed)), path);
        return read_file(path, 1 << 24);
    }
    std::vector<const Method*> all() const {
        auto list = methods();
        list.push_back(&method_mean_difference());
        return list;
    }

    std::shared_ptr<const Model> model_;
    Engine engine_;
    Task task_;
    std::vector<int> train_;
};

TEST_F(MethodsInterface, ExtractionIsAFunctionOfItsInput) {
    for (const Method* method : all()) {
        const std::string first = saved(*method, 11);
        EXPECT_TRUE(saved(*method, 11) == first) << method->name() << ": the same input gave another file";
        EXPECT_FALSE(saved(*method, 12) == first) << method->name() << ": the seed changes nothing";
        const SteeringVector a = method->extract(input(11)), b = method->extract(input(12));
        EXPECT_NE(a.directions, b.directions) << method->name();
        EXPECT_NE(a.provenance.prompts_digest, b.provenance.prompts_digest) << method->name();
    }
}

TEST_F(MethodsInterface, OnlyTrainingItemsAreLookedAt) {
    for (const Method* method : all()) {
        task_ = small_task();
        const std::string first = saved(*method, 11);
        for (std::size_t i = train_.size(); i < task_.items.size(); ++i)
            task_.items[i] = {static_cast<int>(i), "is is is", "in in in", {"in in in"}};
        EXPECT_TRUE(saved(*method, 11) == first) << method->name();
        for (int i : train_) task_.items[static_cast<std::size_t>(i)].output = "is in a";
        EXPECT_FALSE(saved(*method, 11) == first) << method->name();
    }
}

TEST_F(MethodsInterface, ProvenanceNamesModelTaskAndCounts) {
    for (const Method* method : all()) {
        const SteeringVector v = method->extract(input(11));
        EXPECT_EQ(v.method, method->name());
        EXPECT_EQ(v.provenance.task, "small");
        EXPECT_EQ(v.provenance.seed, 11u);
        EXPECT_EQ(v.provenance.model_digest, model_->info().digest);
        EXPECT_EQ(v.provenance.n_layer, 3);
        EXPECT_EQ(v.provenance.prompts_digest.size(), 64u);
        EXPECT_NO_THROW(require_match(v, model_->info())) << method->name();
    }
    const auto fv = find_method("fv").extract(input(11)).provenance.settings;
    EXPECT_EQ(fv.at("n_mean"), "6");
    EXPECT_EQ(fv.at("n_patch"), "3");
    EXPECT_EQ(fv.at("n_shot"), "2");
    EXPECT_EQ(find_method("icv").extract(input(11)).provenance.settings.at("pairs"), "5");
}

TEST_F(MethodsInterface, ProgressReachesTheEndAndCheckpointsAreUsed) {
    for (const char* name : {"fv", "icv"}) {
        MemoryCheckpoint checkpoint;
        std::pair<std::size_t, std::size_t> last;
        MethodInput in = input(11);
        in.checkpoint = &checkpoint;
        in.progress = [&](std::size_t done, std::size_t all) { last = {done, all}; };
        const SteeringVector v = find_method(name).extract(in);
        EXPECT_GT(last.second, 0u) << name;
        EXPECT_EQ(last.first, last.second) << name;
        if (std::string(name) == "fv") {
            EXPECT_EQ(checkpoint.n_store, 4) << "a chunk of means and three trials";
        }
        EXPECT_EQ(find_method(name).extract(in).directions, v.directions) << name;
    }
}

// Means over prompts with right labels, effects over other prompts with permuted ones.
TEST_F(MethodsInterface, FvPromptsAreThePapers) {
    FvTrials trials;
    for (const auto& p : make_prompts(task_, train_, 6, 2, 11, false)) trials.mean.push_back(p.text);
    for (const auto& p : make_prompts(task_, train_, 3, 2, 12, true))
        trials.patch.push_back({p.text, p.target});
    const HeadSearch search = search_heads(engine_, trials);
    const SteeringVector v = find_method("fv").extract(input(11));
    EXPECT_EQ(v.aie, search.aie);
    EXPECT_EQ(v.mean_head_output, search.mean_head_output);
}

TEST_F(MethodsInterface, CountsAreThePapersUnlessGiven) {
    TinyOptions small;
    small.n_layer = 1;
    small.n_head = small.n_head_kv = 1;
    Engine engine(tiny(small), exact());
    train_ = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    const MethodInput in{engine, task_, train_, kUnrelated, 1, {}, nullptr, {}};
    const auto fv = find_method("fv").extract(in).provenance.settings;
    EXPECT_EQ(fv.at("n_mean"), "100");
    EXPECT_EQ(fv.at("n_patch"), "25");
    EXPECT_EQ(fv.at("n_shot"), "10");
    EXPECT_EQ(fv.at("heads"), "1");
    const auto icv = find_method("icv").extract(in).provenance.settings;
    EXPECT_EQ(icv.at("pairs"), "12") << "100, or all that there are";
    EXPECT_EQ(icv.at("n_last"), "4");
}

// Every setting that a study would try gives edits that the engine takes, also through a saved file.
TEST_F(MethodsInterface, BuildersMakeUsableVectorsForEverySetting) {
    for (const Method* method : all()) {
        const SteeringVector base = method->extract(input(11));
        const auto path = temporary_file("vector.gguf");
        save_vector(base, path);
        const auto build = method->builder(*model_, base),
                   build_loaded = method->builder(*model_, load_vector(path));
        std::vector<Setting> settings = method->grid(model_->info(), false);
        for (const auto& s : method->grid(model_->info(), true)) settings.push_back(s);
        settings.push_back(method->paper_setting(model_->info()));
        std::vector<Row> rows = {logits_row(random_prompt(7, 1))};
        for (const auto& setting : settings) {
            const SteeringVector v = build(setting);
            EXPECT_EQ(build_loaded(setting).directions, v.directions) << method->name();
            rows.push_back(logits_row(rows[0].prompt, edits_of(v, method->strength(setting))));
            for (const Edit& edit : rows.back().edits) {
                EXPECT_EQ(!edit.positions.contains(0, 2) && edit.positions.contains(1, 2),
                          method->spares_prompt())
                    << method->name();
            }
        }
        // Methods that spare the prompt run as branches of one.
        const auto results = method->spares_prompt() ? engine_.fork(rows) : engine_.run(rows);
        for (std::size_t i = 1; i < results.size(); ++i)
            EXPECT_GT(max_difference(results[i].logits, results[0].logits), 1e-3) << method->name();
    }
}

TEST_F(MethodsInterface, FvBuilderEqualsFunctionVector) {
    const Method& method = find_method("fv");
    const SteeringVector base = method.extract(input(11));
    HeadSearch search;
    search.aie = base.aie;
    search.mean_head_output = base.mean_head_output;
    const auto build = method.builder(*model_, base);
    for (int heads : {1, 4, 12})
        for (int layer : {0, 2}) {
            const SteeringVector got = build({{"heads", heads}, {"layer", layer}, {"scale", 3}});
            const SteeringVector expected =
                function_vector(*model_, search, {.n_heads = heads, .layer = layer, .scale = 3});
            EXPECT_EQ(got.directions, expected.directions);
            EXPECT_EQ(got.scale, expected.scale);
            EXPECT_EQ(got.site, expected.site);
            EXPECT_EQ(got.operation, expected.operation);
            EXPECT_EQ(got.positions, expected.positions);
            ASSERT_EQ(got.heads.size(), expected.heads.size());
            for (std::size_t i = 0; i < got.heads.size(); ++i)
                EXPECT_TRUE(got.heads[i].layer == expected.heads[i].layer &&
                            got.heads[i].head == expected.heads[i].head);
            for (const char* key : {"heads", "layer", "post_norm", "bias_per_head"})
                EXPECT_EQ(got.provenance.settings.at(key), expected.provenance.settings.at(key)) << key;
        }
    // The paper's setting is what extract() leaves in the file.
    EXPECT_EQ(build(method.paper_setting(model_->info())).directions, base.directions);
}

TEST_F(MethodsInterface, IcvBuilderKeepsTheDirections) {
    const Method& method = find_method("icv");
    const SteeringVector base = method.extract(input(11));
    const SteeringVector v = method.builder(*model_, base)({{"alpha", 1.3}});
    EXPECT_EQ(v.directions, base.directions);
    EXPECT_EQ(v.scale, 1.3f);
    EXPECT_EQ(method.strength({{"alpha", 1.3}}), 1.3f);
}

// --- docs/extending.md
// ------------------------------------------------------------------------------------------

TEST_F(MethodsInterface, TheDocumentedExampleIsAMeanDifference) {
    const Method& method = method_mean_difference();
    EXPECT_EQ(method.name(), "mean-difference");
    const SteeringVector v = method.extract(input(11));
    const auto pairs = make_pairs(task_, train_, 100, kUnrelated, 11);
    const ReferenceLlama reference({}, model_->info().path);
    std::vector<Values> expected(3, Values(48, 0.0));
    for (const auto& pair : pairs)
        for (const auto& [text, sign] : {std::pair{pair.negative, -1.0}, {pair.positive, 1.0}}) {
            const auto tokens = model_->tokenize(text);
            const auto pass = reference.run(tokens, static_cast<int>(tokens.size()), {});
            for (std::size_t il = 0; il < 3; ++il)
                for (std::size_t e = 0; e < 48; ++e)
                    expected[il][e] +=
                        sign * pass.captured[3][il].back()[e] / static_cast<double>(pairs.size());
        }
    ASSERT_EQ(v.directions.size(), 3u);
    for (int il = 0; il < 3; ++il)
        EXPECT_LT(max_difference(v.directions.at(il), expected[static_cast<std::size_t>(il)]), 1e-4)
            << "layer " << il;
    const SteeringVector one = method.builder(*model_, v)({{"layer", 2}, {"scale", 0.5}});
    ASSERT_EQ(one.directions.size(), 1u);
    EXPECT_EQ(one.directions.at(2), v.directions.at(2));
    for (int n : {1, 2, 18}) {
        ModelInfo info = model_->info();
        info.n_layer = n;
        const auto grid = method.grid(info, false);
        EXPECT_EQ(std::set<Setting>(grid.begin(), grid.end()).size(), grid.size())
            << n << " layers: the same setting twice";
        for (const auto& setting : grid) EXPECT_TRUE(setting.at("layer") >= 0 && setting.at("layer") < n);
    }
}

TEST(MethodsExtending, TheDocumentedExampleIsShort) {
    std::ifstream in(std::string(TILLER_TESTS_DIR) + "/../docs/extending.md");
    int n_block = 0, n_line = 0;
    bool inside = false;
    for (std::string line; std::getline(in, line);) {
        if (line == "```cpp") {
            ++n_block;
            inside = true;
        } else if (line == "```") {
            inside = false;
        } else {
            n_line += inside;
        }
    }
    EXPECT_EQ(n_block, 1);
    EXPECT_GT(n_line, 30);
    EXPECT_LT(n_line, 80);
}

}  // namespace

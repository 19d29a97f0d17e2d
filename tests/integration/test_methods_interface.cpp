// Methods as studies use them: extraction is a function of task, items and seed; builders make what the free
// functions make; the example in docs/extending.md is a method.
#include <algorithm>
#include <atomic>
#include <fstream>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "core/util.h"
#include "support/methods_model.h"
#include "support/methods_task.h"
#include "tiller/vocabulary.h"

namespace tiller {
const Method& method_layer_average();  // made from docs/extending.md by the build
}

using namespace tiller;
using namespace tiller::test;

namespace {

class MethodsInterface : public testing::Test {
protected:
    MethodsInterface() : model_(tiny()), engine_(model_, exact()), task_(small_task()), train_(10) {
        std::iota(train_.begin(), train_.end(), 0);
    }
    MethodInput input(std::uint64_t seed) {
        MethodInput in{engine_,    task_, train_,
                       kUnrelated, seed,  {{"n_mean", 6}, {"n_patch", 3}, {"n_shot", 2}, {"n_pairs", 5}},
                       nullptr,    {}};
        concepts_ = small_concepts(task_, train_);
        in.concepts = concepts_;
        return in;
    }
    // Bytes of the saved file.
    std::string saved(const Method& method, std::uint64_t seed) {
        const auto path = temporary_file("vector.gguf");
        save_vector(method.extract(input(seed)), path);
        return read_file(path, 1 << 24);
    }
    std::vector<const Method*> all() const {
        auto list = methods();
        list.push_back(&method_layer_average());
        return list;
    }

    std::shared_ptr<const Model> model_;
    Engine engine_;
    Task task_;
    std::vector<int> train_;
    std::vector<ConceptForm> concepts_;
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
    EXPECT_EQ(fv.at("input.texts"), "9");
    EXPECT_EQ(find_method("fv-shuffled").extract(input(11)).provenance.settings.at("input.texts"), "15");
    for (const Method* method : all())
        EXPECT_GT(std::stoi(method->extract(input(11)).provenance.settings.at("input.tokens")), 0)
            << method->name();
}

// A vector made with the free functions alone, as README's sample makes one, is refused by another model.
void expect_identity(const SteeringVector& v, const Model& model, const Model& other,
                     const std::string& what) {
    const ModelInfo& info = model.info();
    const Provenance& p = v.provenance;
    EXPECT_EQ(p.model_name, info.name) << what;
    EXPECT_EQ(p.model_digest, info.digest) << what;
    EXPECT_EQ(p.tokenizer_digest, info.tokenizer_digest) << what;
    EXPECT_EQ(p.architecture, info.architecture) << what;
    EXPECT_EQ(p.quantisation, info.quantisation) << what;
    EXPECT_EQ(p.n_layer, info.n_layer) << what;
    EXPECT_EQ(p.n_embd, info.n_embd) << what;
    EXPECT_NO_THROW(require_match(v, info)) << what;
    expect_error(Code::bad_input, {"model_digest"}, [&] { require_match(v, other.info()); });
}

TEST_F(MethodsInterface, EveryMakerNamesItsModel) {
    TinyOptions o;
    o.seed = 2;  // the same shape, other weights
    const auto other = tiny(o);
    const HeadSearch search = search_heads(engine_, small_trials(3, 2));
    FvOptions fv;
    fv.n_heads = 2;
    const SteeringVector function = function_vector(*model_, search, fv);
    expect_identity(function, *model_, *other, "function_vector");
    const std::vector<Pair> pairs = {{"the cat", "the dog"}, {"a sun", "red cat"}, {"hot dog", "cold sun"}};
    const SteeringVector in_context = in_context_vector(engine_, pairs);
    expect_identity(in_context, *model_, *other, "in_context_vector");
    const int sizes[] = {1, 3};
    for (const auto& v : in_context_vectors(engine_, pairs, sizes))
        expect_identity(v, *model_, *other, "in_context_vectors");
    expect_identity(random_like(function, 3), *model_, *other, "random_like");
    expect_identity(combine({{function, 0.5f}, {function, 1.0f}}), *model_, *other, "combine");
    for (const Method* method : all()) {
        const SteeringVector base = method->extract(input(11));
        expect_identity(base, *model_, *other, method->name());
        const auto build = method->builder(*model_, base);
        expect_identity(build(method->paper_setting(model_->info())), *model_, *other,
                        method->name() + ", built");
    }
}

// A plain control vector of another tool knows no model; what is rebuilt from it was computed on one.
TEST_F(MethodsInterface, AReconstructionNamesTheModelItWasMadeOn) {
    TinyOptions o;
    o.seed = 2;
    const auto other = tiny(o);
    FvOptions fv;
    fv.n_heads = 2;
    SteeringVector plain = function_vector(*model_, search_heads(engine_, small_trials(3, 2)), fv);
    plain.provenance = {};
    ReconstructOptions options;
    options.n_token = 4;
    options.n_step = 2;
    expect_identity(reconstruct_vocabulary(engine_, plain, options).vector, *model_, *other,
                    "reconstruction");
}

// Stopped after every step in turn: what was kept, and the rest, give the same file.
TEST_F(MethodsInterface, ResumedExtractionIsBitIdentical) {
    for (const Method* method : all()) {
        const std::string whole = saved(*method, 11);
        bool done = false;
        for (std::size_t k = 1; !done; ++k) {
            ASSERT_LT(k, 20u) << method->name();
            MemoryCheckpoint checkpoint;
            std::atomic<bool> stop = false;
            std::size_t n_step = 0;
            MethodInput in = input(11);
            in.checkpoint = &checkpoint;
            in.progress = [&](std::size_t, std::size_t) { stop = ++n_step == k; };
            engine_.cancel_with(&stop);
            try {
                method->extract(in);
                done = true;
            } catch (const Error& e) {
                ASSERT_EQ(e.code(), Code::interrupted) << e.what();
            }
            engine_.cancel_with(nullptr);
            in.progress = {};
            const auto path = temporary_file("resumed.gguf");
            save_vector(method->extract(in), path);
            EXPECT_TRUE(read_file(path, 1 << 24) == whole) << method->name() << ", stopped at step " << k;
        }
    }
}

TEST_F(MethodsInterface, ProgressReachesTheEndAndCheckpointsAreUsed) {
    for (const Method* method : all()) {
        MemoryCheckpoint checkpoint;
        std::pair<std::size_t, std::size_t> last;
        MethodInput in = input(11);
        in.checkpoint = &checkpoint;
        in.progress = [&](std::size_t done, std::size_t all) { last = {done, all}; };
        const SteeringVector v = method->extract(in);
        EXPECT_GT(last.second, 0u) << method->name();
        EXPECT_EQ(last.first, last.second) << method->name();
        if (method->name() == "fv") {
            EXPECT_EQ(checkpoint.n_store, 2) << "a chunk of means, and three trials at once";
        }
        EXPECT_EQ(method->extract(in).directions, v.directions) << method->name();
    }
}

// Small and large models: every setting is one of the model's, and none is tried twice.
TEST_F(MethodsInterface, SettingsLieWithinTheModel) {
    for (const Method* method : all())
        for (int n : {1, 2, 3, 18, 32, 80}) {
            ModelInfo info = model_->info();
            info.n_layer = n;
            info.n_head.assign(static_cast<std::size_t>(n), 4);
            for (bool behavioural : {false, true}) {
                auto settings = method->grid(info, behavioural);
                ASSERT_FALSE(settings.empty());
                EXPECT_EQ(std::set<Setting>(settings.begin(), settings.end()).size(), settings.size())
                    << method->name() << ", " << n << " layers: the same setting twice";
                EXPECT_LE(settings.size(), behavioural ? 9u : 144u) << method->name();
                settings.push_back(method->paper_setting(info));
                for (const auto& setting : settings)
                    for (const auto& [key, value] : setting) {
                        if (key == "layer") {
                            EXPECT_TRUE(value >= 0 && value < n) << method->name() << " " << n;
                        } else if (key == "heads") {
                            EXPECT_TRUE(value >= 1 && value <= 4 * n) << method->name() << " " << n;
                        } else {
                            EXPECT_GT(value, 0) << method->name() << " " << key;
                        }
                    }
            }
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

TEST_F(MethodsInterface, TheDocumentedExampleIsTheLayerAverage) {
    const Method& method = method_layer_average();
    EXPECT_EQ(method.name(), "layer-average");
    const SteeringVector v = method.extract(input(11));
    const auto prompts = make_prompts(task_, train_, 6, 2, 11, false);
    const ReferenceLlama reference({}, model_->info().path);
    std::vector<Values> expected(3, Values(48, 0.0));
    for (const auto& prompt : prompts) {
        const auto tokens = model_->tokenize(prompt.text);
        const auto pass = reference.run(tokens, static_cast<int>(tokens.size()), {});
        for (std::size_t il = 0; il < 3; ++il)
            for (std::size_t e = 0; e < 48; ++e)
                expected[il][e] += pass.captured[3][il].back()[e] / static_cast<double>(prompts.size());
    }
    ASSERT_EQ(v.directions.size(), 3u);
    for (int il = 0; il < 3; ++il)
        EXPECT_LT(max_difference(v.directions.at(il), expected[static_cast<std::size_t>(il)]), 1e-4)
            << "layer " << il;
    EXPECT_EQ(v.operation, Operation::add);
    EXPECT_EQ(v.positions, Positions::Kind::steered);
    EXPECT_EQ(method.paper_setting(model_->info()), (Setting{{"layer", 1}, {"scale", 1}}));
}

TEST(MethodsExtending, TheDocumentedExampleIsShort) {
    std::ifstream in(std::string(TILLER_TESTS_DIR) + "/../docs/extending.md");
    std::vector<int> lines;  // of each block
    bool inside = false;
    for (std::string line; std::getline(in, line);) {
        if (line == "```cpp") {
            lines.push_back(0);
            inside = true;
        } else if (line == "```") {
            inside = false;
        } else if (inside) {
            ++lines.back();
        }
    }
    ASSERT_EQ(lines.size(), 4u);  // a method, a score, a command, an endpoint
    EXPECT_GT(lines[0], 30);
    for (const int n : lines) EXPECT_LT(n, 80);
}

// An axis that changes nothing would spend a search's budget on settings that are one.
TEST_F(MethodsInterface, EveryChoiceOfAnAxisChangesWhatIsApplied) {
    for (const Method* method : all()) {
        const auto build = method->builder(*model_, method->extract(input(11)));
        const Setting paper = method->paper_setting(model_->info());
        for (const Axis& axis : method->axes(model_->info(), 40)) {
            std::set<std::pair<std::map<int, std::vector<float>>, float>> applied;
            std::size_t n = 0;
            for (const Setting& choice : axis) {
                if (choice.count("pairs")) continue;  // another vector, which the study extracts
                Setting setting = paper;
                for (const auto& [name, value] : choice) setting[name] = value;
                applied.emplace(build(setting).directions, method->strength(setting));
                ++n;
            }
            EXPECT_EQ(applied.size(), n) << method->name();
        }
    }
}

}  // namespace

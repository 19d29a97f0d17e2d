// Methods with one direction per layer: each direction against arithmetic on the reference's residual stream.
#include <fmt/format.h>

#include <atomic>
#include <numeric>
#include <set>

#include "core/util.h"
#include "methods/latents.h"
#include "support/methods_model.h"
#include "support/methods_task.h"
#include "support/reference_pca.h"

using namespace tiller;
using namespace tiller::test;

namespace {

constexpr int kLayers = 3;

class MethodsLayers : public testing::TestWithParam<bool> {
protected:
    MethodsLayers() : m_(llama_options(GetParam())), engine_(m_.model, exact()) {}

    MethodInput input(int n_pairs = 5, std::uint64_t seed = 11) {
        return {engine_,    task_, train_,
                kUnrelated, seed,  {{"n_mean", 6}, {"n_patch", 3}, {"n_shot", 2}, {"n_pairs", n_pairs}},
                nullptr,    {}};
    }
    std::vector<Pair> pairs(int n = 5) const { return make_pairs(task_, train_, n, kUnrelated, 11); }

    // Residual stream after each layer at the last token.
    std::vector<Values> latent(const std::string& text) const {
        const auto tokens = m_.model->tokenize(text);
        const auto pass = m_.reference.run(tokens, static_cast<int>(tokens.size()), {});
        std::vector<Values> layers;
        for (const auto& layer : pass.captured[3]) layers.push_back(layer.back());
        return layers;
    }
    // Mean over texts, [layer][n_embd].
    std::vector<Values> mean(const std::vector<std::string>& texts) const {
        std::vector<Values> sum;
        for (const auto& text : texts) add(sum, latent(text), 1.0 / static_cast<double>(texts.size()));
        return sum;
    }
    static void add(std::vector<Values>& sum, const std::vector<Values>& values, double factor) {
        sum.resize(values.size());
        for (std::size_t il = 0; il < values.size(); ++il) {
            sum[il].resize(values[il].size(), 0.0);
            for (std::size_t e = 0; e < values[il].size(); ++e) sum[il][e] += factor * values[il][e];
        }
    }
    static double norm(const Values& v) {
        return std::sqrt(std::inner_product(v.begin(), v.end(), v.begin(), 0.0));
    }
    // Largest error of a layer in terms of its direction's length.
    static void expect_directions(const SteeringVector& v, const std::vector<Values>& expected,
                                  double bound) {
        ASSERT_EQ(v.directions.size(), expected.size());
        for (std::size_t il = 0; il < expected.size(); ++il) {
            ASSERT_GT(norm(expected[il]), 1e-3);
            EXPECT_LT(max_difference(v.directions.at(static_cast<int>(il)), expected[il]),
                      bound * norm(expected[il]))
                << v.method << ", layer " << il;
        }
    }
    static void expect_added_from_the_last_token_on(const SteeringVector& v) {
        EXPECT_EQ(v.site, Site::residual);
        EXPECT_EQ(v.operation, Operation::add);
        EXPECT_EQ(v.positions, Positions::Kind::steered);
    }
    std::vector<Values> mean_difference(const std::vector<Pair>& of) const {
        std::vector<Values> sum;
        for (const auto& pair : of) {
            add(sum, latent(pair.positive), 1.0 / static_cast<double>(of.size()));
            add(sum, latent(pair.negative), -1.0 / static_cast<double>(of.size()));
        }
        return sum;
    }

    MethodsModel m_;
    Engine engine_;
    Task task_ = small_task();
    std::vector<int> train_ = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
};

TEST_P(MethodsLayers, MeanDifferenceOfPairs) {
    const SteeringVector v = find_method("mean-diff").extract(input());
    expect_added_from_the_last_token_on(v);
    expect_directions(v, mean_difference(pairs()), 1e-4);
    EXPECT_EQ(v.provenance.settings.at("pairs"), "5");
    // Behavioural tasks: input against output.
    task_.family = Family::behavioural;
    const auto styles = pairs();
    EXPECT_EQ(styles[0].negative.find("Q:"), std::string::npos);
    expect_directions(find_method("mean-diff").extract(input()), mean_difference(styles), 1e-4);
}

TEST_P(MethodsLayers, MeanCentredTakesNoNegatives) {
    const SteeringVector v = find_method("mean-centred").extract(input());
    expect_added_from_the_last_token_on(v);
    std::vector<std::string> positives;
    for (const auto& pair : pairs()) positives.push_back(pair.positive);
    auto expected = mean(positives);
    add(expected, mean(kUnrelated), -1);
    expect_directions(v, expected, 1e-4);
    EXPECT_EQ(v.provenance.settings.at("unrelated"), "4");
    MethodInput none = input();
    none.unrelated = {};
    expect_error(Code::usage, {"mean-centred", "unrelated"},
                 [&] { find_method("mean-centred").extract(none); });
}

TEST_P(MethodsLayers, RepeIsThePrincipalDirectionOfAlternatingDifferences) {
    const auto of = pairs(7);
    const SteeringVector v = find_method("repe").extract(input(7));
    expect_added_from_the_last_token_on(v);
    const auto means = mean_difference(of);
    std::vector<Values> expected;
    for (std::size_t il = 0; il < kLayers; ++il) {
        std::vector<Values> rows;
        for (std::size_t i = 0; i < of.size(); ++i) {
            std::vector<Values> difference;
            add(difference, latent(of[i].positive), i % 2 ? -1 : 1);
            add(difference, latent(of[i].negative), i % 2 ? 1 : -1);
            rows.push_back(difference[il]);
        }
        Values component = reference_pca(rows).component;
        const double projection =
            std::inner_product(component.begin(), component.end(), means[il].begin(), 0.0);
        ASSERT_GT(std::fabs(projection), 0.05 * norm(means[il])) << "choose other pairs: the sign is chance";
        for (double& c : component) c *= (projection < 0 ? -1 : 1) * norm(means[il]);
        expected.push_back(component);
        EXPECT_NEAR(norm(component), norm(means[il]), 1e-9);
        double distance = 0;
        for (std::size_t e = 0; e < component.size(); ++e)
            distance = std::max(distance, std::fabs(component[e] - means[il][e]));
        EXPECT_GT(distance, 0.01 * norm(means[il])) << "the test could not tell it from the mean";
    }
    expect_directions(v, expected, 2e-3);
}

// One pair leaves nothing when it is centred; two leave their common part, and the sign is the mean's.
TEST_P(MethodsLayers, RepeOfOneAndTwoPairsIsTheMean) {
    for (int n : {1, 2})
        expect_directions(find_method("repe").extract(input(n)), mean_difference(pairs(n)), 1e-4);
}

TEST_P(MethodsLayers, TaskVectorReplacesTheLastPromptToken) {
    const Method& method = find_method("task-vector");
    const SteeringVector v = method.extract(input());
    EXPECT_EQ(v.site, Site::residual);
    EXPECT_EQ(v.operation, Operation::replace);
    EXPECT_EQ(v.positions, Positions::Kind::last_prompt);
    std::vector<std::string> prompts;
    for (const auto& prompt : make_prompts(task_, train_, 6, 2, 11, false)) prompts.push_back(prompt.text);
    expect_directions(v, mean(prompts), 1e-4);
    // In use: the residual stream of the last prompt token is the vector, and of no other.
    for (int layer = 0; layer < kLayers; ++layer) {
        const SteeringVector one = method.builder(*m_.model, v)({{"layer", layer}});
        ASSERT_EQ(one.directions.size(), 1u);
        const float strength = method.strength({{"layer", layer}});
        Row row = logits_row(random_prompt(9, 4), edits_of(one, strength));
        row.forced = {40, 270, 77};
        const auto result = engine_.run(std::vector<Row>{row});
        const Edit expected = {Site::residual,
                               layer,
                               -1,
                               Operation::replace,
                               {Positions::Kind::range, 8, 9},
                               shared(v.directions.at(layer)),
                               1};
        compare_with_reference(m_, row, result[0], {expected}, 5e-3, fmt::format("layer {}", layer));
    }
}

TEST_P(MethodsLayers, BuildersTakeOneLayer) {
    for (const char* name : {"mean-diff", "mean-centred", "repe"}) {
        const Method& method = find_method(name);
        const SteeringVector base = method.extract(input());
        const Setting setting = {{"layer", 2}, {"scale", 0.5}};
        const SteeringVector v = method.builder(*m_.model, base)(setting);
        ASSERT_EQ(v.directions.size(), 1u) << name;
        EXPECT_EQ(v.directions.at(2), base.directions.at(2)) << name;
        EXPECT_EQ(v.scale, 0.5f) << name;
        EXPECT_EQ(method.strength(setting), 0.5f) << name;
        expect_added_from_the_last_token_on(v);
    }
}

// Draws share texts: a method that is given the states of those of another draw makes the same vector of
// them.
TEST_P(MethodsLayers, StatesOfOtherDrawsChangeNothing) {
    TextStates states;
    for (const std::string name : {"icv", "mean-diff", "mean-centred", "repe", "task-vector", "conceptor"})
        for (const auto& train :
             {std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7}, std::vector<int>{2, 3, 4, 5, 6, 7, 8, 9}}) {
            train_ = train;
            MethodInput in = input(8);
            const auto alone = find_method(name).extract(in);
            in.states = &states;
            const auto before = engine_.stats().n_capture;
            EXPECT_EQ(find_method(name).extract(in).directions, alone.directions) << name;
            if (name == "icv" && train[0] == 2) {
                EXPECT_LT(engine_.stats().n_capture - before, std::uint64_t{16 * kLayers * 4})
                    << "not all of 16 texts, of four tokens each";
            }
        }
}

INSTANTIATE_TEST_SUITE_P(Llama, MethodsLayers, testing::Bool(), [](const auto& param) {
    return param.param ? "GroupedHeads" : "OneHeadPerKeyWithBiases";
});

class MethodsLatents : public testing::Test {
protected:
    MethodsLatents() : model_(tiny()), engine_(model_, exact()) {
        for (int i = 0; i < 70; ++i)  // two chunks
            texts_.push_back(fmt::format("{} {}", i % 2 ? "the cat" : "a red sun",
                                         std::string(static_cast<std::size_t>(i % 7), 'x')));
    }
    std::shared_ptr<const Model> model_;
    Engine engine_;
    std::vector<std::string> texts_;
};

TEST_F(MethodsLatents, ReadTextsComeFromTheCheckpoint) {
    MemoryCheckpoint checkpoint;
    const auto first = mean_latent(engine_, texts_, {4, &checkpoint});
    EXPECT_EQ(checkpoint.n_store, 2);
    Engine other(model_, exact());
    std::vector<std::size_t> steps;
    EXPECT_EQ(
        mean_latent(other, texts_,
                    {4, &checkpoint, nullptr, [&](std::size_t done, std::size_t) { steps.push_back(done); }}),
        first);
    EXPECT_EQ(other.stats().n_token, 0u);
    EXPECT_EQ(steps, (std::vector<std::size_t>{64, 70}));
    // Other tokens or texts are not the same.
    EXPECT_NE(mean_latent(other, texts_, {1, &checkpoint}), first);
    std::swap(texts_[0], texts_[69]);
    mean_latent(other, texts_, {4, &checkpoint});
    EXPECT_EQ(checkpoint.n_store, 6);
}

TEST_F(MethodsLatents, WhatIsKeptIsNotReadAgain) {
    for (std::size_t i = 0; i < texts_.size(); ++i) texts_[i] += " " + std::to_string(i);
    const std::span<const std::string> all = texts_;
    const auto first = mean_latent(engine_, all.first(60), {4}),
               last = mean_latent(engine_, all.last(60), {4});
    const auto one = mean_latent(engine_, all.last(60), {1});
    const auto bytes_of = [&](std::size_t n) { return n * first.size() * sizeof(float); };

    TextStates states(bytes_of(70));
    Engine engine(model_, exact());
    std::vector<std::size_t> steps;
    const LatentOptions options{4, nullptr, &states,
                                [&](std::size_t done, std::size_t) { steps.push_back(done); }};
    EXPECT_EQ(mean_latent(engine, all.first(60), options), first);
    const auto of_60 = engine.stats().n_capture;
    EXPECT_EQ(mean_latent(engine, all.last(60), options), last);
    EXPECT_EQ(engine.stats().n_capture - of_60, of_60 / 6) << "ten texts are new";
    EXPECT_EQ(mean_latent(engine, all.last(60), options), last);
    EXPECT_EQ(engine.stats().n_capture - of_60, of_60 / 6) << "and now none";
    EXPECT_EQ(steps, (std::vector<std::size_t>{60, 60}));
    EXPECT_FALSE(states.has_room_for(1));
    EXPECT_EQ(mean_latent(engine, all.last(60), {1, nullptr, &states}), one) << "another number of tokens";

    TextStates small(bytes_of(61));
    EXPECT_EQ(mean_latent(engine, all.first(60), {4, nullptr, &small}), first);
    EXPECT_EQ(mean_latent(engine, all.last(60), {4, nullptr, &small}), last) << "no room for ten more";
    EXPECT_TRUE(small.has_room_for(first.size()));
}

TEST_F(MethodsLatents, BadTextsAreRefused) {
    expect_error(Code::bad_input, {"no texts"}, [&] { mean_latent(engine_, {}); });
    expect_error(Code::usage, {"n_last", "0"}, [&] { mean_latent(engine_, texts_, {0}); });
    texts_[66].clear();
    expect_error(Code::bad_input, {"text 66", "empty"}, [&] { mean_latent(engine_, texts_); });
}

TEST_F(MethodsLatents, NumbersThatAreNotFiniteAreRefused) {
    TinyOptions broken;
    broken.constants = {{"blk.1.ffn_down.weight", 3e38f}};
    Engine engine(tiny(broken), exact());
    expect_error(Code::bad_input, {"text 0", "a red sun", "after layer 1", "quantisation"},
                 [&] { mean_latent(engine, texts_); });
}

}  // namespace

// search_heads() against the float64 forward pass, interrupted searches, and what it refuses.
#include <fmt/format.h>

#include <atomic>
#include <numeric>

#include "support/methods_model.h"

using namespace tiller;
using namespace tiller::test;

namespace {

// AIEs here are of the size 1e-3 to 1e-2; the engine's float32 leaves some 1e-7.
constexpr double kAieBound = 5e-6;

struct Expected {
    std::vector<std::vector<double>> mean, aie;
    std::vector<double> errors;  ///< Standard errors, sorted.
    double clean = 0;
};

Expected reference_search(const MethodsModel& m, const FvTrials& trials) {
    Expected out;
    const auto n_layer = static_cast<std::size_t>(m.options.n_layer),
               n_head = static_cast<std::size_t>(m.options.n_head);
    const auto d = static_cast<std::size_t>(m.options.d_head);
    out.mean.assign(n_layer, Values(n_head * d, 0.0));
    out.aie.assign(n_layer, Values(n_head, 0.0));
    for (const auto& text : trials.mean) {
        const auto tokens = m.model->tokenize(text);
        const auto pass = m.reference.run(tokens, static_cast<int>(tokens.size()), {});
        for (std::size_t il = 0; il < n_layer; ++il)
            for (std::size_t i = 0; i < n_head * d; ++i)
                out.mean[il][i] += pass.captured[0][il].back()[i] / static_cast<double>(trials.mean.size());
    }
    std::vector<std::vector<double>> effects(n_layer * n_head);
    for (const auto& trial : trials.patch) {
        const auto tokens = m.model->tokenize(trial.prompt);
        const Token target = target_tokens(*m.model, trial.prompt, trial.target).at(0);
        const int n = static_cast<int>(tokens.size());
        const double clean = std::exp(log_softmax(m.reference.run(tokens, n, {}).logits.back(), target));
        out.clean += clean / static_cast<double>(trials.patch.size());
        for (std::size_t il = 0; il < n_layer; ++il)
            for (std::size_t h = 0; h < n_head; ++h) {
                std::vector<float> slice;
                for (std::size_t i = h * d; i < (h + 1) * d; ++i)
                    slice.push_back(static_cast<float>(out.mean[il][i]));
                const Edit patch{Site::head_output,
                                 static_cast<int>(il),
                                 static_cast<int>(h),
                                 Operation::replace,
                                 {Positions::Kind::range, n - 1, n},
                                 shared(slice),
                                 1};
                const double p = std::exp(
                    log_softmax(m.reference.run(tokens, n, std::vector<Edit>{patch}).logits.back(), target));
                effects[il * n_head + h].push_back(p - clean);
                out.aie[il][h] += (p - clean) / static_cast<double>(trials.patch.size());
            }
    }
    for (const auto& of_head : effects) {
        const auto n = static_cast<double>(of_head.size());
        double mean = 0, square = 0;
        for (double e : of_head) mean += e / n;
        for (double e : of_head) square += (e - mean) * (e - mean);
        out.errors.push_back(std::sqrt(square / (n - 1) / n));
    }
    std::sort(out.errors.begin(), out.errors.end());
    return out;
}

// Gives each trial the target that is most likely among the vocabulary's words, so that effects are not tiny.
void choose_likely_targets(const MethodsModel& m, FvTrials& trials) {
    for (auto& trial : trials.patch) {
        const auto tokens = m.model->tokenize(trial.prompt);
        const auto logits = m.reference.run(tokens, static_cast<int>(tokens.size()), {}).logits.back();
        double best = -1e9;
        for (const char* word :
             {" the", " cat", " dog", " red", " sun", " hot", " cold", " is", " in", " a"}) {
            const double l =
                logits[static_cast<std::size_t>(target_tokens(*m.model, trial.prompt, word).at(0))];
            if (l > best) {
                best = l;
                trial.target = word;
            }
        }
        trial.target += " is in";  // the first token alone is scored
    }
}

class MethodsHeadSearch : public testing::TestWithParam<bool> {};

TEST_P(MethodsHeadSearch, AgreesWithTheReference) {
    const MethodsModel m(llama_options(GetParam()));
    Engine engine(m.model, exact());
    FvTrials trials = small_trials(19, 4);  // means in two chunks
    choose_likely_targets(m, trials);
    const Expected expected = reference_search(m, trials);
    std::vector<std::pair<std::size_t, std::size_t>> steps;
    const HeadSearch search = search_heads(
        engine, trials, nullptr, [&](std::size_t done, std::size_t all) { steps.emplace_back(done, all); });

    ASSERT_EQ(search.mean_head_output.size(), 3u);
    ASSERT_EQ(search.aie.size(), 3u);
    double largest = 0;
    for (std::size_t il = 0; il < 3; ++il) {
        EXPECT_LT(max_difference(search.mean_head_output[il], expected.mean[il]), 2e-5) << "layer " << il;
        EXPECT_LT(max_difference(search.aie[il], expected.aie[il]), kAieBound) << "layer " << il;
        for (double a : expected.aie[il]) largest = std::max(largest, std::fabs(a));
    }
    EXPECT_GT(largest, 100 * kAieBound) << "the effects are too small to compare: choose other trials";
    EXPECT_NEAR(std::log(search.clean_probability), std::log(expected.clean), 5e-3);
    EXPECT_NEAR(search.noise, expected.errors[expected.errors.size() / 2], kAieBound);
    EXPECT_GT(search.noise, 0);

    const auto ranked = rank_heads(search.aie);
    ASSERT_EQ(ranked.size(), 12u);
    int n_clear = 0;
    for (std::size_t i = 0; i < ranked.size(); ++i)
        for (std::size_t j = i + 1; j < ranked.size(); ++j) {
            const auto of = [&](const HeadEffect& h) {
                return expected.aie[static_cast<std::size_t>(h.layer)][static_cast<std::size_t>(h.head)];
            };
            if (std::fabs(of(ranked[i]) - of(ranked[j])) < 2 * kAieBound) continue;
            ++n_clear;
            EXPECT_GT(of(ranked[i]), of(ranked[j])) << ranked[i].layer << "." << ranked[i].head << " before "
                                                    << ranked[j].layer << "." << ranked[j].head;
        }
    EXPECT_GT(n_clear, 60) << "of 66 pairs";

    std::vector<std::pair<std::size_t, std::size_t>> all_steps;
    for (std::size_t i = 1; i <= 6; ++i) all_steps.emplace_back(i, 6);
    EXPECT_EQ(steps, all_steps);
}

TEST_P(MethodsHeadSearch, ResumedSearchIsBitIdentical) {
    const MethodsModel m(llama_options(GetParam()));
    const FvTrials trials = small_trials(35, 20);  // three chunks of means; trials 8, 8 and 4 at once
    const std::vector<std::size_t> parts = {1, 2, 3, 3 + 8, 3 + 16, 3 + 20};  // steps behind each
    Engine whole_engine(m.model, exact());
    const HeadSearch whole = search_heads(whole_engine, trials);
    for (std::size_t k = 1; k <= parts.size(); ++k) {
        MemoryCheckpoint checkpoint;
        std::atomic<bool> stop = false;
        {
            Engine engine(m.model, exact());
            engine.cancel_with(&stop);
            const auto stop_after_k = [&](std::size_t done, std::size_t) { stop = done == parts[k - 1]; };
            if (k < parts.size())
                expect_error(Code::interrupted, {},
                             [&] { search_heads(engine, trials, &checkpoint, stop_after_k); });
            else
                search_heads(engine, trials, &checkpoint,
                             stop_after_k);  // stopped when nothing was left to do
        }
        ASSERT_EQ(checkpoint.n_store, static_cast<int>(k));
        std::vector<std::size_t> steps;
        Engine engine(m.model, exact());
        const HeadSearch resumed = search_heads(
            engine, trials, &checkpoint, [&](std::size_t done, std::size_t) { steps.push_back(done); });
        EXPECT_EQ(checkpoint.n_load, static_cast<int>(k));
        EXPECT_EQ(checkpoint.n_store, 6);
        std::vector<std::size_t> all_steps(23);
        std::iota(all_steps.begin(), all_steps.end(), 1u);
        EXPECT_EQ(steps, all_steps);
        EXPECT_EQ(resumed.mean_head_output, whole.mean_head_output) << k;
        EXPECT_EQ(resumed.aie, whole.aie) << k;
        EXPECT_EQ(resumed.clean_probability, whole.clean_probability) << k;
        EXPECT_EQ(resumed.noise, whole.noise) << k;
        if (k == parts.size()) {
            EXPECT_EQ(engine.stats().n_token, 0u) << "all was done, nothing may be computed";
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Llama, MethodsHeadSearch, testing::Bool(), [](const auto& param) {
    return param.param ? "GroupedHeads" : "OneHeadPerKeyWithBiases";
});

TEST(MethodsHeadSearchInput, CheckpointsOfAnotherShapeAreComputedAgain) {
    const MethodsModel m(llama_options(true));
    Engine engine(m.model, exact());
    const FvTrials trials = small_trials(3, 2);
    MemoryCheckpoint checkpoint;
    const HeadSearch whole = search_heads(engine, trials, &checkpoint);
    for (auto& [key, values] : checkpoint.files) values.assign(values.size() - 1, 7.0f);  // a file cut short
    const HeadSearch again = search_heads(engine, trials, &checkpoint);
    EXPECT_EQ(again.aie, whole.aie);
    EXPECT_EQ(again.mean_head_output, whole.mean_head_output);
}

TEST(MethodsHeadSearchInput, OneTrialHasNoNoise) {
    const MethodsModel m(llama_options(true));
    Engine engine(m.model, exact());
    const HeadSearch search = search_heads(engine, small_trials(2, 1));
    EXPECT_EQ(search.noise, 0);
    EXPECT_GT(search.clean_probability, 0);
}

TEST(MethodsHeadSearchInput, EmptyListsAndTargetsAreRefused) {
    const MethodsModel m(llama_options(true));
    Engine engine(m.model, exact());
    FvTrials trials = small_trials(2, 2);
    FvTrials no_mean = trials, no_patch = trials;
    no_mean.mean.clear();
    no_patch.patch.clear();
    expect_error(Code::bad_input, {"\"mean\""}, [&] { search_heads(engine, no_mean); });
    expect_error(Code::bad_input, {"\"patch\""}, [&] { search_heads(engine, no_patch); });
    trials.patch[1].target.clear();
    expect_error(Code::bad_input, {"target \"\"", "no token"}, [&] { search_heads(engine, trials); });
}

// The flat tables skip a layer without heads.
// Overflow inside the model must not end as a vector of NaN, nor as an error about some row.
TEST(MethodsHeadSearchInput, MeansThatAreNotFiniteNamePromptLayerAndHead) {
    TinyOptions o;
    o.constants = {{"blk.1.attn_v.weight", NAN}};
    Engine engine(tiny(o), exact());
    expect_error(
        Code::bad_input, {"head search", "prompt 0", "layer 1, head 0", "nan", "float32 cache"},
        [&] { search_heads(engine, small_trials(20, 2)); }, Topic::cache_type);
}

TEST(MethodsHeadSearchInput, LayerWithoutHeads) {
    TinyOptions o;
    o.architecture = "deci";
    o.layer_without_heads = 1;
    const auto model = tiny(o);
    Engine engine(model, exact());
    const FvTrials trials = small_trials(2, 2);
    const HeadSearch search = search_heads(engine, trials);
    ASSERT_EQ(search.aie.size(), 3u);
    EXPECT_EQ(search.aie[0].size(), 4u);
    EXPECT_TRUE(search.aie[1].empty());
    EXPECT_EQ(search.aie[2].size(), 4u);
    EXPECT_TRUE(search.mean_head_output[1].empty());
    std::vector<Row> rows;
    for (const auto& text : trials.mean) {
        Row row;
        row.prompt = model->tokenize(text);
        row.captures.push_back({Site::head_output, 2, 3, {Positions::Kind::last_prompt, 0, 0}, false});
        rows.push_back(row);
    }
    const auto results = engine.run(rows);
    std::vector<double> mean;
    for (std::size_t i = 0; i < 64; ++i)
        mean.push_back((static_cast<double>(results[0].captured[0].values[i]) +
                        static_cast<double>(results[1].captured[0].values[i])) /
                       2);
    EXPECT_LT(max_difference(search.mean_head_output[2], mean), 1e-6);
    const SteeringVector v = function_vector(*model, search, {.n_heads = 8});
    EXPECT_EQ(v.heads.size(), 8u);
    for (const auto& h : v.heads) EXPECT_NE(h.layer, 1);
    expect_error(Code::usage, {"9", "8"}, [&] { function_vector(*model, search, {.n_heads = 9}); });
}

}  // namespace

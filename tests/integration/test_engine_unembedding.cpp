// Logits that are computed outside of the engine's graph: the same bits, whatever else is in the product.
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/context.h"
#include "engine/unembedding.h"
#include "support/engine_rows.h"

using namespace tiller;
using namespace tiller::test;

namespace {

struct Case {
    std::string architecture, type;
};

class EngineUnembedding : public testing::TestWithParam<Case> {
protected:
    EngineUnembedding() {
        TinyOptions o;
        o.architecture = GetParam().architecture;
        o.n_embd = 64;
        model_ = Model::load(quantise_tiny_model(make_tiny_model(o), GetParam().type));
        context_ = std::make_unique<engine::Context>(model_, engine::ContextShape{8, 256, false}, exact(),
                                                     std::uint64_t{1} << 32, threads_);
        context_->probe();
    }

    // Eight sequences of one token each.
    void decode(bool states) {
        context_->clear(true);
        std::vector<engine::Entry> entries;
        for (int i = 0; i < 8; ++i) entries.push_back({10 + i, 0, i, true});
        engine::DecodePlan plan;
        plan.reset(model_->info().n_layer);
        plan.states = states;
        context_->decode(entries, plan);
    }

    std::shared_ptr<const Model> model_;
    const engine::ThreadPool threads_{1};
    std::unique_ptr<engine::Context> context_;
};

TEST_P(EngineUnembedding, GivesTheEnginesBits) {
    const auto unembedding = engine::Unembedding::make(context_->hook().logits_node(), threads_);
    ASSERT_TRUE(unembedding);
    EXPECT_EQ(unembedding->n_embd(), model_->info().n_embd);
    EXPECT_EQ(unembedding->n_vocab(), model_->info().n_vocab);
    decode(false);
    std::vector<std::vector<float>> expected;
    for (int i = 0; i < 8; ++i) {
        const auto logits = context_->logits(i);
        expected.emplace_back(logits.begin(), logits.end());
    }
    EXPECT_NE(expected[0], expected[1]);
    decode(true);
#ifdef TILLER_OWN_ENGINE
    EXPECT_FALSE(context_->keeps_logits()) << "the engine copies logits: cmake/engine/states_only.patch";
#endif
    std::vector<float> states;
    for (int i = 0; i < 8; ++i) {
        const auto state = context_->state(i);
        states.insert(states.end(), state.begin(), state.end());
    }
    unembedding->multiply(states);
    for (std::size_t i = 0; i < 8; ++i) {
        const auto logits = unembedding->logits(i);
        EXPECT_EQ(std::vector<float>(logits.begin(), logits.end()), expected[i]) << i;
    }
    // The other way again: asking for states leaves nothing behind.
    decode(false);
    for (int i = 0; i < 8; ++i)
        EXPECT_TRUE(std::ranges::equal(context_->logits(i), expected[static_cast<std::size_t>(i)])) << i;
}

TEST_P(EngineUnembedding, RowsDoNotDependOnTheirNumber) {
    const auto unembedding = engine::Unembedding::make(context_->hook().logits_node(), threads_);
    ASSERT_TRUE(unembedding);
    const int most = engine::unembedding_rows(model_->info().n_vocab), width = unembedding->n_embd();
    const auto states = random_vector(most * width, 3);
    unembedding->multiply(*states);
    std::vector<std::vector<float>> expected;
    for (std::size_t i = 0; i < static_cast<std::size_t>(most); ++i)
        expected.emplace_back(unembedding->logits(i).begin(), unembedding->logits(i).end());
    for (const int n : {1, 2, 3, 5, 16, 33, most - 1})
        for (const int begin : {0, most - n}) {
            unembedding->multiply(std::span(*states).subspan(static_cast<std::size_t>(begin * width),
                                                             static_cast<std::size_t>(n * width)));
            for (int i = 0; i < n; ++i)
                EXPECT_TRUE(std::ranges::equal(unembedding->logits(static_cast<std::size_t>(i)),
                                               expected[static_cast<std::size_t>(begin + i)]))
                    << n << " rows from " << begin << ": " << i;
        }
}

INSTANTIATE_TEST_SUITE_P(Tiny, EngineUnembedding,
                         testing::Values(Case{"llama", "F32"}, Case{"llama", "Q8_0"}, Case{"llama", "Q4_1"},
                                         Case{"gemma3", "F16"}, Case{"gptneox", "Q4_0"}, Case{"gpt2", "F32"}),
                         [](const auto& param) { return param.param.architecture + param.param.type; });

// More than a product makes these models' logits, so they stay the engine's.
TEST(EngineUnembeddingLeaves, CapsAndScalesToTheEngine) {
    for (const char* architecture : {"gemma2", "granite"}) {
        TinyOptions o;
        o.architecture = architecture;
        const auto model = tiny(o);
        const engine::ThreadPool threads(1);
        engine::Context context(model, {4, 256, false}, exact(), std::uint64_t{1} << 32, threads);
        context.probe();
        EXPECT_EQ(context.hook().logits_node().matrix, nullptr) << architecture;
        EXPECT_FALSE(engine::Unembedding::make(context.hook().logits_node(), threads)) << architecture;
    }
}

// Rows of one step wait for others, here for rows of other waves and prompts.
TEST(EngineUnembeddingWaits, ForRowsOfOtherWaves) {
    const auto model = tiny();
    std::vector<Row> rows;
    for (unsigned i = 0; i < 230; ++i) {
        Row row = logits_row(random_prompt(3 + static_cast<int>(i % 7), i));
        row.n_top = 3;
        row.watch = {static_cast<Token>(5 + i % 40)};
        if (i % 3 == 0) row.forced = {static_cast<Token>(9 + i % 50)};
        // Longer ones between them, and one that breaks.
        if (i % 20 == 19) row.max_new_tokens = 4, row.forced.clear();
        if (i == 100) {
            const std::vector<float> huge(static_cast<std::size_t>(model->info().n_embd), 3e38f);
            row.edits = {{Site::residual, 0, -1, Operation::add, {}, shared(huge), 2}};
        }
        rows.push_back(std::move(row));
    }
    Engine engine(model, exact(8));
    std::vector<std::pair<std::size_t, std::size_t>> progress;
    engine.on_progress([&](std::size_t done, std::size_t all) { progress.emplace_back(done, all); });
    const auto together = engine.run(rows);
    ASSERT_FALSE(progress.empty());
    EXPECT_EQ(progress.back(), std::make_pair(rows.size(), rows.size()));
    EXPECT_TRUE(std::ranges::is_sorted(progress));
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const RowResult alone = std::move(engine.run({&rows[i], 1})[0]);
        EXPECT_EQ(together[i].broken, i == 100) << i;
        EXPECT_EQ(together[i].logits, alone.logits) << i;
        EXPECT_EQ(together[i].watch_logprob, alone.watch_logprob) << i;
        EXPECT_EQ(together[i].watch_rank, alone.watch_rank) << i;
        EXPECT_EQ(together[i].forced_logprob, alone.forced_logprob) << i;
        EXPECT_EQ(together[i].generated, alone.generated) << i;
        ASSERT_EQ(together[i].top.size(), alone.top.size()) << i;
        for (std::size_t k = 0; k < alone.top.size(); ++k) {
            EXPECT_EQ(together[i].top[k].token, alone.top[k].token) << i;
            EXPECT_EQ(together[i].top[k].logprob, alone.top[k].logprob) << i;
        }
    }
}

// Nothing of a call that was stopped is left to the next one.
TEST(EngineUnembeddingWaits, ForgetsWhatWasStopped) {
    const auto model = tiny();
    std::vector<Row> rows;
    for (unsigned i = 0; i < 60; ++i) rows.push_back(logits_row(random_prompt(6, i)));
    Engine engine(model, exact(8)), other(model, exact(8));
    const auto expected = other.run(rows), forked = other.fork(rows);
    for (const bool fork : {false, true}) {
        std::atomic<bool> stop = false;
        engine.cancel_with(&stop);
        std::size_t n_call = 0;
        engine.on_progress([&](std::size_t, std::size_t) { stop = ++n_call == 1; });
        expect_error(Code::interrupted, {}, [&] { fork ? engine.fork(rows) : engine.run(rows); });
        engine.cancel_with(nullptr);
        const auto results = engine.run(rows), branches = engine.fork(rows);
        for (std::size_t i = 0; i < rows.size(); ++i) {
            EXPECT_EQ(results[i].logits, expected[i].logits) << i;
            EXPECT_EQ(branches[i].logits, forked[i].logits) << i;
        }
    }
}

}  // namespace

// Choosing tokens: greedy and sampled continuations, stop text, and the log-probabilities that rows ask for.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/util.h"
#include "support/engine_rows.h"

using namespace tiller;
using namespace tiller::test;

namespace {

double log_sum(const std::vector<float>& logits) {
    double sum = 0;
    for (float l : logits) sum += std::exp(static_cast<double>(l));
    return std::log(sum);
}

class EngineGeneration : public testing::Test {
protected:
    EngineGeneration() : model_(tiny()), engine_(model_, exact()) {}

    RowResult run(const Row& row) { return engine_.run(std::span(&row, 1))[0]; }
    Row sampled(int n, const Sampling& sampling, unsigned seed = 1) const {
        Row row;
        row.prompt = random_prompt(7, seed);
        row.max_new_tokens = n;
        row.sampling = sampling;
        row.edits.push_back(random_edit(model_->info(), Site::residual, 1, Operation::add,
                                        {Positions::Kind::steered, 0, 0}, 3, 0.5f));
        return row;
    }

    std::shared_ptr<const Model> model_;
    Engine engine_;
};

TEST_F(EngineGeneration, GreedyEqualsArgmaxStepByStep) {
    for (unsigned seed = 1; seed < 5; ++seed) {
        const Row row = sampled(12, {}, seed);
        const RowResult result = run(row);
        std::vector<Token> expected;
        for (int i = 0; i < 12; ++i) {
            // The continuation so far is forced; the log-probability of every token after it is asked for one
            // by one through the next forced token, so that positions of edits stay what they are in
            // generation.
            Token best = -1;
            float most = -INFINITY;
            std::vector<Row> rows;
            for (Token t = 0; t < model_->info().n_vocab; ++t) {
                rows.push_back(row);
                rows.back().max_new_tokens = 0;
                rows.back().forced = expected;
                rows.back().forced.push_back(t);
            }
            if (i > 3) break;  // four steps of the whole vocabulary are enough
            const auto results = engine_.run(rows);
            for (Token t = 0; t < model_->info().n_vocab; ++t)
                if (const float l = results[static_cast<std::size_t>(t)].forced_logprob.back(); l > most) {
                    most = l;
                    best = t;
                }
            expected.push_back(best);
        }
        ASSERT_GE(result.generated.size(), expected.size());
        EXPECT_TRUE(std::equal(expected.begin(), expected.end(), result.generated.begin())) << seed;
        EXPECT_EQ(result.text, model_->text(result.generated));
    }
}

TEST_F(EngineGeneration, SamplingIsRepeatableAndSeeded) {
    std::set<std::vector<Token>> seen;
    for (std::uint32_t seed : {0u, 1u, 2u, 3u, 4294967295u}) {
        const Row row = sampled(12, {1.5f, 1.0f, 0, seed});
        const auto first = run(row).generated;
        EXPECT_EQ(run(row).generated, first) << "seed " << seed;
        Engine other(model_, exact(16));
        EXPECT_EQ(other.run(std::span(&row, 1))[0].generated, first) << "seed " << seed;
        seen.insert(first);
    }
    EXPECT_EQ(seen.size(), 5u) << "different seeds gave the same text";
}

TEST_F(EngineGeneration, OneCandidateIsGreedy) {
    const auto greedy = run(sampled(12, {})).generated;
    EXPECT_EQ(run(sampled(12, {1.5f, 1.0f, 1, 9})).generated, greedy);
    EXPECT_EQ(run(sampled(12, {1.0f, 1e-6f, 0, 9})).generated, greedy);
}

TEST_F(EngineGeneration, TopKStaysWithinTheTop) {
    Row row = sampled(1, {4.0f, 1.0f, 3, 0});
    row.n_top = 3;
    std::set<Token> allowed, drawn;
    for (std::uint32_t seed = 0; seed < 60; ++seed) {
        row.sampling.seed = seed;
        const RowResult result = run(row);
        for (const auto& t : result.top) allowed.insert(t.token);
        drawn.insert(result.generated.begin(), result.generated.end());
    }
    EXPECT_EQ(allowed.size(), 3u);
    EXPECT_TRUE(std::includes(allowed.begin(), allowed.end(), drawn.begin(), drawn.end()));
    EXPECT_GE(drawn.size(), 2u);
}

TEST_F(EngineGeneration, IndependentOfNeighbours) {
    std::vector<Row> rows;
    for (unsigned i = 0; i < 40; ++i)
        rows.push_back(sampled(3 + static_cast<int>(i % 9), {i % 2 == 0 ? 1.2f : 0.0f, 0.95f, 0, i}, i));
    const auto together = engine_.run(rows);
    for (std::size_t i = 0; i < rows.size(); i += 3) {
        const RowResult alone = run(rows[i]);
        EXPECT_EQ(alone.generated, together[i].generated) << i;
        EXPECT_EQ(alone.text, together[i].text) << i;
        EXPECT_EQ(alone.ended, together[i].ended) << i;
    }
}

TEST_F(EngineGeneration, StopText) {
    Row row = sampled(20, {1.0f, 1.0f, 0, 5});
    const RowResult whole = run(row);
    ASSERT_GE(whole.generated.size(), 10u);
    // Stop at a piece of text that the row is known to produce in its middle.
    std::size_t middle = whole.text.find_first_not_of(" \n", whole.text.size() / 2);
    while (middle + 2 < whole.text.size() && !is_valid_utf8(whole.text.substr(middle, 2))) ++middle;
    ASSERT_TRUE(is_valid_utf8(whole.text.substr(middle, 2)));
    row.stop = {"no such text", whole.text.substr(middle, 2)};
    const RowResult stopped = run(row);
    EXPECT_TRUE(stopped.ended);
    EXPECT_LT(stopped.generated.size(), whole.generated.size());
    EXPECT_NE(stopped.text.find(row.stop[1]), std::string::npos);
    EXPECT_TRUE(std::equal(stopped.generated.begin(), stopped.generated.end(), whole.generated.begin()));
    // Without its last token the text does not contain the stop text: the row ended at once.
    const std::vector<Token> before(stopped.generated.begin(), stopped.generated.end() - 1);
    EXPECT_EQ(model_->text(before).find(row.stop[1]), std::string::npos);
    row.stop = {"no such text"};
    EXPECT_EQ(run(row).generated, whole.generated);
}

// An edit that makes the end-of-sequence token the most likely one: nothing is generated, and captures of
// generated tokens are empty rather than an error for the whole call.
TEST_F(EngineGeneration, EndOfGenerationAtOnce) {
    const TinyWeights weights(make_tiny_model());
    const auto& output = weights["output.weight"];
    const auto n = static_cast<std::size_t>(model_->info().n_embd);
    Row row = sampled(5, {});
    row.edits = {{Site::residual,
                  2,
                  -1,
                  Operation::replace,
                  {Positions::Kind::steered, 0, 0},
                  shared({output.begin() + static_cast<std::ptrdiff_t>(2 * n),
                          output.begin() + static_cast<std::ptrdiff_t>(3 * n)}),
                  1}};
    row.captures = {{Site::residual, 0, -1, {Positions::Kind::generated, 0, 0}, false},
                    {Site::residual, 0, -1, {Positions::Kind::generated, 0, 0}, true},
                    {Site::residual, 0, -1, {Positions::Kind::steered, 0, 0}, false}};
    const RowResult result = run(row);
    EXPECT_TRUE(result.ended);
    EXPECT_TRUE(result.generated.empty());
    EXPECT_EQ(result.text, "");
    EXPECT_EQ(result.captured[0].n_position, 0);
    EXPECT_TRUE(result.captured[0].values.empty());
    EXPECT_EQ(result.captured[1].n_position, 0);
    EXPECT_EQ(result.captured[2].n_position, 1);
}

TEST_F(EngineGeneration, GeneratedTokensAreCaptured) {
    Row row = sampled(6, {});
    row.captures = {{Site::residual, 0, -1, {Positions::Kind::generated, 0, 0}, false}};
    const RowResult result = run(row);
    ASSERT_EQ(result.generated.size(), 6u);
    EXPECT_EQ(result.captured[0].n_position, 6);
    // The same tokens forced give the same activations.
    Row forced = row;
    forced.max_new_tokens = 0;
    forced.forced = result.generated;
    EXPECT_EQ(run(forced).captured[0].values, result.captured[0].values);
    // Some positions after the prompt, without the first of them.
    forced.captures[0].positions = {Positions::Kind::range, 11, 13};
    EXPECT_EQ(run(forced).captured[0].n_position, 2);
}

TEST_F(EngineGeneration, LogprobsRanksAndTopComeFromTheLogits) {
    Row row = sampled(0, {});
    row.want_logits = true;
    row.n_top = 10;
    row.watch = {0, 17, 200, 33};
    row.forced = {90, 91};
    const RowResult r = run(row);
    const double lse = log_sum(r.logits);
    const auto logprob = [&](Token t) {
        return static_cast<double>(r.logits[static_cast<std::size_t>(t)]) - lse;
    };
    EXPECT_NEAR(static_cast<double>(r.forced_logprob[0]), logprob(90), 1e-5);
    ASSERT_EQ(r.top.size(), 10u);
    EXPECT_EQ(r.top[0].token, std::max_element(r.logits.begin(), r.logits.end()) - r.logits.begin());
    for (std::size_t i = 0; i < 10; ++i) {
        EXPECT_NEAR(static_cast<double>(r.top[i].logprob), logprob(r.top[i].token), 1e-5);
        if (i > 0) {
            EXPECT_LE(r.top[i].logprob, r.top[i - 1].logprob);
        }
    }
    for (std::size_t i = 0; i < row.watch.size(); ++i) {
        const float own = r.logits[static_cast<std::size_t>(row.watch[i])];
        EXPECT_NEAR(static_cast<double>(r.watch_logprob[i]), logprob(row.watch[i]), 1e-5);
        EXPECT_EQ(r.watch_rank[i],
                  std::count_if(r.logits.begin(), r.logits.end(), [own](float l) { return l > own; }));
    }
    // More than the vocabulary: all of it.
    row.n_top = 100000;
    EXPECT_EQ(run(row).top.size(), r.logits.size());
    // The second forced token's log-probability is the one after prompt + first forced token.
    Row longer = row;
    longer.prompt.push_back(90);
    longer.edits[0].positions = {Positions::Kind::range, 6, 100};
    longer.forced.clear();
    const RowResult next = run(longer);
    EXPECT_NEAR(static_cast<double>(r.forced_logprob[1]),
                static_cast<double>(next.logits[91]) - log_sum(next.logits), 1e-4);
}

// Each token of a prompt against the distribution after the prompt that ends before it, under the same edits.
TEST_F(EngineGeneration, LogProbabilitiesOfThePrompt) {
    for (const Positions positions :
         {Positions{Positions::Kind::all, 0, 0}, Positions{Positions::Kind::range, 3, 9},
          Positions{Positions::Kind::steered, 0, 0}}) {
        Row row;
        row.prompt = random_prompt(23, 5);
        row.edits.push_back(
            random_edit(model_->info(), Site::mlp_output, 1, Operation::add, positions, 3, 0.5f));
        row.want_prompt_logprobs = true;
        row.n_top_each = 3;
        row.max_new_tokens = 2;
        const RowResult result = run(row);
        ASSERT_EQ(result.prompt_logprob.size(), row.prompt.size() - 1);
        ASSERT_EQ(result.prompt_top.size(), row.prompt.size() - 1);
        EXPECT_EQ(result.generated.size(), 2u);
        for (std::size_t n = 1; n < row.prompt.size(); ++n) {
            Row before;
            before.prompt.assign(row.prompt.begin(), row.prompt.begin() + static_cast<std::ptrdiff_t>(n));
            // What the edit does to the whole prompt, said by positions.
            before.edits = row.edits;
            if (positions.kind == Positions::Kind::steered) before.edits.clear();
            before.watch = {row.prompt[n]};
            before.n_top = 3;
            const RowResult expected = run(before);
            EXPECT_NEAR(result.prompt_logprob[n - 1], expected.watch_logprob[0], 1e-4) << n;
            ASSERT_EQ(result.prompt_top[n - 1].size(), 3u);
            for (std::size_t k = 0; k < 3; ++k)
                EXPECT_EQ(result.prompt_top[n - 1][k].token, expected.top[k].token) << n;
        }
    }
}

TEST_F(EngineGeneration, LogProbabilitiesOfAPromptThatBreaks) {
    Row row;
    row.prompt = random_prompt(12, 5);
    row.edits.push_back(random_edit(model_->info(), Site::residual, 0, Operation::add,
                                    {Positions::Kind::range, 6, 7}, 3, 3e38f));
    row.want_prompt_logprobs = true;
    for (const int n_new : {2, 0}) {  // 0: nothing but the prompt is asked for
        row.max_new_tokens = n_new;
        const RowResult result = run(row);
        EXPECT_TRUE(result.broken) << n_new;
        EXPECT_EQ(result.finish, Finish::broken) << n_new;
        ASSERT_EQ(result.prompt_logprob.size(), 11u);
        for (std::size_t i = 6; i < 11; ++i) EXPECT_EQ(result.prompt_logprob[i], -INFINITY);
    }
}

TEST_F(EngineGeneration, StopTextsInBlanks) {
    Row row = sampled(12, {});
    const RowResult free = run(row);
    // Any first byte of the text ends it at once.
    row.stop = {free.text.substr(0, 1)};
    if (!is_valid_utf8(row.stop[0])) GTEST_SKIP() << "the text begins within a character";
    row.stop_in_blanks = true;
    EXPECT_EQ(run(row).stop_at, 0u);
}

}  // namespace

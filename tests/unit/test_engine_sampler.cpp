// How one token is chosen: biases, penalties, temperature, top-k, top-p and min-p.
#include <gtest/gtest.h>

#include <set>

#include "engine/sampler.h"

using namespace tiller;
using namespace tiller::engine;

namespace {

const std::vector<float> kLogits = {1.0f, 4.0f, 3.5f, -2.0f, 3.0f};

Token draw(Sampler& sampler, const std::vector<float>& logits = kLogits) {
    return sampler.draw(logits, find_peak(logits));
}
Token first(const Sampling& sampling, const std::vector<Token>& prompt = {0}) {
    Sampler sampler(sampling, prompt);
    return draw(sampler);
}
std::set<Token> drawn(Sampling sampling) {
    sampling.temperature = 1;
    std::set<Token> tokens;
    for (std::uint32_t seed = 0; seed < 300; ++seed) {
        sampling.seed = seed;
        tokens.insert(first(sampling));
    }
    return tokens;
}

TEST(EngineSampler, GreedyTakesTheLargest) { EXPECT_EQ(first({}), 1); }

TEST(EngineSampler, BiasesAddUp) {
    Sampling s;
    s.bias = {{4, 1.1f}};
    EXPECT_EQ(first(s), 4);
    s.bias = {{4, 0.6f}, {4, 0.6f}};
    EXPECT_EQ(first(s), 4);
    s.bias = {{4, 0.6f}};
    EXPECT_EQ(first(s), 1);
    s.bias = {{1, -100.0f}, {2, -100.0f}};
    EXPECT_EQ(first(s), 4);
    EXPECT_EQ(drawn(s), (std::set<Token>{0, 3, 4}));
    // More than the largest float off every token: the model's own choice is left.
    s.bias.clear();
    for (Token t = 0; t < 5; ++t) s.bias.insert(s.bias.end(), {{t, -3e38f}, {t, -3e38f}});
    EXPECT_EQ(first(s), 1);
}

TEST(EngineSampler, PenaltiesCountWhatWasGenerated) {
    Sampling presence;
    presence.presence_penalty = 0.7f;
    Sampler once(presence, std::vector<Token>{1, 1, 1});
    // 4.0 -> 3.3, then 3.5 -> 2.8, then 3.3 again: once only.
    EXPECT_EQ(draw(once), 1);
    EXPECT_EQ(draw(once), 2);
    EXPECT_EQ(draw(once), 1);
    EXPECT_EQ(draw(once), 1);
    Sampling frequency;
    frequency.frequency_penalty = 0.3f;
    Sampler each(frequency, std::vector<Token>{1, 1, 1});
    // 4.0, 3.7, then 3.4 against 3.5.
    EXPECT_EQ(draw(each), 1);
    EXPECT_EQ(draw(each), 1);
    EXPECT_EQ(draw(each), 2);
    EXPECT_EQ(draw(each), 1);
    EXPECT_EQ(draw(each), 2);
}

TEST(EngineSampler, RepetitionCountsThePromptToo) {
    Sampling s;
    s.repetition_penalty = 1.2f;
    EXPECT_EQ(first(s, {0}), 1);
    EXPECT_EQ(first(s, {1}), 2);        // 4.0 / 1.2 = 3.33
    EXPECT_EQ(first(s, {1, 2}), 1);     // against 2.92 and 3.0
    EXPECT_EQ(first(s, {1, 1, 1}), 2);  // once, however often
    // Negative logits are multiplied: both ways less likely.
    const std::vector<float> negative = {-1.0f, -1.1f, -9.0f, -9.0f, -9.0f};
    Sampler sampler(s, std::vector<Token>{0});
    EXPECT_EQ(draw(sampler, negative), 1);
    EXPECT_EQ(draw(sampler, negative), 0);  // now both are
}

TEST(EngineSampler, CutsOfTheDistribution) {
    Sampling s;
    EXPECT_EQ(drawn(s), (std::set<Token>{0, 1, 2, 4}));  // e^-6 is not met in 300
    s.top_k = 2;
    EXPECT_EQ(drawn(s), (std::set<Token>{1, 2}));
    s = {};
    s.min_p = 0.5f;  // e^-0.5 = 0.61, e^-1 = 0.37
    EXPECT_EQ(drawn(s), (std::set<Token>{1, 2}));
    s.min_p = 0.3f;
    EXPECT_EQ(drawn(s), (std::set<Token>{1, 2, 4}));
    s = {};
    s.top_p = 0.4f;
    EXPECT_EQ(drawn(s), (std::set<Token>{1}));
}

}  // namespace

// fork() with rows that only ask how likely a text is: what texts begin with alike is computed once. It must
// agree with run(), whatever else is in the call.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <set>

#include "engine/pack.h"
#include "engine/text_tree.h"
#include "support/fork_fixture.h"

using namespace tiller;
using namespace tiller::test;

namespace {

Row text_row(const std::vector<Token>& prompt, std::vector<Token> text) {
    Row row;
    row.prompt = prompt;
    row.forced = std::move(text);
    row.want_logits = true;
    row.watch = {7, 11};
    return row;
}

// Texts of up to 12 tokens; neighbours have beginnings of different lengths in common, some are the same,
// some the beginning of others.
std::vector<Row> texts(const std::vector<Token>& prompt, std::size_t n, unsigned seed) {
    std::vector<Row> rows;
    const auto common = random_prompt(12, seed);
    for (unsigned i = 0; rows.size() < n; ++i) {
        std::vector<Token> text(common.begin(), common.begin() + 1 + i % 12);
        const auto own = random_prompt(static_cast<int>(i % 5) + 1, seed + i);
        text.insert(text.end(), own.begin() + 1, own.end());
        rows.push_back(text_row(prompt, std::move(text)));
    }
    return rows;
}

std::vector<Row> texts_of_prompts(const std::vector<int>& lengths, std::size_t n_each) {
    std::vector<Row> rows;
    for (std::size_t i = 0; i < n_each; ++i)
        for (std::size_t p = 0; p < lengths.size(); ++p)
            rows.push_back(texts(random_prompt(lengths[p], static_cast<unsigned>(p)), n_each,
                                 static_cast<unsigned>(100 * p))[i]);
    return rows;
}

class EngineTexts : public ForkTest {};

TEST_P(EngineTexts, AgreeWithRun) {
    // A few, more than one tree holds, a prompt of one token, one over the chunk of 512, several prompts.
    const std::pair<std::vector<int>, std::size_t> cases[] = {{{13}, 1},
                                                              {{13}, 20},
                                                              {{6}, 250},
                                                              {{1}, 9},
                                                              {{2, 1, 3, 2}, 3},
                                                              {{530, 6}, 4},
                                                              {{9, 17, 5, 9, 21}, 30}};
    for (const auto& [lengths, n_each] : cases) {
        const auto rows = texts_of_prompts(lengths, n_each);
        const auto forked = engine_->fork(rows), run = engine_->run(rows);
        ASSERT_EQ(forked.size(), rows.size());
        for (std::size_t i = 0; i < rows.size(); ++i)
            expect_close(forked[i], run[i], GetParam(), std::to_string(i));
    }
}

TEST_P(EngineTexts, WhatTheyBeginWithIsComputedOnce) {
    const auto prompt = random_prompt(10, 5);
    const auto rows = texts(prompt, 36, 3);
    std::set<std::vector<Token>> beginnings;  // of all texts, without their last tokens
    for (const Row& row : rows)
        for (std::size_t n = 0; n < row.forced.size(); ++n)
            beginnings.emplace(row.forced.begin(), row.forced.begin() + static_cast<std::ptrdiff_t>(n));
    const EngineStats before = engine_->stats();
    engine_->fork(rows);
    const EngineStats after = engine_->stats();
    EXPECT_EQ(after.n_token - before.n_token - (after.n_padding - before.n_padding),
              prompt.size() - 1 + beginnings.size());
    // 36 texts have 252 tokens: few batches.
    EXPECT_LE(after.n_decode - before.n_decode, 4u);
}

TEST_P(EngineTexts, TheSameTextsGiveTheSameBitsInAnyOrder) {
    auto rows = texts_of_prompts({9, 4, 17}, 25);
    const auto first = engine_->fork(rows);
    std::reverse(rows.begin(), rows.end());
    Engine other(model_, exact());
    engine_->fork(texts_of_prompts({30}, 5));
    for (Engine* engine : {engine_.get(), &other}) {
        auto again = engine->fork(rows);
        std::reverse(again.begin(), again.end());
        for (std::size_t i = 0; i < first.size(); ++i) {
            EXPECT_EQ(again[i].forced_logprob, first[i].forced_logprob) << i;
            EXPECT_EQ(again[i].logits, first[i].logits) << i;
        }
    }
}

TEST_P(EngineTexts, BatchesDoNotDependOnACacheThatOtherWorkLeft) {
    const std::vector<Row> many(200, logits_row(random_prompt(30, 4)));
    for (std::size_t n = 20; n <= 80; n += 10) {
        const auto rows = texts(random_prompt(9, 1), n, 1);
        Engine fresh(model_, exact());
        fresh.fork(rows);
        engine_->fork(many);
        const auto before = engine_->stats().n_decode;
        engine_->fork(rows);
        EXPECT_EQ(engine_->stats().n_decode - before, fresh.stats().n_decode) << n;
    }
}

TEST_P(EngineTexts, BranchesOfTheSameCallDoNotChangeThem) {
    const auto prompt = random_prompt(9, 1);
    auto rows = texts(prompt, 20, 1);
    const auto alone = engine_->fork(rows);
    const std::vector<float> huge(static_cast<std::size_t>(model_->info().n_embd), 3e38f);
    for (const float strength : {0.5f, 2.0f}) {  // the second is broken
        rows.push_back(logits_row(prompt));
        rows.back().edits = {{Site::residual,
                              0,
                              -1,
                              Operation::add,
                              {Positions::Kind::last_prompt, 0, 0},
                              shared(huge),
                              strength}};
    }
    const auto together = engine_->fork(rows);
    for (std::size_t i = 0; i < alone.size(); ++i) {
        EXPECT_EQ(together[i].forced_logprob, alone[i].forced_logprob) << i;
        EXPECT_FALSE(together[i].broken) << i;
    }
    EXPECT_TRUE(together.back().broken);
}

INSTANTIATE_TEST_SUITE_P(Tiny, EngineTexts, testing::Values("llama", "gptneox", "gemma3", "gpt2"),
                         [](const auto& param) { return std::string(param.param); });

TEST(EngineTextsBroken, AreReportedAsByRun) {
    TinyOptions options;
    options.constants = {{"output_norm.weight", 3e38f}};
    Engine engine(tiny(options), exact());
    const auto rows = texts(random_prompt(6, 2), 5, 2);
    const auto forked = engine.fork(rows), run = engine.run(rows);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        EXPECT_TRUE(forked[i].broken) << i;
        EXPECT_EQ(forked[i].forced_logprob, run[i].forced_logprob) << i;
    }
}

// What a tree promises: limits, parents first, and that a row's path spells its text.
TEST(TextTree, HoldsEachRowOnceWithinTheLimits) {
    const auto model = tiny();
    auto rows = texts_of_prompts({40, 3, 12, 200}, 45);
    rows.push_back(text_row(random_prompt(20, 50), random_prompt(490, 51)));  // a tree by itself
    std::vector<RowResult> results(rows.size());
    std::deque<engine::RowState> states;
    std::vector<engine::RowState*> pointers;
    for (std::size_t i = 0; i < rows.size(); ++i)
        pointers.push_back(&states.emplace_back(*model, rows[i], results[i]));
    std::set<const engine::RowState*> seen;
    const auto trees = engine::make_trees(pointers, 30);
    for (const auto& tree : trees) {
        EXPECT_LE(tree.rows.size(), 30u);
        EXPECT_TRUE(tree.rows.size() == 1 || tree.n_cell <= engine::kPackCells) << tree.n_cell;
        ASSERT_EQ(tree.paths.size(), tree.rows.size());
        std::size_t n_place = 0;
        for (std::size_t r = 0; r < tree.rows.size(); ++r) {
            EXPECT_TRUE(seen.insert(tree.rows[r]).second);
            const Row& row = tree.rows[r]->row();
            const auto& path = tree.paths[r];
            ASSERT_EQ(path.size(), row.forced.size());
            EXPECT_TRUE(std::is_sorted(path.begin(), path.end()));
            n_place += path.size();
            for (std::size_t step = 0; step < path.size(); ++step) {
                const auto& node = tree.nodes[static_cast<std::size_t>(path[step])];
                EXPECT_EQ(node.token, step == 0 ? row.prompt.back() : row.forced[step - 1]);
                EXPECT_EQ(node.position, static_cast<int>(row.prompt.size() - 1 + step));
                EXPECT_EQ(std::count(node.rows.begin(), node.rows.end(), static_cast<int>(r)), 1);
            }
        }
        for (const auto& node : tree.nodes) n_place -= node.rows.size();
        EXPECT_EQ(n_place, 0u) << "no node has rows that do not pass it";
    }
    EXPECT_EQ(seen.size(), rows.size());
    EXPECT_LE(trees.size(), 16u);
}

}  // namespace

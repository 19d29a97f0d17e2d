// fork(): many branches of one prompt. It must agree with run() and refuse what it cannot share.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "support/fork_fixture.h"

using namespace tiller;
using namespace tiller::test;

namespace {

const Positions kSteered{Positions::Kind::steered, 0, 0};
const Positions kLastPrompt{Positions::Kind::last_prompt, 0, 0};

// Branches with different edits; every third has a continuation, every fifth captures.
std::vector<Row> branches(const ModelInfo& info, std::size_t n, int n_prompt) {
    std::vector<Row> rows;
    for (unsigned i = 0; rows.size() < n; ++i) {
        Row row = logits_row(random_prompt(n_prompt, 77));
        if (i > 0)
            row.edits.push_back(random_edit(info, kAllSites[i % 4], static_cast<int>(i % 3),
                                            kAllOperations[i / 4 % std::size(kAllOperations)], kSteered, i, 1,
                                            i % 4 == 0 ? static_cast<int>(i / 4 % 4) : -1));
        if (i % 3 == 0) row.forced = random_prompt(1 + static_cast<int>(i % 5), i);
        if (i % 5 == 0) row.captures.push_back({Site::residual, 0, -1, kSteered, false});
        rows.push_back(std::move(row));
    }
    return rows;
}

class EngineFork : public ForkTest {};

TEST_P(EngineFork, AgreesWithRun) {
    // 20 branches, more than the 256 that fit at once, a prompt of one token, and one over the chunk of 512.
    const std::pair<std::size_t, int> sizes[] = {{20, 13}, {300, 6}, {9, 1}, {5, 2}, {6, 530}};
    for (const auto& [n, n_prompt] : sizes) {
        const auto rows = branches(model_->info(), n, n_prompt);
        const auto forked = engine_->fork(rows);
        const auto run = engine_->run(rows);
        ASSERT_EQ(forked.size(), n);
        for (std::size_t i = 0; i < n; ++i)
            expect_close(forked[i], run[i], GetParam(), fmt::format("branch {} of {}", i, n));
    }
}

TEST_P(EngineFork, TheSameCallGivesTheSameBits) {
    const auto rows = branches(model_->info(), 30, 13);
    const auto first = engine_->fork(rows);
    engine_->fork(branches(model_->info(), 7, 20));
    Engine other(model_, exact());
    for (const auto& again : {engine_->fork(rows), other.fork(rows)})
        for (std::size_t i = 0; i < rows.size(); ++i) {
            EXPECT_EQ(again[i].logits, first[i].logits) << i;
            EXPECT_EQ(again[i].forced_logprob, first[i].forced_logprob) << i;
        }
}

// Infinite activations of one branch lie in the cells that all branches share. Also seen where only captures
// are read.
TEST_P(EngineFork, ABrokenBranchLeavesTheOthersAlone) {
    auto rows = branches(model_->info(), 12, 8);
    rows[5].want_logits = false;
    rows[5].forced.clear();
    rows[5].captures = {{Site::residual, 0, -1, kSteered, false}};
    const auto expected = engine_->fork(rows);
    auto huge = rows;
    const std::vector<float> values(static_cast<std::size_t>(model_->info().n_embd), 3e38f);
    for (std::size_t i : {std::size_t{4}, std::size_t{7}})
        huge[i].edits = {{Site::residual, 0, -1, Operation::add, kLastPrompt, shared(values), 2}};
    for (int round = 0; round < 2; ++round) {
        const auto results = engine_->fork(huge);
        for (std::size_t i = 0; i < rows.size(); ++i) {
            EXPECT_EQ(results[i].broken, i == 4 || i == 7) << i;
            if (i != 4 && i != 7)
                expect_close(results[i], expected[i], GetParam(), fmt::format("branch {}", i));
        }
        // The next call finds clean caches.
        const auto after = engine_->fork(rows);
        for (std::size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(after[i].logits, expected[i].logits) << i;
    }
}

// Rows of several prompts, mixed; short prompts share a cache.
std::vector<Row> mixed_branches(const ModelInfo& info, std::size_t n_prompt, std::size_t n_each) {
    std::vector<Row> rows;
    for (std::size_t i = 0; i < n_each; ++i)
        for (std::size_t p = 0; p < n_prompt; ++p) {
            // Lengths from one token to nineteen.
            Row row = branches(info, n_each, 1)[i];
            row.prompt = random_prompt(1 + static_cast<int>(p * 5 % 19), static_cast<unsigned>(p));
            rows.push_back(std::move(row));
        }
    return rows;
}

TEST_P(EngineFork, SeveralPromptsAgreeWithRun) {
    const auto rows = mixed_branches(model_->info(), 13, 21);
    const EngineStats before = engine_->stats();
    const auto forked = engine_->fork(rows);
    const auto n_decode = engine_->stats().n_decode - before.n_decode;
    ASSERT_EQ(forked.size(), rows.size());
    const auto run = engine_->run(rows);
    for (std::size_t i = 0; i < rows.size(); ++i)
        expect_close(forked[i], run[i], GetParam(), fmt::format("row {}", i));
    // Four prompts a pack, up to six steps each, beside the prompts' own: not one after the other.
    EXPECT_LE(n_decode, 4u * 6 + 8);
    const auto again = engine_->fork(rows);
    for (std::size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(again[i].logits, forked[i].logits) << i;
}

// Each prompt has rows for a wave of its own, so the prompts are computed in one batch before both.
TEST_P(EngineFork, PromptsWithManyRowsShareACache) {
    auto rows = branches(model_->info(), 70, 9);
    for (Row& row : branches(model_->info(), 70, 18)) rows.push_back(std::move(row));
    const auto run = engine_->run(rows);
    const auto before = engine_->stats().n_decode;
    const auto forked = engine_->fork(rows);
    const auto n_decode = engine_->stats().n_decode - before;
    for (std::size_t i = 0; i < rows.size(); ++i)
        expect_close(forked[i], run[i], GetParam(), fmt::format("row {}", i));
    EXPECT_LE(n_decode, 1u + 2 * 6) << "the prompts, and up to six steps of two waves";
    // Broken rows of one wave leave the prompts for the next one whole.
    const std::vector<float> values(static_cast<std::size_t>(model_->info().n_embd), 3e38f);
    rows[3].edits =
        rows[100].edits = {{Site::residual, 0, -1, Operation::add, kLastPrompt, shared(values), 2}};
    const auto results = engine_->fork(rows);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        EXPECT_EQ(results[i].broken, i == 3 || i == 100) << i;
        if (i != 3 && i != 100) expect_close(results[i], run[i], GetParam(), fmt::format("row {}", i));
    }
}

// Prompts of one token take no cells, but a sequence each.
TEST_P(EngineFork, ManyShortPromptsWithManyRows) {
    std::vector<Row> rows;
    for (int p = 0; p < 40; ++p)
        for (unsigned i = 0; i < 97; ++i) {
            Row row;
            row.prompt = {10 + p};
            row.watch = {static_cast<Token>(20 + i)};
            rows.push_back(std::move(row));
        }
    const auto forked = engine_->fork(rows);
    const auto run = engine_->run(rows);
    for (std::size_t i = 0; i < rows.size(); ++i)
        expect_close(forked[i], run[i], GetParam(), fmt::format("row {}", i));
}

TEST_P(EngineFork, ABrokenBranchLeavesOtherPromptsAlone) {
    auto rows = mixed_branches(model_->info(), 9, 21);
    const auto expected = engine_->fork(rows);
    const std::vector<float> values(static_cast<std::size_t>(model_->info().n_embd), 3e38f);
    rows[40].edits = {{Site::residual, 0, -1, Operation::add, kLastPrompt, shared(values), 2}};
    const auto results = engine_->fork(rows);
    std::size_t n_same = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        EXPECT_EQ(results[i].broken, i == 40) << i;
        if (i == 40) continue;
        expect_close(results[i], expected[i], GetParam(), fmt::format("row {}", i));
        n_same += results[i].logits == expected[i].logits;
    }
    EXPECT_GE(n_same, rows.size() / 2) << "packs without a broken row are computed once";
}

INSTANTIATE_TEST_SUITE_P(Tiny, EngineFork, testing::Values("llama", "gptneox", "gemma3"),
                         [](const auto& param) { return std::string(param.param); });

TEST(EngineForkRefuses, WhatRowsCannotShare) {
    const auto model = tiny();
    Engine engine(model, exact());
    const auto rows = branches(model->info(), 3, 8);
    std::vector<Row> bad;
    for (auto kind : {Positions::Kind::all, Positions::Kind::prompt}) {
        bad = rows;
        bad[1].edits.push_back(
            random_edit(model->info(), Site::residual, 0, Operation::add, {kind, 0, 0}, 1));
        expect_error(Code::usage, {"row 1", "edit"}, [&] { engine.fork(bad); });
        bad = rows;
        bad[2].captures.push_back({Site::residual, 0, -1, {kind, 0, 0}, true});
        expect_error(Code::usage, {"row 2", "captur"}, [&] { engine.fork(bad); });
    }
    bad = rows;
    bad[1].edits.push_back(
        random_edit(model->info(), Site::residual, 0, Operation::add, {Positions::Kind::last_k, 0, 2}, 1));
    expect_error(Code::usage, {"row 1"}, [&] { engine.fork(bad); });
    // Only the last prompt token: allowed.
    bad[1].edits.back().positions = {Positions::Kind::last_k, 0, 1};
    EXPECT_EQ(engine.fork(bad).size(), 3u);
    EXPECT_TRUE(engine.fork({}).empty());
}

}  // namespace

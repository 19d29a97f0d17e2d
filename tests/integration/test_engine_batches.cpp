// Sizes: more rows than sequences, prompts of one token and of several chunks, the context's end, memory
// limits, and prefixes that rows share.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>

#include "support/engine_rows.h"

using namespace tiller;
using namespace tiller::test;

namespace {

std::shared_ptr<const Model> long_model() {
    TinyOptions o;
    o.n_layer = 2;
    o.n_ctx = 2048;
    return tiny(o);
}

TEST(EngineBatches, MoreRowsThanSequences) {
    const auto model = long_model();
    Engine engine(model, exact(256));
    std::vector<Row> rows;
    for (unsigned i = 0; i < 600; ++i)
        rows.push_back(logits_row(random_prompt(1 + static_cast<int>(i % 9), i)));
    std::size_t last = 0;
    engine.on_progress([&](std::size_t done, std::size_t all) {
        EXPECT_EQ(all, 600u);
        EXPECT_GE(done, last);
        last = done;
    });
    const auto results = engine.run(rows);
    EXPECT_EQ(last, 600u);
    engine.on_progress({});
    ASSERT_EQ(results.size(), 600u);
    for (std::size_t i = 0; i < 600; i += 53)
        EXPECT_EQ(results[i].logits, engine.run(std::span(&rows[i], 1))[0].logits) << i;
}

TEST(EngineBatches, NoRows) {
    Engine engine(long_model(), exact());
    EXPECT_TRUE(engine.run({}).empty());
}

// The same sequence as one long prompt and as a prompt with a forced continuation of single steps.
TEST(EngineBatches, LongPromptsEqualSteps) {
    Engine engine(long_model(), exact());
    for (int n : {511, 512, 513, 514, 1025, 1300}) {
        const auto tokens = random_prompt(n, 5);
        const Row whole = logits_row(tokens);
        Row stepped = logits_row({tokens.begin(), tokens.end() - 5});
        stepped.forced.assign(tokens.end() - 5, tokens.end());
        stepped.forced.push_back(44);
        const RowResult a = engine.run(std::span(&whole, 1))[0];
        const RowResult b = engine.run(std::span(&stepped, 1))[0];
        double sum = 0;
        for (float l : a.logits) sum += std::exp(static_cast<double>(l));
        EXPECT_NEAR(static_cast<double>(b.forced_logprob[5]),
                    static_cast<double>(a.logits[44]) - std::log(sum), 1e-4)
            << n;
    }
}

// Captures of the last layer need outputs, of which a context keeps few: long prompts are cut for them.
TEST(EngineBatches, CapturesOfAllPositionsOfLongPrompts) {
    const auto model = long_model();
    Engine engine(model, exact());
    std::vector<Row> rows;
    for (int n : {300, 700, 60, 60, 60, 60, 60, 60, 60, 60}) {
        rows.push_back(
            logits_row(random_prompt(n, static_cast<unsigned>(n) + static_cast<unsigned>(rows.size()))));
        rows.back().captures = {{Site::residual, 0, -1, {}, false}, {Site::residual, 0, -1, {}, true}};
    }
    const auto results = engine.run(rows);
    for (std::size_t r = 0; r < rows.size(); ++r) {
        const Captured &all = results[r].captured[0], &mean = results[r].captured[1];
        ASSERT_EQ(all.n_position, static_cast<int>(rows[r].prompt.size()));
        for (int il = 0; il < 2; ++il)
            for (int i = 0; i < all.width; ++i) {
                double sum = 0;
                for (int p = 0; p < all.n_position; ++p)
                    sum += static_cast<double>(
                        all.values[static_cast<std::size_t>((il * all.n_position + p) * all.width + i)]);
                ASSERT_FLOAT_EQ(static_cast<float>(sum / all.n_position),
                                mean.values[static_cast<std::size_t>(il * all.width + i)]);
            }
        Row plain = rows[r];
        plain.captures.clear();
        EXPECT_EQ(engine.run(std::span(&plain, 1))[0].logits, results[r].logits)
            << "captures changed row " << r;
    }
}

TEST(EngineBatches, RowLongerThanTheContext) {
    TinyOptions o;
    o.n_ctx = 64;
    Engine engine(tiny(o), exact());
    Row row = logits_row(random_prompt(64, 1));
    EXPECT_FALSE(engine.run(std::span(&row, 1))[0].logits.empty());  // just fits
    row.prompt.push_back(9);
    expect_error(Code::bad_input, {"65", "64"}, [&] { engine.run(std::span(&row, 1)); });
    row = logits_row(random_prompt(60, 1));
    row.max_new_tokens = 5;
    expect_error(Code::bad_input, {"65", "64"}, [&] { engine.run(std::span(&row, 1)); });
    row.max_new_tokens = 0;
    row.forced = {3, 4, 5, 6, 7};
    expect_error(Code::bad_input, {"65", "64"}, [&] { engine.run(std::span(&row, 1)); });
}

// Learned positions end with the context: padding must not read behind them.
TEST(EngineBatches, ContextsEndThatIsNoMultipleOfFour) {
    TinyOptions o;
    o.architecture = "gpt2";
    o.n_ctx = 62;
    Engine engine(tiny(o), exact());
    std::vector<Row> rows = {logits_row(random_prompt(62, 1)), logits_row(random_prompt(50, 2))};
    rows[1].forced = random_prompt(12, 3);
    const auto results = engine.run(rows);
    EXPECT_EQ(results[0].logits.size(), static_cast<std::size_t>(engine.info().n_vocab));
    EXPECT_EQ(results[1].forced_logprob.size(), 12u);
    EXPECT_EQ(engine.fork(std::span(rows).first(1))[0].logits.size(), results[0].logits.size());
}

TEST(EngineBatches, MemoryLimit) {
    const auto model = long_model();
    EngineOptions options = exact();
    options.memory_limit = 1 << 20;
    expect_error(Code::environment, {"MB"}, [&] { Engine engine(model, options); });
    // Enough for the engine's probe, too little for a long row: refused with both numbers.
    options.memory_limit =
        Engine(model, exact()).estimate_bytes(4, 256) + (model->info().file_bytes + (2 << 20));
    Engine engine(model, options);
    Row row = logits_row(random_prompt(2000, 1));
    expect_error(Code::environment, {"MB", "tokens"}, [&] { engine.run(std::span(&row, 1)); });
    // And it still works for what fits, with fewer rows in flight than asked for.
    std::vector<Row> rows;
    for (unsigned i = 0; i < 40; ++i) rows.push_back(logits_row(random_prompt(20, i)));
    EXPECT_EQ(engine.run(rows).size(), 40u);
}

TEST(EngineBatches, NeedIsKnownBeforeWork) {
    const auto model = long_model();
    EngineOptions options = exact();
    options.memory_limit = Engine(model, exact()).estimate_bytes(8, 100) + model->info().file_bytes;
    Engine engine(model, options);
    const MemoryNeed small = engine.memory_need(100), large = engine.memory_need(2000);
    EXPECT_EQ(small.model, model->info().file_bytes);
    EXPECT_EQ(small.n_rows, 8) << "of " << options.max_rows << " as many as fit";
    EXPECT_EQ(small.caches + small.buffers, engine.estimate_bytes(8, 100));
    EXPECT_NO_THROW(require_memory(small));
    // run() and fork() are not held at the same time, so the larger one counts.
    const MemoryNeed fork = engine.memory_need(0, 100, 200), both = engine.memory_need(100, 100, 200);
    EXPECT_GT(fork.caches + fork.buffers, small.caches + small.buffers);
    EXPECT_EQ(both.caches + both.buffers, fork.caches + fork.buffers);
    EXPECT_EQ(both.n_rows, small.n_rows);
    EXPECT_GT(large.caches + large.buffers, large.free);
    expect_error(
        Code::environment, {"MB", "free", "fewer rows"}, [&] { require_memory(large); }, Topic::memory);
    // What was said is what happens.
    Row row = logits_row(random_prompt(100, 1));
    EXPECT_NO_THROW(engine.run(std::span(&row, 1)));
    row = logits_row(random_prompt(2000, 1));
    expect_error(Code::environment, {"MB"}, [&] { engine.run(std::span(&row, 1)); });
}

TEST(EngineBatches, EqualPrefixesAreComputedOnce) {
    const auto model = long_model();
    const ModelInfo& info = model->info();
    const auto prompt = random_prompt(100, 4);
    std::vector<Row> rows;
    const Edit shared_edit = random_edit(info, Site::mlp_output, 0, Operation::turn, {}, 1, 4);
    for (unsigned i = 0; i < 8; ++i) {
        // The same prompt; a late edit that differs, and in every other row an early edit that is the same.
        rows.push_back(logits_row(prompt, {random_edit(info, Site::residual, 1, Operation::add,
                                                       {Positions::Kind::steered, 0, 0}, 50 + i)}));
        rows.back().forced = {5, 6};
        if (i % 2 == 1) rows.back().edits.push_back(shared_edit);
    }
    Engine together(model, exact());
    const auto results = together.run(rows);
    // Two prefixes of 99 tokens (padded to 100), and two steps of 8 rows.
    EXPECT_EQ(together.stats().n_token, 2u * 100 + 2 * 8);
    EXPECT_EQ(together.stats().n_padding, 2u);
    Engine single(model, exact());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const RowResult alone = single.run(std::span(&rows[i], 1))[0];
        EXPECT_EQ(results[i].logits, alone.logits) << i;
        EXPECT_EQ(results[i].forced_logprob, alone.forced_logprob) << i;
    }
    EXPECT_EQ(single.stats().n_token, 8u * (100 + 2 * 4));

    // Equal prompts whose early edits differ in the vector's values, strength or place are not shared.
    std::vector<Row> different = {logits_row(prompt, {shared_edit}), logits_row(prompt, {shared_edit}),
                                  logits_row(prompt)};
    different[1].edits[0].strength = 5;
    Engine engine(model, exact());
    const auto d = engine.run(different);
    EXPECT_EQ(engine.stats().n_token, 3u * 100 + 4);
    EXPECT_NE(d[0].logits, d[1].logits);
    EXPECT_NE(d[0].logits, d[2].logits);
}

// Waves reuse cells, and NaN times a weight of 0 is NaN.
TEST(EngineBatches, BrokenRowsLeaveLaterWavesAlone) {
    for (const char* architecture : {"llama", "gptneox"}) {
        TinyOptions o;
        o.architecture = architecture;
        const auto model = tiny(o);
        const auto huge = shared(std::vector<float>(static_cast<std::size_t>(model->info().n_embd), 3e38f));
        std::vector<Row> rows;
        for (unsigned i = 0; i < 12; ++i) {
            rows.push_back(logits_row(random_prompt(10, i)));
            if (i < 8) rows.back().forced = {5, 6};  // run first
            if (i % 3 == 0) rows.back().edits = {{Site::residual, 0, -1, Operation::add, {}, huge, 2}};
            rows.back().captures.push_back({Site::residual, 0, -1, {Positions::Kind::steered, 0, 0}, false});
        }
        Engine engine(model, exact(4));
        for (int round = 0; round < 2; ++round) {
            const auto results = engine.run(rows);
            for (std::size_t i = 0; i < rows.size(); ++i) {
                EXPECT_EQ(results[i].broken, i % 3 == 0) << architecture << i;
                if (i % 3 == 0 && i < 8) {
                    EXPECT_EQ(results[i].forced_logprob.at(1), -INFINITY);
                }
                if (i % 3 == 0) continue;
                Engine fresh(model, exact(4));
                EXPECT_EQ(results[i].logits, fresh.run(std::span(&rows[i], 1))[0].logits)
                    << architecture << i;
            }
        }
    }
}

TEST(EngineBatches, CancelInterruptsAndTheEngineGoesOn) {
    Engine engine(long_model(), exact());
    std::atomic<bool> flag = true;
    engine.cancel_with(&flag);
    const Row row = logits_row(random_prompt(30, 1));
    expect_error(Code::interrupted, {}, [&] { engine.run(std::span(&row, 1)); });
    expect_error(Code::interrupted, {}, [&] { engine.fork(std::span(&row, 1)); });
    flag = false;
    EXPECT_FALSE(engine.run(std::span(&row, 1))[0].logits.empty());
    // In the middle of a call: the rows that follow are not harmed by what it left behind.
    const auto expected = engine.run(std::span(&row, 1))[0].logits;
    std::vector<Row> rows(10, row);
    for (Row& r : rows) r.forced = {4, 5, 6};
    engine.on_progress([&](std::size_t, std::size_t) { flag = true; });
    expect_error(Code::interrupted, {}, [&] { engine.run(rows); });
    flag = false;
    engine.on_progress({});
    EXPECT_EQ(engine.run(std::span(&row, 1))[0].logits, expected);
}

}  // namespace

// Rows that come and go: the same bits as alone, whatever happens beside them.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "support/stepper_rows.h"

using namespace tiller;
using namespace tiller::test;

namespace {

// A hundred schedules for each of three architectures and kinds of weights.
class StepperSchedules : public testing::TestWithParam<const char*> {};

TEST_P(StepperSchedules, EveryRowIsTheSameAsAlone) {
    const std::string name = GetParam();
    TinyOptions o;
    EngineOptions options = exact();
    auto path = make_tiny_model(o);
    if (name == "gemma3") {
        o.architecture = name;
        path = make_tiny_model(o);
    } else if (name == "qwen2_Q4_K") {
        o.architecture = "qwen2";
        o.n_embd = o.n_ff = 256;
        o.d_head = 64;
        path = quantise_tiny_model(make_tiny_model(o), "Q4_K");
        options.cache_f32 = false;
    }
    const auto model = Model::load(path);
    const auto rows = mixed_rows(model->info(), 40, 3);
    const auto alone = each_alone(model, options, rows);
    EXPECT_GE(std::count_if(alone.begin(), alone.end(), [](const auto& r) { return r.broken; }), 2);
    Engine engine(model, options);
    std::uint64_t n_reused = 0;
    for (unsigned seed = 0; seed < 100 && !testing::Test::HasFailure(); ++seed)
        n_reused += random_schedule(engine, rows, alone, seed);
    EXPECT_GT(n_reused, 1000u);
}

INSTANTIATE_TEST_SUITE_P(Models, StepperSchedules, testing::Values("llama", "gemma3", "qwen2_Q4_K"),
                         [](const auto& param) { return std::string(param.param); });

class StepperTest : public testing::Test {
protected:
    StepperTest() : model_(tiny()), engine_(model_, exact()) {}

    Row sampled(int n_new, unsigned seed = 0, int n_prompt = 7) const {
        Row row;
        row.prompt = random_prompt(n_prompt, 40 + seed);
        row.max_new_tokens = n_new;
        row.sampling.temperature = 1;
        row.sampling.seed = seed;
        return row;
    }
    RowResult alone(const Row& row) const {
        Engine engine(model_, exact());
        return engine.run({&row, 1})[0];
    }
    static void finish(Stepper& stepper) {
        while (stepper.step()) {
        }
    }
    static RowResult take(Stepper& stepper, RowId id) {
        auto result = stepper.take(id);
        EXPECT_TRUE(result.has_value());
        return result ? std::move(*result) : RowResult{};
    }

    std::shared_ptr<const Model> model_;
    Engine engine_;
};

// A row may use what another row computed only when nothing that comes with it is NaN: here the cells behind
// the shared tokens are, and masked cells count with weight 0.
TEST_F(StepperTest, WhatAnotherRowBrokeStaysWithIt) {
    const auto stem = random_prompt(16, 1);
    Row broken = logits_row(stem), whole = logits_row(stem);
    for (int i = 0; i < 20; ++i) broken.prompt.push_back(20 + i);
    whole.prompt.push_back(50);
    broken.edits = {random_edit(model_->info(), Site::residual, 0, Operation::add,
                                {Positions::Kind::range, 25, 28}, 1, 3e38f)};
    StepperOptions options;
    options.row_tokens = 64;
    Stepper stepper(engine_, options);
    const RowId a = stepper.add(broken), b = stepper.add(whole);
    finish(stepper);
    EXPECT_EQ(take(stepper, a).finish, Finish::broken);
    EXPECT_EQ(difference(take(stepper, b), alone(whole)), "");
}

// Logits do not show what an edit broke where another edit replaced it later; the cells still hold it.
TEST_F(StepperTest, ABreakThatIsReplacedLaterDoesNotReachTheNextRow) {
    Row hides = logits_row(random_prompt(29, 1));  // 28 need no padding, which would be broken, too
    hides.edits = {random_edit(model_->info(), Site::residual, 0, Operation::add, {}, 1, 3e38f),
                   random_edit(model_->info(), Site::residual, 1, Operation::replace, {}, 2)};
    StepperOptions options;
    options.n_rows = 1;
    options.row_tokens = 64;
    Stepper stepper(engine_, options);
    const RowId first = stepper.add(hides);
    std::vector<Row> others;  // enough of them that one takes the same cells
    std::vector<RowId> ids;
    for (unsigned i = 0; i < 6; ++i) {
        others.push_back(logits_row(random_prompt(9, 2 + i)));
        ids.push_back(stepper.add(others.back()));
    }
    finish(stepper);
    EXPECT_EQ(alone(hides).finish, Finish::length);
    EXPECT_EQ(difference(take(stepper, first), alone(hides)), "");
    for (std::size_t i = 0; i < ids.size(); ++i)
        EXPECT_EQ(difference(take(stepper, ids[i]), alone(others[i])), "") << i;
    // The same for rows of one run() after another.
    engine_.run({&hides, 1});
    EXPECT_EQ(difference(engine_.run({&others[0], 1})[0], alone(others[0])), "");
}

TEST_F(StepperTest, PromptsAreComputedOnce) {
    const ModelInfo& info = model_->info();
    StepperOptions options;
    options.n_rows = 4;
    options.row_tokens = 128;
    Stepper stepper(engine_, options);
    Row row = sampled(3, 1, 60);
    // Strengths of a vector that acts from the last prompt token on share the prompt, whatever their vectors.
    std::vector<RowId> ids;
    for (unsigned i = 0; i < 8; ++i) {
        row.edits = {
            random_edit(info, Site::residual, 1, Operation::add, {Positions::Kind::steered, 0, 0}, i, 0.1f)};
        ids.push_back(stepper.add(row));
    }
    finish(stepper);
    EXPECT_EQ(stepper.stats().n_prompt_token, 8u * 59u);
    EXPECT_EQ(stepper.stats().n_reused_token, 7u * 59u);
    // An edit at every token makes the prompt its own, one of the same values in another buffer does not.
    for (int i = 0; i < 2; ++i) {
        row.edits = {random_edit(info, Site::mlp_output, 0, Operation::turn, {}, 5, 2)};
        ids.push_back(stepper.add(row));
        finish(stepper);
        EXPECT_EQ(stepper.stats().n_reused_token, static_cast<std::uint64_t>((7 + i) * 59)) << i;
    }
    // A longer prompt uses what it has in common with an earlier one.
    Row longer = sampled(3, 1, 60);
    longer.prompt.resize(40);
    longer.prompt.insert(longer.prompt.end(), {9, 10, 11});
    const auto before = stepper.stats().n_reused_token;
    const RowId id = stepper.add(longer);
    finish(stepper);
    EXPECT_EQ(stepper.stats().n_reused_token - before, 40u);
    EXPECT_EQ(difference(take(stepper, id), alone(longer)), "");
}

TEST_F(StepperTest, EventsTellTheWholeRow) {
    Row row = sampled(12, 3);
    row.want_logprobs = true;
    row.n_top_each = 2;
    std::vector<TokenEvent> events;
    Stepper stepper(engine_);
    const RowId id = stepper.add(row, [&](const TokenEvent& e) {
        events.push_back(e);
        return true;
    });
    finish(stepper);
    const RowResult result = take(stepper, id);
    EXPECT_FALSE(stepper.take(id).has_value());
    ASSERT_FALSE(events.empty());
    EXPECT_EQ(result.finish, events.back().finish);
    std::size_t i = 0;
    for (const TokenEvent& e : events) {
        EXPECT_EQ(e.row, id);
        EXPECT_EQ(e.finish != Finish::unfinished, &e == &events.back());
        if (i == result.generated.size()) continue;  // the end-of-generation token
        EXPECT_EQ(e.token, result.generated[i]);
        EXPECT_EQ(e.logprob, result.generated_logprob[i]);
        EXPECT_TRUE(same_top(e.top, result.top_each[i]));
        EXPECT_EQ(e.top.size(), 2u);
        EXPECT_LE(e.logprob, e.top[0].logprob);
        ++i;
    }
    EXPECT_EQ(i, result.generated.size());
    // The same log-probabilities as when the tokens are forced.
    Row forced = row;
    forced.max_new_tokens = 0;
    forced.forced = result.generated;
    EXPECT_TRUE(same_floats(alone(forced).forced_logprob, result.generated_logprob));
    EXPECT_TRUE(same_top(alone(forced).top_each[4], result.top_each[4]));
}

TEST_F(StepperTest, CallbacksEndAddAndTakeRows) {
    Stepper stepper(engine_);
    const Row row = sampled(30, 2), other = sampled(5, 9);
    ASSERT_GE(alone(row).generated.size(), 4u);
    RowId second = 0;
    int n_call = 0;
    const RowId first = stepper.add(row, [&](const TokenEvent& e) {
        if (++n_call == 2) second = stepper.add(other);
        if (n_call == 3) {
            EXPECT_FALSE(stepper.take(e.row).has_value());
            return false;
        }
        return true;
    });
    finish(stepper);
    EXPECT_EQ(n_call, 3);
    const RowResult stopped = take(stepper, first);
    EXPECT_EQ(stopped.finish, Finish::cancelled);
    EXPECT_EQ(stopped.generated.size(), 3u);
    EXPECT_EQ(difference(take(stepper, second), alone(other)), "");
    stepper.cancel(first);  // nobody's any more
    stepper.cancel(12345);

    // What a callback throws leaves step(), and the stepper goes on.
    int n_thrown = 0;
    const RowId third = stepper.add(row, [&](const TokenEvent&) -> bool {
        if (++n_thrown == 2) throw std::runtime_error("of the caller's");
        return true;
    });
    EXPECT_THROW(finish(stepper), std::runtime_error);
    finish(stepper);
    EXPECT_EQ(difference(take(stepper, third), alone(row)), "");
}

TEST_F(StepperTest, CancelledRowsKeepWhatWasComputed) {
    StepperOptions options;
    options.n_rows = 1;
    Stepper stepper(engine_, options);
    Row row = sampled(30, 2);
    row.captures = {{Site::residual, 0, 1, {Positions::Kind::all, 0, 0}, false}};
    const RowId running = stepper.add(row), queued = stepper.add(row);
    for (int i = 0; i < 4; ++i) stepper.step();
    EXPECT_EQ(stepper.n_running(), 1u);
    EXPECT_EQ(stepper.n_queued(), 1u);
    stepper.cancel(running);
    stepper.cancel(queued);
    EXPECT_EQ(stepper.n_running() + stepper.n_queued(), 0u);
    const RowResult result = take(stepper, running);
    EXPECT_EQ(result.finish, Finish::cancelled);
    EXPECT_FALSE(result.generated.empty());
    EXPECT_EQ(result.captured[0].n_position, 7 + static_cast<int>(result.generated.size()) - 1);
    EXPECT_TRUE(take(stepper, queued).generated.empty());
    EXPECT_FALSE(stepper.step());
}

// Flags that another thread sets end decodes in the middle; the rows beside do that decode again, and what
// they had captured so far counts once.
TEST_F(StepperTest, FlagsStopDecodesAndNobodyElseNotices) {
    TinyOptions o;
    o.n_layer = 4;
    o.n_embd = 192;
    o.n_ff = 768;
    const auto model = Model::load(make_tiny_model(o));
    Engine engine(model, exact());
    std::vector<Row> rows;
    for (unsigned i = 0; i < 12; ++i) {
        Row row = sampled(12, i, 100 + static_cast<int>(i % 6));
        row.captures = {{Site::mlp_output, 0, -1, {}, true},
                        {Site::residual, 0, -1, {Positions::Kind::all, 0, 0}, true}};
        rows.push_back(row);
    }
    const auto expected = each_alone(model, exact(), rows);
    // Flags are set all over the time that the rows take on this machine.
    const auto start = std::chrono::steady_clock::now();
    engine.run(rows);
    const std::chrono::duration<double> whole = std::chrono::steady_clock::now() - start;
    std::uint64_t n_stopped = 0;
    for (int attempt = 0; attempt < 60 && n_stopped < 3; ++attempt) {
        StepperOptions options;
        options.n_rows = 8;
        options.row_tokens = 128;
        Stepper stepper(engine, options);
        // Pairs of a row that stays and one that leaves, computed in the same batches.
        std::vector<RowId> ids, leaving;
        std::vector<std::shared_ptr<std::atomic<bool>>> flags;
        for (unsigned i = 0; i < 6; ++i) {
            ids.push_back(stepper.add(rows[i]));
            flags.push_back(std::make_shared<std::atomic<bool>>(false));
            leaving.push_back(stepper.add(rows[i + 6], {}, flags.back()));
        }
        std::thread other([&] {
            for (auto& flag : flags) {
                std::this_thread::sleep_for(whole / 6 * (0.1 + attempt * 7 % 10 * 0.13));
                *flag = true;
            }
        });
        finish(stepper);
        other.join();
        for (std::size_t i = 0; i < ids.size(); ++i)
            EXPECT_EQ(difference(take(stepper, ids[i]), expected[i]), "") << i;
        for (std::size_t i = 0; i < leaving.size(); ++i) {
            const RowResult result = take(stepper, leaving[i]);
            if (result.finish != Finish::cancelled) {
                EXPECT_EQ(difference(result, expected[i + 6]), "");
            }
        }
        n_stopped += stepper.stats().n_stopped;
    }
    EXPECT_GT(n_stopped, 0u);
}

TEST_F(StepperTest, AnInterruptedStepLosesNothing) {
    std::atomic<bool> stop = false;
    engine_.cancel_with(&stop);
    Stepper stepper(engine_);
    const Row row = sampled(10, 5, 50);
    const RowId id = stepper.add(row);
    for (int i = 0;; ++i) {
        stop = i % 2 == 0;
        if (stop) {
            expect_error(Code::interrupted, {}, [&] { stepper.step(); });
        } else if (!stepper.step()) {
            break;
        }
        if (stepper.n_running() + stepper.n_queued() == 0) break;
    }
    engine_.cancel_with(nullptr);
    EXPECT_EQ(difference(take(stepper, id), alone(row)), "");
}

TEST_F(StepperTest, TheEngineMayRunBetweenSteps) {
    Stepper stepper(engine_);
    const Row row = sampled(10, 5, 50), other = sampled(4, 6, 20);
    const RowId id = stepper.add(row);
    while (stepper.step()) {
        EXPECT_EQ(difference(engine_.run({&other, 1})[0], alone(other)), "");
        engine_.fork({&other, 1});
    }
    EXPECT_EQ(difference(take(stepper, id), alone(row)), "");
}

TEST_F(StepperTest, RefusedBeforeAnythingIsComputed) {
    const auto with = [](auto change) {
        StepperOptions o;
        change(o);
        return o;
    };
    using O = StepperOptions;
    const auto refused = [&](const O& o, std::vector<std::string> parts) {
        expect_error(Code::usage, parts, [&] { Stepper stepper(engine_, o); });
    };
    refused(with([](O& o) { o.n_rows = 0; }), {"rows at once: 0", "1 to 256"});
    refused(with([](O& o) { o.n_spare = 241; }), {"241", "0 to 240"});
    refused(with([](O& o) { o.row_tokens = 513; }), {"513", "1 to 512"});
    refused(with([](O& o) { o.prompt_chunk = 6; }), {"6", "multiple of 4"});
    refused(with([](O& o) { o.prompt_chunk = 516; }), {"516", "512"});
    StepperOptions options;
    options.row_tokens = 40;
    Stepper stepper(engine_, options);
    EXPECT_EQ(stepper.options().row_tokens, 40);
    EXPECT_EQ(Stepper(engine_).options().row_tokens, 512);
    const auto row_refused = [&](Code code, std::vector<std::string> parts, auto change) {
        Row row = sampled(5);
        change(row);
        expect_error(code, parts, [&] { stepper.add(row); });
    };
    row_refused(Code::bad_input, {"42 tokens", "prompt 37", "at most 40"},
                [](Row& r) { r.prompt.resize(37, 5); });
    row_refused(Code::usage, {"stop text is empty"}, [](Row& r) { r.stop = {"x", ""}; });
    row_refused(Code::usage, {"stop text is not valid UTF-8"}, [](Row& r) { r.stop = {"\xC3"}; });
    row_refused(Code::usage, {"bias for token 99999", "vocabulary"}, [](Row& r) {
        r.sampling.bias = {{99999, 1.0f}};
    });
    row_refused(Code::usage, {"bias of token 3", "inf"}, [](Row& r) { r.sampling.bias = {{3, INFINITY}}; });
    row_refused(Code::usage, {"min-p 1.5"}, [](Row& r) { r.sampling.min_p = 1.5f; });
    row_refused(Code::usage, {"repetition penalty 0"}, [](Row& r) { r.sampling.repetition_penalty = 0; });
    row_refused(Code::usage, {"presence penalty nan"}, [](Row& r) { r.sampling.presence_penalty = NAN; });
    row_refused(Code::usage, {"-1 most likely"}, [](Row& r) { r.n_top_each = -1; });
    EXPECT_FALSE(stepper.step());
    EXPECT_EQ(stepper.stats().n_prompt_token, 0u);
}

}  // namespace

// Engines in threads of their own: the same numbers as alone, and each thread's errors name its own reasons.
#include <gtest/gtest.h>

#include <barrier>
#include <thread>

#include "support/engine_rows.h"

using namespace tiller;
using namespace tiller::test;

namespace {

// Rows of different lengths, with edits and sampled tokens, so that prompts, steps and logits all run.
std::vector<Row> rows_for(const ModelInfo& info, unsigned seed) {
    std::vector<Row> rows;
    for (unsigned i = 0; i < 2; ++i) {
        Row row = logits_row(random_prompt(5 + 3 * static_cast<int>(i), seed + i));
        row.edits = {random_edit(info, Site::residual, 1, Operation::add, {Positions::Kind::steered, 0, 0},
                                 seed + i, 0.5f)};
        row.captures = {{Site::mlp_output, 0, info.n_layer, {Positions::Kind::last_prompt, 0, 0}, false}};
        row.max_new_tokens = 2;
        rows.push_back(std::move(row));
    }
    return rows;
}

void expect_same(const std::vector<RowResult>& a, const std::vector<RowResult>& b, const std::string& what) {
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
        EXPECT_EQ(a[i].logits, b[i].logits) << what << ", row " << i;
        EXPECT_EQ(a[i].generated, b[i].generated) << what << ", row " << i;
        ASSERT_EQ(a[i].captured.size(), b[i].captured.size());
        EXPECT_EQ(a[i].captured[0].values, b[i].captured[0].values) << what << ", row " << i;
    }
}

TEST(EngineThreads, TwoEnginesRunAtOnceAsEachAlone) {
    TinyOptions other;
    other.architecture = "gemma3";
    other.seed = 5;
    const std::shared_ptr<const Model> models[] = {tiny(), tiny(other)};
    std::vector<Row> rows[2];
    std::vector<RowResult> run_alone[2], fork_alone[2];
    for (unsigned m : {0u, 1u}) {
        rows[m] = rows_for(models[m]->info(), 100 * m);
        Engine engine(models[m], exact(64, 2));
        run_alone[m] = engine.run(rows[m]);
        fork_alone[m] = engine.fork(rows[m]);
    }
    std::vector<RowResult> run_beside[2], fork_beside[2];
    std::barrier start(2);
    const auto work = [&](unsigned m) {
        start.arrive_and_wait();
        // Each engine with two threads of its own.
        Engine engine(models[m], exact(64, 2));
        run_beside[m] = engine.run(rows[m]);
        fork_beside[m] = engine.fork(rows[m]);
    };
    std::thread a(work, 0u), b(work, 1u);
    a.join();
    b.join();
    for (unsigned m : {0u, 1u}) {
        expect_same(run_beside[m], run_alone[m], "run, model " + std::to_string(m));
        expect_same(fork_beside[m], fork_alone[m], "fork, model " + std::to_string(m));
    }
}

// One engine's model is shared, which its header allows.
TEST(EngineThreads, TwoEnginesShareAModel) {
    const auto model = tiny();
    const auto rows = rows_for(model->info(), 7);
    const auto alone = Engine(model, exact()).run(rows);
    std::vector<RowResult> beside[2];
    std::barrier start(2);
    const auto work = [&](unsigned t) {
        start.arrive_and_wait();
        Engine engine(model, exact());
        for (int i = 0; i < 5; ++i) beside[t] = engine.run(rows);
    };
    std::thread a(work, 0u), b(work, 1u);
    a.join();
    b.join();
    for (const auto& results : beside) expect_same(results, alone, "shared model");
}

std::filesystem::path bad_model(const std::function<void(gguf_context*)>& metadata) {
    TinyOptions o;
    o.metadata = metadata;
    return make_tiny_model(o);
}

// The reasons come from the engine's log, which has no notion of a thread.
TEST(EngineThreads, AnErrorNamesTheReasonOfItsOwnThread) {
    const auto few_scores = bad_model([](gguf_context* g) {
        const float one = 1;
        gguf_set_arr_data(g, "tokenizer.ggml.scores", GGUF_TYPE_FLOAT32, &one, 1);
    });
    const auto few_types = bad_model([](gguf_context* g) {
        const std::int32_t two[] = {1, 2};
        gguf_set_arr_data(g, "tokenizer.ggml.token_type", GGUF_TYPE_INT32, two, 2);
    });
    const auto good = make_tiny_model();
    constexpr int n = 30;
    std::vector<std::string> of_scores, of_types;
    int n_good = 0;
    std::barrier start(3);
    const auto collect = [&](const std::filesystem::path& path, std::vector<std::string>& messages) {
        start.arrive_and_wait();
        for (int i = 0; i < n; ++i) try {
                Model::load(path);
            } catch (const Error& e) {
                messages.emplace_back(e.what());
            }
    };
    std::thread a([&] { collect(few_scores, of_scores); }), b([&] { collect(few_types, of_types); }), c([&] {
        start.arrive_and_wait();
        for (int i = 0; i < n; ++i) n_good += Model::load(good)->info().n_layer == 3;
    });
    a.join();
    b.join();
    c.join();
    EXPECT_EQ(n_good, n);
    ASSERT_EQ(of_scores.size(), static_cast<std::size_t>(n));
    ASSERT_EQ(of_types.size(), static_cast<std::size_t>(n));
    for (std::size_t i = 0; i < of_scores.size(); ++i) {
        EXPECT_NE(of_scores[i].find("scores"), std::string::npos) << of_scores[i];
        EXPECT_EQ(of_scores[i].find("toktypes"), std::string::npos) << of_scores[i];
        EXPECT_NE(of_types[i].find("toktypes"), std::string::npos) << of_types[i];
        EXPECT_EQ(of_types[i].find("scores"), std::string::npos) << of_types[i];
    }
}

}  // namespace

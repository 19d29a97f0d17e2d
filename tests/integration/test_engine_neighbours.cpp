// A row's numbers must not depend on its neighbours, on the number of threads, on the rows in flight or on
// the order of the rows: bit for bit, on float32 and on quantised weights.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "support/engine_rows.h"
#include "tiller/random.h"

using namespace tiller;
using namespace tiller::test;

namespace {

// Lengths around the engine's multiples: kernels for 1, 2 to 3 and 4 rows, and the chunk of 512 tokens.
const int kLengths[] = {1, 2, 3, 4, 5, 6, 8, 9, 14, 33, 100, 257, 512, 513, 514, 516};

bool same_bits(const RowResult& a, const RowResult& b) {
    const auto equal = [](const std::vector<float>& x, const std::vector<float>& y) {
        return x.size() == y.size() && std::memcmp(x.data(), y.data(), x.size() * sizeof(float)) == 0;
    };
    if (!equal(a.logits, b.logits) || !equal(a.forced_logprob, b.forced_logprob) ||
        a.captured.size() != b.captured.size())
        return false;
    for (std::size_t c = 0; c < a.captured.size(); ++c)
        if (!equal(a.captured[c].values, b.captured[c].values)) return false;
    return true;
}

class EngineNeighbours : public testing::TestWithParam<const char*> {
protected:
    EngineNeighbours() {
        const std::string type = GetParam();
        TinyOptions o;
        o.n_embd = 64;
        o.n_layer = 2;
        o.n_ctx = 600;
        if (type.back() == 'K') {
            o.n_embd = o.n_ff = 256;
            o.d_head = 64;
        }
        const auto path = make_tiny_model(o);
        model_ = Model::load(type == "F32" ? path : quantise_tiny_model(path, type));
        options_.n_threads = 1;  // A float32 cache hides nothing; a float16 one is what most runs use.
        options_.cache_f32 = type == "F32" || type == "Q4_0" || type == "Q4_K";
    }

    // One row of every length, with an edit in the prompt, one after it and captures in some.
    std::vector<Row> rows_under_test() const {
        const ModelInfo& info = model_->info();
        std::vector<Row> rows;
        unsigned seed = 1000;
        for (int n : kLengths) {
            Row row = logits_row(random_prompt(n, seed++));
            row.forced = {50, 60};
            if (n % 2 == 0)
                row.edits.push_back(random_edit(info, Site::mlp_output, 0, Operation::turn, {}, seed++, 4));
            if (n % 3 == 0)
                row.edits.push_back(random_edit(info, Site::residual, 1, Operation::add,
                                                {Positions::Kind::steered, 0, 0}, seed++, 0.5f));
            if (n % 5 == 0 || n == 2 || n == 3)
                row.captures.push_back({Site::residual, 0, -1, {Positions::Kind::last_k, 0, 3}, n == 100});
            rows.push_back(std::move(row));
        }
        return rows;
    }

    // For each row: rows of the same shape, which are computed together with it, rows of nearly the same
    // length, and rows with the same prompt but other edits.
    std::vector<Row> neighbours(const std::vector<Row>& tested) const {
        const ModelInfo& info = model_->info();
        std::vector<Row> rows;
        unsigned seed = 5000;
        for (const Row& like : tested)
            for (int i = 0; i < (like.prompt.size() > 150 ? 3 : 18); ++i, ++seed) {
                Row row = like;
                if (i % 6 != 2)
                    row.prompt =
                        random_prompt(static_cast<int>(like.prompt.size()) + (i > 8 ? i % 4 : 0), seed);
                row.edits = {random_edit(info, kAllSites[i % 4], i % 2,
                                         kAllOperations[seed % std::size(kAllOperations)], {}, seed, 3)};
                if (i > 9) row.captures.clear();
                if (i > 13) row.forced = {7, 8, 9, 10, 11};
                if (i == 17)
                    row.captures.push_back({Site::mlp_output, 0, -1, {Positions::Kind::prompt, 0, 0}, true});
                rows.push_back(std::move(row));
            }
        return rows;
    }

    std::vector<RowResult> alone(const std::vector<Row>& rows) const {
        Engine engine(model_, options_);
        std::vector<RowResult> results;
        for (const Row& row : rows) results.push_back(engine.run(std::span(&row, 1))[0]);
        return results;
    }

    void expect_same(const std::vector<RowResult>& got, const std::vector<RowResult>& expected,
                     const std::string& what) const {
        for (std::size_t i = 0; i < expected.size(); ++i)
            EXPECT_TRUE(same_bits(got[i], expected[i]))
                << what << ", prompt of " << kLengths[i] << " tokens: logits differ by up to "
                << max_difference(got[i].logits, expected[i].logits);
    }

    std::shared_ptr<const Model> model_;
    EngineOptions options_;
};

TEST_P(EngineNeighbours, AloneOrAmongTwoHundred) {
    const auto tested = rows_under_test();
    const auto expected = alone(tested);
    auto rows = tested;
    for (Row& row : neighbours(tested)) rows.push_back(std::move(row));
    Engine engine(model_, options_);
    expect_same(engine.run(rows), expected, "among 200");
    // In another order, in the same engine, whose caches are no longer fresh.
    std::reverse(rows.begin(), rows.end());
    auto results = engine.run(rows);
    std::reverse(results.begin(), results.end());
    expect_same(results, expected, "in reverse order");
}

TEST_P(EngineNeighbours, RowsInFlight) {
    const auto tested = rows_under_test();
    const auto expected = alone(tested);
    auto rows = tested;
    const auto others = neighbours(tested);
    rows.insert(rows.end(), others.begin(), others.begin() + 90);
    for (int max_rows : {1, 6, 16, 256}) {
        options_.max_rows = max_rows;
        Engine engine(model_, options_);
        expect_same(engine.run(rows), expected, fmt::format("{} rows in flight", max_rows));
    }
}

// A hundred random sequences of rows in one context, among them longer before shorter ones and edited before
// plain ones: each row as in a fresh one.
TEST_P(EngineNeighbours, OneAfterAnother) {
    std::vector<Row> pool;
    for (const Row& row : rows_under_test()) {
        if (row.prompt.size() > 40) continue;
        pool.push_back(row);
        pool.push_back(row);
        pool.back().edits.clear();
        pool.push_back(row);
        pool.back().edits = {random_edit(model_->info(), Site::residual, 0, Operation::add, {},
                                         static_cast<unsigned>(row.prompt.size()), 3)};
    }
    std::vector<RowResult> fresh;
    for (const Row& row : pool) fresh.push_back(Engine(model_, options_).run(std::span(&row, 1))[0]);
    Engine engine(model_, options_);
    Random random(1, "sequences");
    for (int sequence = 0; sequence < 100; ++sequence)
        for (int batch = 0; batch < 3; ++batch) {
            std::vector<Row> rows;
            std::vector<std::size_t> which;
            for (auto n = 1 + random.below(3); n > 0; --n) {
                which.push_back(random.below(pool.size()));
                rows.push_back(pool[which.back()]);
            }
            const auto results = engine.run(rows);
            for (std::size_t i = 0; i < rows.size(); ++i)
                ASSERT_TRUE(same_bits(results[i], fresh[which[i]]))
                    << "sequence " << sequence << ", batch " << batch << ", row " << which[i];
        }
}

TEST_P(EngineNeighbours, Threads) {
    auto tested = rows_under_test();
    std::erase_if(tested, [](const Row& row) { return row.prompt.size() > 40; });
    const auto expected = alone(tested);
    for (int n_threads : {2, 3}) {
        options_.n_threads = n_threads;
        Engine engine(model_, options_);
        expect_same(engine.run(tested), expected, fmt::format("{} threads", n_threads));
    }
}

INSTANTIATE_TEST_SUITE_P(Weights, EngineNeighbours,
                         testing::Values("F32", "F16", "Q8_0", "Q4_0", "Q5_0", "Q4_K"),
                         [](const auto& param) { return std::string(param.param); });

}  // namespace

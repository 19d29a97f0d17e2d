// The engine counts what it did: one for every row, layer and token. And it refuses what cannot be done, with
// the row, the value found and the value expected.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <limits>

#include "support/engine_rows.h"

using namespace tiller;
using namespace tiller::test;

namespace {

struct Counted {
    Positions positions;
    int n;  ///< Positions chosen in a prompt of 9 tokens with 3 forced ones, of which the last is not
            ///< computed.
};
const Counted kCounted[] = {
    {{Positions::Kind::last_prompt, 0, 0}, 1}, {{Positions::Kind::last_k, 0, 4}, 4},
    {{Positions::Kind::last_k, 0, 50}, 9},     {{Positions::Kind::prompt, 0, 0}, 9},
    {{Positions::Kind::generated, 0, 0}, 2},   {{Positions::Kind::steered, 0, 0}, 3},
    {{Positions::Kind::all, 0, 0}, 11},        {{Positions::Kind::range, 2, 5}, 3},
    {{Positions::Kind::range, 7, 10}, 3},      {{Positions::Kind::range, 0, 1}, 1},
};

TEST(EngineCounts, EditsOfEveryKindOfPosition) {
    const auto model = tiny();
    for (Site site : kAllSites)
        for (int il : {0, 1, 2})
            for (const Counted& c : kCounted) {
                Engine engine(model, exact());
                EXPECT_EQ(engine.stats().n_edit, 0u);
                Row row = logits_row(random_prompt(9, 1));
                row.forced = {4, 5, 6};
                row.edits = {random_edit(model->info(), site, il, Operation::add, c.positions, 1, 0.1f)};
                engine.run(std::span(&row, 1));
                EXPECT_EQ(engine.stats().n_edit, static_cast<std::uint64_t>(c.n))
                    << site_name(site) << ", layer " << il << ", kind " << static_cast<int>(c.positions.kind);
                EXPECT_EQ(engine.stats().n_capture, 0u);
            }
}

TEST(EngineCounts, CapturesOfEveryKindOfPosition) {
    const auto model = tiny();
    for (Site site : kAllSites)
        for (const Counted& c : kCounted)
            for (bool mean : {false, true}) {
                Engine engine(model, exact());
                Row row = logits_row(random_prompt(9, 1));
                row.forced = {4, 5, 6};
                row.captures = {{site, 1, 3, c.positions, mean}};
                const RowResult result = engine.run(std::span(&row, 1))[0];
                // Reading the last forced token makes the engine compute it.
                const int n = c.n + (c.positions.contains(11, 9) ? 1 : 0);
                EXPECT_EQ(engine.stats().n_capture, static_cast<std::uint64_t>(2 * n)) << site_name(site);
                EXPECT_EQ(result.captured[0].n_position, mean ? 1 : n) << site_name(site);
                EXPECT_EQ(engine.stats().n_edit, 0u);
            }
}

TEST(EngineCounts, CaptureOnlyRowsStopEarlyAndCountTheSame) {
    const auto model = tiny();
    for (Site site : kAllSites) {
        Row row;
        row.prompt = random_prompt(9, 1);
        row.captures = {{site, 0, 2, {}, false}};
        ASSERT_TRUE(row.captures_only());
        Row full = row;
        full.want_logits = true;
        Engine a(model, exact()), b(model, exact());
        const RowResult early = a.run(std::span(&row, 1))[0], whole = b.run(std::span(&full, 1))[0];
        EXPECT_EQ(early.captured[0].values, whole.captured[0].values) << site_name(site);
        EXPECT_EQ(a.stats().n_capture, 18u);
        EXPECT_TRUE(early.logits.empty());
        // In one batch with a row that wants logits, and in the last layer.
        row.captures.push_back({site, 2, 3, {Positions::Kind::last_k, 0, 2}, true});
        const std::vector<Row> rows = {row, full, row};
        const auto mixed = a.run(rows);
        EXPECT_EQ(mixed[0].captured[0].values, whole.captured[0].values);
        EXPECT_EQ(mixed[1].logits, whole.logits);
        EXPECT_EQ(a.run(std::span(&row, 1))[0].captured[1].values, mixed[2].captured[1].values);
    }
}

TEST(EngineCounts, TokensAndDecodes) {
    Engine engine(tiny(), exact());
    const Row row = logits_row(random_prompt(10, 1));
    engine.run(std::span(&row, 1));
    // Nine tokens padded to twelve, then one step padded to four rows.
    EXPECT_EQ(engine.stats().n_token, 16u);
    EXPECT_EQ(engine.stats().n_padding, 6u);
    EXPECT_EQ(engine.stats().n_decode, 2u);
    EXPECT_GT(engine.stats().seconds, 0);
}

class EngineRefusals : public testing::Test {
protected:
    EngineRefusals() : model_(tiny()), engine_(model_, exact()) {}
    // The second of two rows is bad: its number must be named, and nothing is computed.
    void refused(Code code, std::vector<std::string> parts, const std::function<void(Row&)>& spoil) {
        std::vector<Row> rows(2, logits_row(random_prompt(5, 1)));
        rows[1].edits.push_back(random_edit(model_->info(), Site::residual, 1, Operation::add, {}, 1));
        spoil(rows[1]);
        parts.push_back("row 1");
        expect_error(code, parts, [&] { engine_.run(rows); });
        EXPECT_EQ(engine_.stats().n_decode, 0u);
    }
    std::shared_ptr<const Model> model_;
    Engine engine_;
};

TEST_F(EngineRefusals, Edits) {
    const auto edit = [](Row& r) -> Edit& { return r.edits[0]; };
    refused(Code::usage, {"layer 3", "0 to 2"}, [&](Row& r) { edit(r).layer = 3; });
    refused(Code::usage, {"layer -1"}, [&](Row& r) { edit(r).layer = -1; });
    refused(Code::usage, {"head"}, [&](Row& r) { edit(r).head = 0; });
    refused(Code::usage, {"head 4", "4 heads"}, [&](Row& r) {
        edit(r).site = Site::head_output;
        edit(r).head = 4;
    });
    refused(Code::usage, {"head -2"}, [&](Row& r) {
        edit(r).site = Site::head_output;
        edit(r).head = -2;
    });
    refused(Code::usage, {"47", "48"}, [&](Row& r) { edit(r).vector = random_vector(47, 1); });
    refused(Code::usage, {"48", "64"}, [&](Row& r) { edit(r).site = Site::head_output; });
    // A centre without rows, and a row that is cut short.
    for (const int n : {48, 95})
        refused(Code::usage, {"project", fmt::format("has {} values", n), "multiple of 48", "at least 96"},
                [&](Row& r) {
                    edit(r).operation = Operation::project;
                    edit(r).vector = random_vector(n, 1);
                });
    refused(Code::usage, {"64", "16"}, [&](Row& r) {
        edit(r) = random_edit(model_->info(), Site::head_output, 0, Operation::add, {}, 1);
        edit(r).head = 0;
    });
    refused(Code::usage, {"0 values"}, [&](Row& r) { edit(r).vector = nullptr; });
    refused(Code::usage, {"strength"},
            [&](Row& r) { edit(r).strength = std::numeric_limits<float>::quiet_NaN(); });
    refused(Code::usage, {"strength"}, [&](Row& r) { edit(r).strength = INFINITY; });
    for (float bad : {std::numeric_limits<float>::quiet_NaN(), INFINITY})
        refused(Code::usage, {"value 7", "finite"}, [&](Row& r) {
            auto values = *edit(r).vector;
            values[7] = bad;
            edit(r).vector = shared(values);
        });
    refused(Code::usage, {"[-1, 3)"}, [&](Row& r) { edit(r).positions = {Positions::Kind::range, -1, 3}; });
    refused(Code::usage, {"[3, 3)"}, [&](Row& r) { edit(r).positions = {Positions::Kind::range, 3, 3}; });
    refused(Code::usage, {"last 0"}, [&](Row& r) { edit(r).positions = {Positions::Kind::last_k, 0, 0}; });
}

TEST_F(EngineRefusals, Captures) {
    const auto with = [](Capture c) { return [c](Row& r) { r.captures = {c}; }; };
    refused(Code::usage, {"[1, 4)", "3"}, with({Site::residual, 1, 4, {}, false}));
    refused(Code::usage, {"[2, 2)"}, with({Site::residual, 2, 2, {}, false}));
    refused(Code::usage, {"[-1, 3)"}, with({Site::residual, -1, -1, {}, false}));
    refused(Code::usage, {"[0, -2)"}, with({Site::residual, 0, -2, {}, false}));
    refused(Code::usage, {"last -3"}, with({Site::residual, 0, -1, {Positions::Kind::last_k, 0, -3}, false}));
    refused(Code::usage, {"none of the 5 positions"},
            with({Site::residual, 0, -1, {Positions::Kind::range, 5, 9}, false}));
    refused(Code::usage, {"none of the 5 positions"},
            with({Site::residual, 0, -1, {Positions::Kind::generated, 0, 0}, true}));
}

TEST_F(EngineRefusals, Rows) {
    refused(Code::usage, {"no tokens"}, [](Row& r) { r.prompt.clear(); });
    refused(Code::usage, {"forced"}, [](Row& r) {
        r.forced = {3};
        r.max_new_tokens = 1;
    });
    refused(Code::usage, {"-1"}, [](Row& r) { r.max_new_tokens = -1; });
    refused(Code::usage, {"-2"}, [](Row& r) { r.n_top = -2; });
    refused(Code::usage, {"temperature"}, [](Row& r) { r.sampling.temperature = -1; });
    refused(Code::usage, {"temperature"},
            [](Row& r) { r.sampling.temperature = std::numeric_limits<float>::quiet_NaN(); });
    refused(Code::usage, {"top-p"}, [](Row& r) { r.sampling.top_p = 0; });
    refused(Code::usage, {"top-p"}, [](Row& r) { r.sampling.top_p = 1.5f; });
    refused(Code::usage, {"top-k"}, [](Row& r) { r.sampling.top_k = -1; });
    const int n_vocab = model_->info().n_vocab;
    refused(Code::usage, {fmt::format("{}", n_vocab)}, [=](Row& r) { r.prompt[2] = n_vocab; });
    refused(Code::usage, {"-1"}, [](Row& r) { r.forced = {-1}; });
    refused(Code::usage, {"99999"}, [](Row& r) { r.watch = {5, 99999}; });
}

TEST(EngineOptionsRefused, RowsInFlight) {
    const auto model = tiny();
    for (int bad : {0, -1, 257})
        expect_error(Code::usage, {fmt::format("{}", bad), "256"}, [&] { Engine engine(model, exact(bad)); });
}

}  // namespace

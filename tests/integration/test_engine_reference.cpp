// The engine against a float64 forward pass written in the test: no edit, every operation at every site,
// layer and kind of position, and captures.
//
// The bound of 2e-3 on logits (whose standard deviation is 3): the engine computes in float32 with
// approximated exponentials, which differs from float64 by some 1e-5 here; a wrong site, position, layer,
// order or sign changes logits by 1e-2 to 10.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "support/engine_rows.h"
#include "support/reference_llama.h"

using namespace tiller;
using namespace tiller::test;

namespace {

constexpr double kBound = 2e-3;

struct Kind {
    Positions positions;
    const char* name;
};
const Kind kKinds[] = {
    {{Positions::Kind::last_prompt, 0, 0}, "last_prompt"},
    {{Positions::Kind::steered, 0, 0}, "steered"},
    {{Positions::Kind::all, 0, 0}, "all"},
    {{Positions::Kind::generated, 0, 0}, "generated"},
    {{Positions::Kind::range, 2, 5}, "range"},
    {{Positions::Kind::range, 8, 11}, "range over the end"},
    {{Positions::Kind::last_k, 0, 3}, "last_k"},
    {{Positions::Kind::prompt, 0, 0}, "prompt"},
};

class EngineReference : public testing::TestWithParam<bool> {
protected:
    EngineReference() {
        if (GetParam()) {
            // No grouping of heads, biases, and head outputs as wide as the residual stream.
            options_.n_head_kv = 4;
            options_.n_embd = 64;
            options_.attention_bias = true;
            options_.seed = 7;
        }
        const auto path = make_tiny_model(options_);
        model_ = Model::load(path);
        reference_ = std::make_unique<ReferenceLlama>(options_, path);
        prompt_ = random_prompt(9, 3);
        forced_ = {40, 77, 290};
    }

    // Logits after the prompt and log-probabilities of the continuation, both compared with the reference.
    void compare(const Row& row, const RowResult& result, const std::string& what) const {
        std::vector<Token> tokens = row.prompt;
        tokens.insert(tokens.end(), row.forced.begin(), row.forced.end());
        const int n = static_cast<int>(row.prompt.size());
        const ReferencePass pass = reference_->run(tokens, n, row.edits);
        EXPECT_LT(max_difference(result.logits, pass.logits[row.prompt.size() - 1]), kBound) << what;
        ASSERT_EQ(result.forced_logprob.size(), row.forced.size()) << what;
        for (std::size_t i = 0; i < row.forced.size(); ++i) {
            const Values& logits = pass.logits[row.prompt.size() - 1 + i];
            double sum = 0;
            for (double l : logits) sum += std::exp(l);
            EXPECT_NEAR(static_cast<double>(result.forced_logprob[i]),
                        logits[static_cast<std::size_t>(row.forced[i])] - std::log(sum), kBound)
                << what << ", forced token " << i;
        }
    }

    Row row(std::vector<Edit> edits) const {
        Row r = logits_row(prompt_, std::move(edits));
        r.forced = forced_;
        return r;
    }

    TinyOptions options_;
    std::shared_ptr<const Model> model_;
    std::unique_ptr<ReferenceLlama> reference_;
    std::vector<Token> prompt_, forced_;
};

TEST_P(EngineReference, NoEdit) {
    Engine engine(model_, exact());
    const std::vector<Row> rows = {row({})};
    compare(rows[0], engine.run(rows)[0], "no edit");
}

TEST_P(EngineReference, EveryOperationSiteLayerAndPosition) {
    Engine engine(model_, exact());
    const ModelInfo& info = model_->info();
    std::vector<Row> rows;
    std::vector<std::string> names;
    const auto plain = engine.run(std::vector<Row>{row({})})[0];
    unsigned seed = 100;
    for (Site site : kAllSites)
        for (Operation operation : kAllOperations)
            for (int il = 0; il < info.n_layer; ++il)
                for (const Kind& kind : kKinds)
                    for (int head : {-1, 2}) {
                        if (head >= 0 && site != Site::head_output) continue;
                        // Not 1, except for some: replace has a special case there.
                        const float strength = seed % 3 == 0                  ? 1.0f
                                               : operation == Operation::turn ? 6.0f
                                                                              : 0.7f;
                        rows.push_back(row({random_edit(info, site, il, operation, kind.positions, seed++,
                                                        strength, head)}));
                        names.push_back(fmt::format("{} at {}, layer {}, head {}, {}, strength {}",
                                                    operation_name(operation), site_name(site), il, head,
                                                    kind.name, strength));
                    }
    const auto results = engine.run(rows);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        compare(rows[i], results[i], names[i]);
        // The edit must matter somewhere, or the comparison proves nothing. Early positions of the last layer
        // reach no logit.
        const Positions& p = rows[i].edits[0].positions;
        const bool late = p.contains(8, 9) || p.contains(9, 9);
        const bool changed = max_difference(results[i].logits, plain.logits) > 0.01 ||
                             max_difference(results[i].forced_logprob, plain.forced_logprob) > 1e-3;
        const bool matters = late || rows[i].edits[0].layer < info.n_layer - 1;
        EXPECT_TRUE(changed || !matters) << names[i];
    }
}

TEST_P(EngineReference, SeveralEditsInOrder) {
    Engine engine(model_, exact());
    const ModelInfo& info = model_->info();
    const Positions all{}, steered{Positions::Kind::steered, 0, 0}, range{Positions::Kind::range, 1, 4};
    const auto edit = [&](Site site, int il, Operation op, Positions p, unsigned seed, float s,
                          int head = -1) { return random_edit(info, site, il, op, p, seed, s, head); };
    // Replace after add forgets the addition; add after replace does not: the order shows.
    const Edit add = edit(Site::residual, 1, Operation::add, all, 1, 0.8f);
    const Edit replace = edit(Site::residual, 1, Operation::replace, steered, 2, 0.9f);
    const Edit turn = edit(Site::residual, 1, Operation::turn, all, 3, 5);
    std::vector<Row> rows = {row({add, replace}), row({replace, add}), row({add, turn, replace}),
                             row({turn, replace, add})};
    rows.push_back(row({edit(Site::head_output, 0, Operation::replace, range, 4, 1, 1),
                        edit(Site::head_output, 0, Operation::add, all, 5, 0.5f),
                        edit(Site::head_output, 2, Operation::add, steered, 6, 1, 3),
                        edit(Site::attention_output, 1, Operation::turn, all, 7, 3),
                        edit(Site::mlp_output, 2, Operation::turn, steered, 8, 4),
                        edit(Site::mlp_output, 0, Operation::turn, all, 9, 4), add, replace,
                        edit(Site::residual, 2, Operation::replace, steered, 10, 0.5f)}));
    const auto results = engine.run(rows);
    for (std::size_t i = 0; i < rows.size(); ++i) compare(rows[i], results[i], fmt::format("row {}", i));
    EXPECT_GT(max_difference(results[0].logits, results[1].logits), 0.1);
    EXPECT_GT(max_difference(results[2].logits, results[3].logits), 0.1);
}

TEST_P(EngineReference, CapturesAtEverySiteAndPosition) {
    Engine engine(model_, exact());
    const ModelInfo& info = model_->info();
    // Captures are taken before the edits of the same site and layer, and after those of earlier ones.
    Row r = row({random_edit(info, Site::residual, 1, Operation::add, {}, 11, 0.5f),
                 random_edit(info, Site::head_output, 2, Operation::replace, {}, 12, 1, 0)});
    for (Site site : kAllSites)
        for (const Kind& kind : kKinds)
            for (bool mean : {false, true}) r.captures.push_back({site, 0, -1, kind.positions, mean});
    r.captures.push_back({Site::mlp_output, 1, 2, kKinds[0].positions, false});
    const std::vector<Row> rows = {r};
    const RowResult result = engine.run(rows)[0];
    compare(r, result, "row with captures");
    std::vector<Token> tokens = r.prompt;
    tokens.insert(tokens.end(), r.forced.begin(), r.forced.end());
    const int n_prompt = static_cast<int>(r.prompt.size());
    const ReferencePass pass = reference_->run(tokens, n_prompt, r.edits);

    ASSERT_EQ(result.captured.size(), r.captures.size());
    for (std::size_t c = 0; c < r.captures.size(); ++c) {
        const Capture& capture = r.captures[c];
        const Captured& got = result.captured[c];
        const int end = capture.layer_end < 0 ? info.n_layer : capture.layer_end;
        std::vector<double> expected;
        int n_position = 0;
        for (int il = capture.layer_begin; il < end; ++il) {
            const auto& layer =
                pass.captured[static_cast<std::size_t>(capture.site)][static_cast<std::size_t>(il)];
            Values sum(layer[0].size(), 0.0);
            n_position = 0;
            for (std::size_t p = 0; p < tokens.size(); ++p) {
                if (!capture.positions.contains(static_cast<int>(p), n_prompt)) continue;
                ++n_position;
                for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += layer[p][i];
                if (!capture.mean) expected.insert(expected.end(), layer[p].begin(), layer[p].end());
            }
            if (capture.mean)
                for (double s : sum) expected.push_back(s / n_position);
        }
        const std::string what =
            fmt::format("{}, capture {}, mean {}", site_name(capture.site), c, capture.mean);
        EXPECT_EQ(got.n_layer, end - capture.layer_begin) << what;
        EXPECT_EQ(got.n_position, capture.mean ? 1 : n_position) << what;
        EXPECT_EQ(got.width, site_width(info, capture.site, capture.layer_begin)) << what;
        EXPECT_LT(max_difference(got.values, expected), kBound) << what;
    }
}

INSTANTIATE_TEST_SUITE_P(Llama, EngineReference, testing::Bool(), [](const auto& param) {
    return param.param ? "OneHeadPerKeyWithBiases" : "GroupedHeads";
});

}  // namespace

// function_vector(): the direction by hand, and its use against the float64 forward pass.
#include <fmt/format.h>

#include "support/methods_model.h"

using namespace tiller;
using namespace tiller::test;

namespace {

class MethodsFv : public testing::TestWithParam<bool> {
protected:
    MethodsFv()
        : m_(llama_options(GetParam())),
          engine_(m_.model, exact()),
          search_(search_heads(engine_, small_trials(6, 2))) {}

    // Sum of the heads' slices of W_O times their means; a bias belongs to no head.
    std::vector<double> by_hand(const std::vector<HeadEffect>& heads) const {
        std::vector<double> out(static_cast<std::size_t>(m_.options.n_embd));
        for (const auto& head : heads) {
            const auto& w = m_.weights.layer(head.layer, "attn_output.weight");
            const auto& mean = search_.mean_head_output[static_cast<std::size_t>(head.layer)];
            for (std::size_t e = 0; e < out.size(); ++e)
                for (std::size_t i = static_cast<std::size_t>(head.head) * 16;
                     i < (static_cast<std::size_t>(head.head) + 1) * 16; ++i)
                    out[e] += static_cast<double>(w[e * 64 + i]) * static_cast<double>(mean[i]);
        }
        return out;
    }

    MethodsModel m_;
    Engine engine_;
    HeadSearch search_;
};

TEST_P(MethodsFv, DirectionIsTheSumOfTheTopHeads) {
    for (int n : {1, 5, 12}) {
        const SteeringVector v = function_vector(*m_.model, search_, {.n_heads = n, .scale = 2.5f});
        ASSERT_EQ(v.heads.size(), static_cast<std::size_t>(n));
        for (std::size_t i = 0; i < v.heads.size(); ++i) {
            EXPECT_EQ(v.heads[i].aie, search_.aie[static_cast<std::size_t>(v.heads[i].layer)]
                                                 [static_cast<std::size_t>(v.heads[i].head)]);
            if (i > 0) {
                EXPECT_GE(v.heads[i - 1].aie, v.heads[i].aie);
            }
        }
        // None of the heads that were left out has a larger effect.
        int n_larger = 0;
        for (const auto& layer : search_.aie)
            for (float a : layer) n_larger += a > v.heads.back().aie;
        EXPECT_LT(n_larger, n);
        ASSERT_EQ(v.directions.size(), 1u);
        EXPECT_LT(max_difference(v.directions.at(1), by_hand(v.heads)), 1e-5) << n << " heads";
        EXPECT_EQ(v.method, "fv");
        EXPECT_EQ(v.scale, 2.5f);
        EXPECT_EQ(v.aie, search_.aie);
        EXPECT_EQ(v.mean_head_output, search_.mean_head_output);
        EXPECT_EQ(v.provenance.settings.at("heads"), std::to_string(n));
        EXPECT_EQ(v.provenance.settings.at("layer"), "1");
        EXPECT_EQ(v.provenance.settings.at("post_norm"), "false");
    }
    EXPECT_EQ(function_vector(*m_.model, search_, {.n_heads = 0}).heads.size(), 1u) << "ceil(12 / 51.2)";
}

TEST_P(MethodsFv, AppliedAtTheLastPromptTokenAndEveryForcedOne) {
    std::vector<Row> rows;
    std::vector<std::vector<Edit>> expected;
    for (int layer : {0, 1, 2})
        for (float strength : {0.5f, 2.0f, -1.0f}) {
            const SteeringVector v = function_vector(*m_.model, search_, {.n_heads = 6, .layer = layer});
            ASSERT_EQ(v.directions.begin()->first, layer);
            Row row = logits_row(random_prompt(9, 4), edits_of(v, strength));
            row.forced = {40, 270, 77, 290};
            rows.push_back(row);
            // Written out, not taken from the vector: position 8 is the last of nine.
            expected.push_back({{Site::residual,
                                 layer,
                                 -1,
                                 Operation::add,
                                 {Positions::Kind::range, 8, 99},
                                 shared(v.directions.at(layer)),
                                 strength}});
        }
    rows.push_back(rows[0]);
    rows.back().edits.clear();
    const auto results = engine_.run(rows);
    for (std::size_t i = 0; i < expected.size(); ++i) {
        compare_with_reference(m_, rows[i], results[i], expected[i], 2e-3, fmt::format("row {}", i));
        EXPECT_GT(max_difference(results[i].logits, results.back().logits), 0.05)
            << "the vector does nothing in row " << i;
    }
}

TEST_P(MethodsFv, LayersAndHeadCountsOutsideTheModelAreRefused) {
    for (int layer : {3, 99, -2})
        expect_error(
            Code::usage, {"layer " + std::to_string(layer), "0 to 2"},
            [&] { function_vector(*m_.model, search_, {.n_heads = 2, .layer = layer}); }, Topic::layer);
    for (int n : {13, 1000, -1})
        expect_error(
            Code::usage, {std::to_string(n) + " heads", "1 to 12"},
            [&] { function_vector(*m_.model, search_, {.n_heads = n}); }, Topic::heads);
    // 20 heads are the papers' number for a large model; this one has 12.
    expect_error(Code::usage, {"20 heads"}, [&] { function_vector(*m_.model, search_); });
    EXPECT_EQ(function_vector(*m_.model, search_, {.n_heads = 2, .layer = -1}).directions.begin()->first, 1);
}

TEST_P(MethodsFv, SearchesOfAnotherModelAreRefused) {
    HeadSearch none = search_, short_layer = search_, long_layer = search_;
    none.aie.clear();
    short_layer.aie[2].pop_back();
    long_layer.aie[0].push_back(1);
    for (const auto& search : {none, short_layer, long_layer})
        expect_error(Code::bad_input, {"shape"}, [&] { function_vector(*m_.model, search, {.n_heads = 2}); });
}

INSTANTIATE_TEST_SUITE_P(Llama, MethodsFv, testing::Bool(), [](const auto& param) {
    return param.param ? "GroupedHeads" : "OneHeadPerKeyWithBiases";
});

}  // namespace

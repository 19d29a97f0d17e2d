// tiller against an independent implementation of the papers in PyTorch (tests/oracle/README.md), on tiny
// models of every architecture in docs/architectures.md.
#include <gtest/gtest.h>

#include "support/oracle.h"

using namespace tiller;
using namespace tiller::test;

namespace {

constexpr double kLogprob = 5e-3;       // nats
constexpr double kDirection = 2e-3;     // of the vector's length
constexpr double kSameFunction = 1e-4;  // nats; where the oracle computes the very same functions
// The engine's GELU jumps from one float16 to the next, and a last-digit difference may take the other step.
constexpr double kSameGelu = 3e-3;

class Oracle : public testing::TestWithParam<OracleCase> {
protected:
    Oracle() : golden_(read_golden(GetParam().name)), model_(make_tiny_model(GetParam().options)) {}

    void expect_same_heads(const OracleDifferences& d) {
        EXPECT_LE(d.swapped, d.near_tie) << "heads are ranked the other way round";
        EXPECT_LE(d.aie, 2 * d.near_tie);
        EXPECT_LE(d.clean_probability, d.near_tie);
    }
    void expect_same_logprobs(const OracleDifferences& d, double bound) {
        EXPECT_LT(d.clean, bound);
        EXPECT_LT(d.fv_steered, bound);
        EXPECT_LT(d.icv_steered, bound);
    }

    nlohmann::json golden_;
    std::filesystem::path model_;
};

TEST_P(Oracle, GoldenFileIsOfThisModel) { EXPECT_EQ(model_difference(golden_, model_), ""); }

TEST_P(Oracle, SitesHeadsDirectionsAndLogprobsAgree) {
    const auto engine = oracle_engine(model_);
    const OracleDifferences d = compare_with_oracle(*engine, golden_);
    EXPECT_LT(d.head_output, kDirection);
    EXPECT_LT(d.attention_output, kDirection);
    EXPECT_LT(d.mlp_output, kDirection);
    EXPECT_LT(d.residual, kDirection);
    EXPECT_LT(d.mean_head_output, kDirection);
    EXPECT_LT(d.fv, kDirection);
    EXPECT_LT(d.icv, kDirection);
    const bool gelu = golden_.contains("engine_gelu");
    expect_same_logprobs(d, gelu ? kLogprob : kSameFunction);
    expect_same_heads(d);
    // Steering that does nothing would agree as well.
    EXPECT_GT(d.effect, 50 * kLogprob);
}

TEST_P(Oracle, WhatDiffersOnGeluModelsIsTheEnginesTable) {
    if (!golden_.contains("engine_gelu")) return;  // nothing differs, see the test above
    const OracleDifferences d = compare_with_oracle(*oracle_engine(model_), golden_, "engine_gelu");
    expect_same_logprobs(d, kSameGelu);
    expect_same_heads(d);
}

INSTANTIATE_TEST_SUITE_P(Tiny, Oracle, testing::ValuesIn(oracle_cases()),
                         [](const auto& param) { return param.param.name; });

// The comparison itself: it sees another model, and everything that could be done differently.
class OracleComparison : public testing::Test {
protected:
    OracleComparison()
        : golden_(read_golden(oracle_cases()[0].name)),
          engine_(oracle_engine(make_tiny_model(oracle_cases()[0].options))) {}

    OracleDifferences with(const char* where, const nlohmann::json& value) {
        auto changed = golden_;
        changed[nlohmann::json::json_pointer(where)] = value;
        return compare_with_oracle(*engine_, changed);
    }

    nlohmann::json golden_;
    std::unique_ptr<Engine> engine_;
};

TEST_F(OracleComparison, SeesAnotherModel) {
    TinyOptions o = oracle_cases()[0].options;
    o.seed += 100;
    EXPECT_NE(model_difference(golden_, make_tiny_model(o)), "");
    o.seed -= 100;
    o.metadata = [](gguf_context* g) {
        gguf_set_val_f32(g, "llama.attention.layer_norm_rms_epsilon", 1e-4f);
    };
    EXPECT_NE(model_difference(golden_, make_tiny_model(o)).find("layer_norm_rms_epsilon"),
              std::string::npos);
}

TEST_F(OracleComparison, SeesOtherSettings) {
    EXPECT_GT(with("/input/fv/layer", 2).fv_steered, 10 * kLogprob);
    EXPECT_GT(with("/input/fv/strength", 1).fv_steered, 10 * kLogprob);
    EXPECT_GT(with("/input/fv/n_heads", 5).fv, 10 * kDirection);
    EXPECT_GT(with("/input/icv/n_last", 3).icv, 10 * kDirection);
    EXPECT_GT(with("/exact/logprobs/icv/0/alpha", -3).icv_steered, 10 * kLogprob);
    const auto pairs = golden_.at("input").at("pairs");
    EXPECT_GT(
        with("/input/pairs/0", {{"negative", pairs[0]["positive"]}, {"positive", pairs[0]["negative"]}}).icv,
        10 * kDirection);
}

TEST_F(OracleComparison, SeesOtherHeads) {
    const auto& aie = golden_.at("exact").at("aie");
    const double first = aie[0][0], second = aie[2][1];
    auto changed = golden_;
    changed["exact"]["aie"][0][0] = second;
    changed["exact"]["aie"][2][1] = first;
    const OracleDifferences d = compare_with_oracle(*engine_, changed);
    EXPECT_GT(d.swapped, d.near_tie);
    EXPECT_GT(d.aie, 2 * d.near_tie);
}

TEST_F(OracleComparison, SeesOtherTokens) {
    EXPECT_THROW(with("/input/prompts/0/tokens/1", 17), std::runtime_error);
    EXPECT_THROW(with("/input/patch/0/target", " hot"), std::runtime_error);
}

}  // namespace

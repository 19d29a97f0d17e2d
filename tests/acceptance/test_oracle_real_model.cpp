// tiller against the oracle (tests/oracle/README.md) on a real model, SmolLM2-135M-Instruct, requantised to
// float32. Configure with -DTILLER_ORACLE_MODEL=<smollm2-135m.gguf>.
#include <gtest/gtest.h>

#include "support/oracle.h"

namespace tiller::test {
namespace {

TEST(OracleOnSmolLM2, SitesHeadsDirectionsAndLogprobsAgree) {
    const std::string file = TILLER_ORACLE_MODEL;
    if (file.empty()) GTEST_SKIP() << "configure with -DTILLER_ORACLE_MODEL=<smollm2-135m.gguf>";
    const auto golden = read_golden("smollm2");
    const auto model = quantise_tiny_model(file, "F32");
    ASSERT_EQ(model_difference(golden, model), "");
    const OracleDifferences d = compare_with_oracle(*oracle_engine(model), golden);
    for (const double site :
         {d.head_output, d.attention_output, d.mlp_output, d.residual, d.mean_head_output})
        EXPECT_LT(site, 2e-3);
    EXPECT_LT(d.fv, 2e-3);
    EXPECT_LT(d.icv, 2e-3);
    EXPECT_LT(d.clean, 5e-3);
    EXPECT_LT(d.fv_steered, 5e-3);
    EXPECT_LT(d.icv_steered, 5e-3);
    EXPECT_GT(d.effect, 0.25) << "steering that does nothing would agree as well";
    EXPECT_LE(d.swapped, d.near_tie) << "heads are ranked the other way round";
    EXPECT_LE(d.aie, 2 * d.near_tie);
}

}  // namespace
}  // namespace tiller::test

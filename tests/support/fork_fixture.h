// A tiny model of each architecture for tests of fork(), and what "agrees with run()" means there.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "support/engine_rows.h"

namespace tiller::test {

/// The prompt's keys and values are the same numbers; the branches' rounding differs in the last digits
/// (about 1e-6). The engine looks GELU up in a float16 table, which can turn a last digit into a step of
/// 2^-11 of the value.
inline void expect_close(const RowResult& a, const RowResult& b, const std::string& architecture,
                         const std::string& what) {
    const double bound = architecture == "llama" ? 1e-4 : 4e-3;
    EXPECT_LT(max_difference(a.logits, b.logits), bound) << what;
    EXPECT_LT(max_difference(a.forced_logprob, b.forced_logprob), bound) << what;
    EXPECT_LT(max_difference(a.watch_logprob, b.watch_logprob), bound) << what;
    EXPECT_EQ(a.broken, b.broken) << what;
    ASSERT_EQ(a.captured.size(), b.captured.size()) << what;
    for (std::size_t c = 0; c < a.captured.size(); ++c)
        EXPECT_LT(max_difference(a.captured[c].values, b.captured[c].values), bound) << what;
}

/// The parameter is the architecture.
class ForkTest : public testing::TestWithParam<const char*> {
protected:
    ForkTest() {
        TinyOptions o;
        o.architecture = GetParam();
        o.n_ctx = 1024;
        model_ = tiny(o);
        engine_ = std::make_unique<Engine>(model_, exact());
    }
    std::shared_ptr<const Model> model_;
    std::unique_ptr<Engine> engine_;
};

}  // namespace tiller::test

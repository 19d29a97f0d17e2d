// Rows that come and go on a real quantised model: the same bits as alone. TILLER_SCHEDULES sets how many
// random schedules are tried (30 by default; 300 take about ten minutes on two cores).
#include <gtest/gtest.h>

#include <cstdlib>

#include "support/stepper_rows.h"

using namespace tiller;
using namespace tiller::test;

TEST(AcceptanceStepper, EveryRowIsTheSameAsAlone) {
    const char* path = std::getenv("TILLER_ACCEPTANCE_MODEL");
    if (!path || !*path) GTEST_SKIP() << "TILLER_ACCEPTANCE_MODEL is not set";
    const char* count = std::getenv("TILLER_SCHEDULES");
    const int n_schedule = count ? std::atoi(count) : 30;
    const auto model = Model::load(path);
    const auto rows = mixed_rows(model->info(), 40, 3);
    const auto alone = each_alone(model, {}, rows);
    EXPECT_GE(std::count_if(alone.begin(), alone.end(), [](const auto& r) { return r.broken; }), 2);
    EXPECT_GE(std::count_if(alone.begin(), alone.end(), [](const auto& r) { return !r.broken; }), 20);
    Engine engine(model);
    std::uint64_t n_reused = 0;
    for (int seed = 0; seed < n_schedule && !testing::Test::HasFailure(); ++seed)
        n_reused += random_schedule(engine, rows, alone, static_cast<unsigned>(seed));
    EXPECT_GT(n_reused, static_cast<std::uint64_t>(10 * n_schedule));
}

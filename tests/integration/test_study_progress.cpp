// Progress is shown while somebody is there to show it, and no longer.
#include <gtest/gtest.h>

#include <atomic>

#include "study/progress_scope.h"
#include "support/engine_rows.h"

using namespace tiller;
using namespace tiller::test;

TEST(ProgressScope, EndsWithACallThatThrows) {
    Engine engine(tiny(), exact(8));
    std::vector<Row> rows(20);
    for (unsigned i = 0; i < rows.size(); ++i) {
        rows[i].prompt = random_prompt(5, i);
        rows[i].max_new_tokens = 3;
    }
    std::atomic<bool> stop = false;
    engine.cancel_with(&stop);
    std::size_t n_shown = 0;
    expect_error(Code::interrupted, {}, [&] {
        const study::ProgressScope scope(engine, [&](std::size_t, std::size_t) {
            ++n_shown;
            stop = true;
        });
        engine.run(rows);
    });
    EXPECT_EQ(n_shown, 1u);
    stop = false;
    engine.run(rows);
    EXPECT_EQ(n_shown, 1u);
}

// On a real post-norm model (gemma3-270m): a function vector works with the post-norm correction, and neither
// without it nor as a random direction. Set TILLER_ACCEPTANCE_MODEL to the model's file.
#include <gtest/gtest.h>

#include <cstdlib>

#include "core/paths.h"
#include "tiller/engine.h"
#include "tiller/method.h"

namespace tiller {
namespace {

double accuracy(Engine& engine, const Task& task, std::span<const int> items, const SteeringVector& vector,
                float strength) {
    std::vector<Row> rows;
    for (int item : items) {
        const Prompt prompt = make_prompt(task, {}, item);
        Row row;
        row.prompt = engine.model().tokenize(prompt.text);
        row.edits = edits_of(vector, strength);
        row.watch = {engine.model().continuation(prompt.text, prompt.target).front()};
        rows.push_back(std::move(row));
    }
    int right = 0;
    for (const auto& result : engine.run(rows)) right += result.watch_rank[0] == 0;
    return static_cast<double>(right) / static_cast<double>(items.size());
}

TEST(FunctionVectorOnGemma, NeedsThePostNormAndBeatsARandomDirection) {
    const char* path = std::getenv("TILLER_ACCEPTANCE_MODEL");
    if (!path || !*path) GTEST_SKIP() << "set TILLER_ACCEPTANCE_MODEL to gemma3-270m's file";
    const auto model = Model::load(path);
    if (!model->info().post_norm) GTEST_SKIP() << model->info().architecture << " has no post-norm";
    Engine engine(model);
    const Task task = find_task("present-past", data_dir());
    const Split split = split_task(task, 0);
    const FvTrials trials = make_trials(task, split.train, 32, 8, 10, 0);
    const HeadSearch search = search_heads(engine, trials);

    FvOptions options;
    options.n_heads = 2;
    options.layer = 10;
    const SteeringVector vector = function_vector(*model, search, options);
    options.contributions.post_norm = false;
    const SteeringVector uncorrected = function_vector(*model, search, options);
    const double with = accuracy(engine, task, split.test, vector, 2);
    EXPECT_GT(with, 0.25);
    EXPECT_LT(accuracy(engine, task, split.test, uncorrected, 2), 0.05);
    EXPECT_LT(accuracy(engine, task, split.test, random_like(vector, 0), 2), 0.05);
    RecordProperty("accuracy", std::to_string(with));
}

}  // namespace
}  // namespace tiller

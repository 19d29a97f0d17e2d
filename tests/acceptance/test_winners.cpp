// From a verdict to use on a real model: the vector that a comparison leaves reaches, on prompts that nobody
// looked at before, the accuracy that its report claims, within its interval.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "core/paths.h"
#include "tiller/engine.h"
#include "tiller/scoring.h"
#include "tiller/study.h"
#include "unit/test_tasks_files.h"

namespace tiller {
namespace {

TEST(Winners, KeepTheirPromiseOnFreshPrompts) {
    const char* path = std::getenv("TILLER_ACCEPTANCE_MODEL");
    ASSERT_NE(path, nullptr);
    const test::ScratchFolder folder;
    Plan plan;
    plan.models = {path};
    plan.tasks = {"present-past"};
    plan.methods = {"task-vector"};
    plan.n_test = 20;  // of 43; the others are the fresh ones
    StudyHost host;
    host.resolve_model = [](const std::string& name) { return std::filesystem::path(name); };
    const Summary summary = run_study(plan, folder.path() / "run", host);
    const auto& task = summary.tasks.at(0);
    const SettingSummary* chosen = nullptr;
    for (const auto& setting : task.test)
        if (setting.id == task.winners.at(0).setting) chosen = &setting;
    ASSERT_NE(chosen, nullptr);
    const Interval claimed = chosen->metrics.at("first_word");

    const auto model = Model::load(path);
    Engine engine(model);
    const auto vector = load_vector(folder.path() / "run" / task.winners[0].file);
    const Task items = find_task("present-past", data_dir());
    const Split split = split_task(items, 0);
    ASSERT_GE(split.test.size(), 40u);
    double n_right = 0;
    const auto n_fresh = split.test.size() - 20;
    for (std::size_t i = 20; i < split.test.size(); ++i) {
        const Prompt prompt = make_test_prompt(items, split.train, split.test[i], 0, 0);
        Row row;
        row.prompt = model->tokenize_prompt(prompt.text);
        row.edits = edits_of(vector, vector.scale);
        row.max_new_tokens = 6;
        row.stop = {"\n"};
        n_right += score_answer(engine.run({&row, 1}).front().text, prompt.targets, false).first_word;
    }
    const double reached = n_right / static_cast<double>(n_fresh);
    EXPECT_GE(reached, claimed.low) << "claimed: " << claimed.mean;
    EXPECT_LE(reached, claimed.high) << "claimed: " << claimed.mean;
    RecordProperty("claimed", std::to_string(claimed.mean));
    RecordProperty("reached", std::to_string(reached));
}

}  // namespace
}  // namespace tiller

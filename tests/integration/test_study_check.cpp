// A study checks each model's hooks before its first new task, once, and refuses what fails.
#include <gtest/gtest.h>

#include <filesystem>

#include "support/patch_model.h"
#include "support/run_program.h"
#include "support/tiny_study.h"

namespace tiller {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::expect_parts;
using test::slurp;

class StudyCheck : public test::StudyTest {
protected:
    void SetUp() override {
        StudyTest::SetUp();
        test::TinyOptions tiny;
        tiny.n_layer = 2;
        sound = test::make_tiny_model(tiny);
        plan = test::tiny_plan(sound, test::write_tasks(folder));
        plan.methods = {"icv"};
        plan.tasks = {"twice"};
    }
    // Models in the order of their checks, as the ledger has them.
    std::vector<std::string> checked() const {
        std::vector<std::string> models;
        for (const auto& c : read_costs(folder.path() / "run"))
            if (c.phase == "check") {
                models.push_back(c.model);
                EXPECT_GT(c.n_token, 0u);
            }
        return models;
    }
    static std::string note_of(const Summary& summary) {
        for (const auto& note : summary.notes)
            if (note.find("tiller doctor") != std::string::npos) return note;
        return "";
    }

    fs::path sound;
};

TEST_F(StudyCheck, OncePerModelAndNotAgainWhenAllIsDone) {
    test::TinyOptions tiny;
    tiny.n_layer = 2;
    tiny.seed = 8;
    const auto other = fs::path(folder.path() / "other.gguf");
    fs::copy_file(test::make_tiny_model(tiny), other);
    plan.models.push_back(other.string());
    plan.seeds = {0, 1};
    const std::string summary = to_json(run());
    EXPECT_EQ(checked(), plan.models);
    expect_parts(summary, {"passed the fast part of tiller doctor"});
    EXPECT_EQ(to_json(run()), summary);
    EXPECT_EQ(checked(), plan.models);
    // The second model's work is to be done again: it alone is looked at.
    for (const auto& file : fs::directory_iterator(folder.path() / "run" / "vectors"))
        if (file.path().filename().string().rfind("other", 0) == 0) fs::remove(file.path());
    EXPECT_EQ(to_json(run()), summary);
    EXPECT_EQ(checked(), (std::vector<std::string>{plan.models[0], plan.models[1], plan.models[1]}));
}

TEST_F(StudyCheck, WithoutItTheNotesSaySo) {
    host.check = false;
    const Summary summary = run();
    EXPECT_TRUE(checked().empty());
    expect_parts(note_of(summary), {"did not check", "1 of 1 tasks"});
    // What was computed unchecked stays so.
    host.check = true;
    EXPECT_EQ(to_json(run()), to_json(summary));
    EXPECT_TRUE(checked().empty());
}

TEST_F(StudyCheck, AFailingModelGetsNoNumbersAndSparesTheOthers) {
    plan.models.push_back(test::patched_model(sound, "blk.1.attn_output.weight", 0).string());
    expect_parts(error_of(Code::unsupported, [&] { run(); }),
                 {"tiny llama", "effect:", "head_output in layer 1", "another model"});
    EXPECT_EQ(checked(), plan.models);
    const std::string records = slurp(folder.path() / "run" / "records.jsonl");
    EXPECT_NE(records.find(plan.models[0]), std::string::npos);
    EXPECT_EQ(records.find(plan.models[1]), std::string::npos);
    host.check = false;
    expect_parts(note_of(run()), {"1 of 2 tasks"});
}

}  // namespace
}  // namespace tiller

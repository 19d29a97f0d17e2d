// Controls of a chosen setting: what stands in place of the vector.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "protocols/tuned/controls.h"
#include "study/journal.h"
#include "support/tiny_model.h"
#include "support/tiny_study.h"
#include "tiller/engine.h"

namespace tiller::study {
namespace {

class Controls : public test::StudyTest {
protected:
    void SetUp() override {
        StudyTest::SetUp();
        plan = test::tiny_plan(test::make_tiny_model({}), test::write_tasks(folder));
        task = find_task("twice", plan.data_dir);
        vector.method = "mean-diff", vector.site = Site::residual;
        std::vector<float> row(48);
        for (std::size_t i = 0; i < row.size(); ++i) row[i] = static_cast<float>(i % 5) - 2;
        vector.directions = {{1, row}};
        chosen.setting = {{"layer", 1}, {"scale", 2}};
        chosen.edits = edits_of(vector, 2);
    }
    Candidate control(const char* method) {
        Engine engine(Model::load(plan.models[0]));
        Journal journal(folder.path());
        TaskContext c{.plan = plan,
                      .host = host,
                      .engine = engine,
                      .journal = journal,
                      .folder = folder.path(),
                      .model_name = "tiny",
                      .task = task,
                      .split = split_task(task, 0)};
        c.valid = c.split.valid;
        return random_control(c, find_method(method), chosen, vector);
    }
    static std::vector<float> direction(const Candidate& k, int item) {
        const auto edits = k.item_edits(item);
        EXPECT_EQ(edits.size(), 1u);
        return {edits.at(0).vector->begin(), edits.at(0).vector->end()};
    }

    Task task;
    SteeringVector vector;
    Candidate chosen{"mean-diff-chosen", "", "mean-diff", Kind::chosen};
};

double norm(const std::vector<float>& v) {
    double sum = 0;
    for (const float x : v) sum += static_cast<double>(x) * static_cast<double>(x);
    return std::sqrt(sum);
}

TEST_F(Controls, EachItemHasARandomDirectionOfItsOwn) {
    const Candidate k = control("mean-diff");
    EXPECT_EQ(k.id, "mean-diff-random");
    std::set<std::vector<float>> directions;
    for (const int item : {0, 1, 2, 3, 39}) {
        directions.insert(direction(k, item));
        EXPECT_EQ(direction(k, item), direction(k, item)) << "the same one each time";
        EXPECT_NEAR(norm(direction(k, item)), norm(vector.directions.at(1)), 1e-4);
    }
    EXPECT_EQ(directions.size(), 5u);
}

// Equally far from the unsteered model, which is another strength than the vector's own; where there is no
// strength to look for, the vector's own.
TEST_F(Controls, TheStrengthIsThatOfAnEqualDose) {
    const Candidate equal = control("mean-diff");
    EXPECT_GT(equal.item_edits(0).at(0).strength, 0);
    EXPECT_EQ(equal.item_edits(0).at(0).strength, equal.item_edits(7).at(0).strength) << "one for all items";
    EXPECT_NE(equal.item_edits(0).at(0).strength, 2);
    vector.operation = Operation::replace;
    EXPECT_EQ(control("task-vector").item_edits(0).at(0).strength,
              find_method("task-vector").strength(chosen.setting));
}

}  // namespace
}  // namespace tiller::study

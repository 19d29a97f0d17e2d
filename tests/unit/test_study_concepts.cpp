// Which tasks and forms stand beside a task.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "methods/concepts.h"
#include "protocols/tuned/evidence.h"
#include "study/contestants.h"
#include "tasks/forms.h"
#include "tiller/error.h"

using namespace tiller;
using namespace tiller::study;

namespace {

Task task_of(const std::string& name, Family family = Family::functional) {
    Task task;
    task.name = name, task.digest = "digest of " + name, task.family = family;
    for (int i = 0; i < 12; ++i) {
        const std::string out = name + " out " + std::to_string(i);
        task.items.push_back({i, name + " in " + std::to_string(i), out, {out}});
    }
    return task;
}

// Names of tasks, each once, and of forms.
std::pair<std::vector<std::string>, std::vector<std::string>> names(
    const std::vector<ConceptForm>& concepts) {
    std::pair<std::vector<std::string>, std::vector<std::string>> out;
    for (const auto& c : concepts) {
        if (out.first.empty() || out.first.back() != c.task.name) out.first.push_back(c.task.name);
        if (c.task.name == concepts[0].task.name) out.second.push_back(c.form);
    }
    return out;
}

using Names = std::vector<std::string>;

TEST(StudyConcepts, OtherTasksFirstThenTheCatalogue) {
    const std::vector<int> train = {3, 1, 2, 5};
    const std::vector<Task> others = {task_of("one"), task_of("style", Family::behavioural), task_of("own"),
                                      task_of("two", Family::extractive)};
    std::vector<Task> catalogue = {task_of("two"), task_of("copy"), task_of("three"), task_of("four"),
                                   task_of("five")};
    catalogue[1].digest = others[0].digest;  // the same file under another name
    const auto concepts = concepts_of(others[2], others, catalogue, train, 5);
    const auto [tasks, forms] = names(concepts);
    EXPECT_EQ(tasks, (Names{"own", "one", "two", "three", "four"}));
    EXPECT_EQ(forms, (Names{"qa", "arrow", "german", "choice"}));
    ASSERT_EQ(concepts.size(), 20u);
    for (const auto& c : concepts) {
        EXPECT_EQ(c.pieces.output_prefix, find_form(c.form)->pieces.output_prefix);
        EXPECT_EQ(c.task.items.size(), 12u);
        EXPECT_EQ(c.task.items[0].output.size() == 1, c.form == "choice") << "a letter";
    }
    EXPECT_EQ(concepts[0].train, train);
    EXPECT_EQ(concepts[3].train, train);
    EXPECT_EQ(concepts[4].train, split_task(others[0], 5).train);
    EXPECT_NE(concepts[4].train, split_task(others[0], 6).train);
}

TEST(StudyConcepts, StylesStandBesideStyles) {
    const std::vector<Task> others = {task_of("one"), task_of("own", Family::behavioural)};
    const std::vector<Task> catalogue = {task_of("calm", Family::behavioural), task_of("two"),
                                         task_of("kind", Family::behavioural)};
    const auto [tasks, forms] = names(concepts_of(others[1], others, catalogue, std::vector<int>{0, 1}, 0));
    EXPECT_EQ(tasks, (Names{"own", "calm", "kind"}));
    EXPECT_EQ(forms, (Names{"qa", "arrow", "german"})) << "nobody asks for a style by multiple choice";
}

TEST(StudyConcepts, NoChoiceWhereATaskHasNoWrongAnswer) {
    std::vector<Task> others = {task_of("own"), task_of("one"), task_of("two")};
    EXPECT_EQ(names(concepts_of(others[0], others, {}, std::vector<int>{0}, 0)).second.size(), 4u);
    for (Item& item : others[2].items) item.output = "yes", item.outputs = {"yes"};
    EXPECT_EQ(names(concepts_of(others[0], others, {}, std::vector<int>{0}, 0)).second,
              (Names{"qa", "arrow", "german"}));
}

TEST(StudyConcepts, RefusesATaskThatStandsAlone) {
    const std::vector<Task> others = {task_of("own"), task_of("one"), task_of("style", Family::behavioural)};
    try {
        concepts_of(others[0], others, {}, std::vector<int>{0}, 0);
        FAIL();
    } catch (const Error& e) {
        EXPECT_EQ(e.code(), Code::usage);
        EXPECT_NE(std::string(e.what()).find("1 other functional task"), std::string::npos) << e.what();
    }
}

TEST(StudyConcepts, CatalogueHasEnoughOfBothKinds) {
    const auto catalogue = concept_catalogue();
    for (const Task& task : catalogue) {
        std::set<std::string> beside;
        for (const auto& c : concepts_of(task, {}, catalogue, split_task(task, 0).train, 0))
            beside.insert(c.task.name);
        EXPECT_EQ(beside.size(), task.family == Family::behavioural ? 3u : 5u) << task.name;
    }
}

TEST(StudyConcepts, OnlyMethodsThatWantThemGetThem) {
    Plan plan;
    EXPECT_FALSE(wants_concepts(plan));
    plan.methods = {"fv", "concept-heads"};
    EXPECT_TRUE(wants_concepts(plan));
}

// Two layers of ten heads. By AIE the first ten are layer 0; by the other score heads 0 to 6 of layer 1, then
// 9 to 0 of layer 0, then the rest of layer 1.
TEST(StudyConcepts, HeadTableCountsSharedHeads) {
    TaskSummary task;
    task.aie.resize(2);
    std::vector<std::vector<float>> scores(2);
    for (int h = 0; h < 10; ++h) {
        task.aie[0].push_back(2.0 - 0.01 * h);
        task.aie[1].push_back(1.0 - 0.01 * h);
        scores[0].push_back(0.01f * static_cast<float>(h));
        scores[1].push_back(0.095f - 0.0001f * static_cast<float>(h) - (h >= 7 ? 1 : 0));
    }
    const Units units;
    TunedClosing part;
    part.evidence["fv"].bytes = 4;
    const auto table_of = [&] {
        const auto lines = record_lines<ClosingWith<TunedClosing>>({{{}, part}}, "u");
        return head_table({ClosedTask(lines.at(0)), units, {}, {}}, task);
    };
    EXPECT_FALSE(table_of()) << "no scores but AIE";
    part.evidence["other"].head_scores = {"a score", scores};
    const auto table = table_of();
    ASSERT_TRUE(table);
    ASSERT_EQ(table->rows.size(), 2u);
    EXPECT_EQ(table->rows[0].remark, "0.0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9");
    EXPECT_TRUE(std::isnan(table->rows[0].values[0].mean));
    EXPECT_EQ(table->rows[0].values[3].mean, 0);
    const auto& row = table->rows[1];
    EXPECT_EQ(row.label, "a score (other)");
    EXPECT_EQ(row.remark, "1.0 1.1 1.2 1.3 1.4 1.5 1.6 0.9 0.8 0.7");
    EXPECT_EQ(row.values[0].mean, 3) << "0.7, 0.8 and 0.9";
    EXPECT_EQ(row.values[1].mean, 5) << "10 * 10 / 20";
    EXPECT_DOUBLE_EQ(row.values[3].mean, 0.7);
    // Ranks from the top by AIE are 1 to 20 in order; by the score 17 to 8, then 1 to 7, then 18 to 20. Sum
    // of squared differences: of layer 0 as below, 7 * 10^2 of layer 1 up to head 6, nothing after it.
    double squares = 0;
    for (int h = 0; h < 10; ++h) squares += (17.0 - h - (h + 1)) * (17.0 - h - (h + 1));
    EXPECT_NEAR(row.values[2].mean, 1 - 6 * (squares + 700) / (20 * 399.0), 1e-9);

    task.aie.clear();
    const auto alone = table_of();
    ASSERT_EQ(alone->rows.size(), 1u);
    EXPECT_TRUE(std::isnan(alone->rows[0].values[2].mean));
}

}  // namespace

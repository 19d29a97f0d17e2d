#include <gtest/gtest.h>

#include <map>
#include <set>

#include "methods/setting_search.h"
#include "study/units.h"
#include "tiller/error.h"

namespace tiller::study {
namespace {

Axis axis(const std::string& name, int n) {
    Axis out;
    for (int i = 0; i < n; ++i) out.push_back({{name, i}});
    return out;
}

const Setting paper = {{"heads", 100}, {"layer", 3}, {"scale", 1}};

TEST(SampleSettings, ThePapersSettingComesFirstAndNoneComesTwice) {
    const auto settings =
        sample_settings(paper, {axis("heads", 8), axis("layer", 18), axis("scale", 5)}, 48, 7, "fv");
    ASSERT_EQ(settings.size(), 48U);
    EXPECT_EQ(settings[0], paper);
    EXPECT_EQ(std::set<Setting>(settings.begin(), settings.end()).size(), 48U);
}

TEST(SampleSettings, EveryChoiceOfAnAxisIsUsedEquallyOften) {
    const auto settings = sample_settings(paper, {axis("heads", 7), axis("layer", 10)}, 22, 7, "fv");
    ASSERT_EQ(settings.size(), 22U);
    std::map<double, int> heads;
    for (std::size_t i = 1; i < settings.size(); ++i) ++heads[settings[i].at("heads")];
    ASSERT_EQ(heads.size(), 7U);
    for (const auto& [value, n] : heads) {
        // 21 draws over 7 choices; a repeated pair is drawn anew.
        EXPECT_GE(n, 2) << value;
        EXPECT_LE(n, 4) << value;
    }
}

TEST(SampleSettings, AllWhereTheBudgetIsLarger) {
    const auto settings = sample_settings(paper, {axis("layer", 5)}, 48, 7, "task-vector");
    EXPECT_EQ(settings.size(), 5U);  // layer 3 is the paper's
    EXPECT_EQ(settings[0], paper);
}

TEST(SampleSettings, ABudgetNearTheProductIsStillFilled) {
    const auto settings = sample_settings(paper, {axis("layer", 5), axis("scale", 4)}, 19, 7, "x");
    EXPECT_EQ(settings.size(), 19U);
    EXPECT_EQ(std::set<Setting>(settings.begin(), settings.end()).size(), 19U);
}

TEST(SampleSettings, TheSeedDecides) {
    const std::vector<Axis> axes = {axis("heads", 8), axis("layer", 18), axis("scale", 5)};
    EXPECT_EQ(sample_settings(paper, axes, 20, 7, "fv"), sample_settings(paper, axes, 20, 7, "fv"));
    EXPECT_NE(sample_settings(paper, axes, 20, 7, "fv"), sample_settings(paper, axes, 20, 8, "fv"));
    EXPECT_NE(sample_settings(paper, axes, 20, 7, "fv"), sample_settings(paper, axes, 20, 7, "icv"));
}

TEST(SampleSettings, AnEmptyChoiceLeavesThePapersValue) {
    const auto settings = sample_settings({{"alpha", 1}}, {{{}, {{"pairs", 5}}}}, 8, 7, "icv");
    EXPECT_EQ(settings, (std::vector<Setting>{{{"alpha", 1}}, {{"alpha", 1}, {"pairs", 5}}}));
}

TEST(SampleSettings, ABudgetOfOneIsThePapersSetting) {
    EXPECT_EQ(sample_settings(paper, {axis("layer", 5)}, 1, 7, "x"), (std::vector<Setting>{paper}));
}

TEST(SampleSettings, RefusesWhatCannotBe) {
    EXPECT_THROW(sample_settings(paper, {axis("layer", 5)}, 0, 7, "x"), Error);
    EXPECT_THROW(sample_settings(paper, {Axis{}}, 5, 7, "x"), Error);
}

TEST(NeighboursOf, OneStepOnEachAxisFewestChangesFirst) {
    const std::vector<Axis> axes = {axis("layer", 5), axis("scale", 2)};
    const auto near = neighbours_of({{"layer", 3}, {"scale", 1}}, axes);
    EXPECT_EQ(near, (std::vector<Setting>{{{"layer", 2}, {"scale", 1}},
                                          {{"layer", 4}, {"scale", 1}},
                                          {{"layer", 3}, {"scale", 0}},
                                          {{"layer", 2}, {"scale", 0}},
                                          {{"layer", 4}, {"scale", 0}}}));
}

TEST(NeighboursOf, AnEmptyChoiceIsAPlaceOfItsOwn) {
    const Axis places = {{}, {{"layer_begin", 0}, {"layer_end", 9}}, {{"layer_begin", 9}, {"layer_end", 18}}};
    EXPECT_EQ(neighbours_of({{"alpha", 1}}, {places}),
              (std::vector<Setting>{{{"alpha", 1}, {"layer_begin", 0}, {"layer_end", 9}}}));
    EXPECT_EQ(neighbours_of({{"alpha", 1}, {"layer_begin", 0}, {"layer_end", 9}}, {places}),
              (std::vector<Setting>{{{"alpha", 1}}, {{"alpha", 1}, {"layer_begin", 9}, {"layer_end", 18}}}));
}

TEST(NeighboursOf, AValueThatTheAxisLacksStays) {
    EXPECT_TRUE(neighbours_of({{"layer", 30}}, {axis("layer", 5)}).empty());
}

TEST(WholePart, LeavesFewRowsEmpty) {
    EXPECT_EQ(study::whole_part(64, 64), 4U);
    EXPECT_EQ(study::whole_part(32, 64), 8U);
    EXPECT_EQ(study::whole_part(18, 64), 14U);  // 252 of 256 rows; 13 would leave 22 empty
    EXPECT_EQ(study::whole_part(10, 64), 19U);  // 190 of 192, where 25 would leave 6 of 256
    EXPECT_EQ(study::whole_part(20, 64), 12U);  // 240 of 256, and none below is better
    EXPECT_EQ(study::whole_part(1, 64), 256U);
    EXPECT_EQ(study::whole_part(300, 64), 1U);  // more than four times the engine's rows: one by one
    EXPECT_EQ(study::whole_part(5, 1), 1U);
}

}  // namespace
}  // namespace tiller::study

// What a sequence holds, and how much of it another row can use.
#include <gtest/gtest.h>

#include <memory>

#include "engine/prefix.h"

using namespace tiller;
using namespace tiller::engine;

namespace {

using Kind = Positions::Kind;

Edit edit(Positions positions, float value = 1, float strength = 1) {
    Edit e;
    e.positions = positions;
    e.vector = std::make_shared<const std::vector<float>>(4, value);
    e.strength = strength;
    return e;
}

Row row(int n_prompt, std::vector<Edit> edits = {}) {
    Row r;
    for (int i = 0; i < n_prompt; ++i) r.prompt.push_back(10 + i);
    r.edits = std::move(edits);
    return r;
}

// Of what `held` computed but for its last token, the other row can use so many tokens.
int shared(const Row& held, const Row& other) {
    return shared_length(prefix_of(held, static_cast<int>(held.prompt.size()) - 1), other,
                         static_cast<int>(other.prompt.size()) - 1);
}

TEST(EnginePrefix, TokensInCommon) {
    EXPECT_EQ(shared(row(10), row(10)), 9);
    EXPECT_EQ(shared(row(10), row(6)), 5);
    EXPECT_EQ(shared(row(6), row(10)), 5);
    Row other = row(10);
    other.prompt[3] = 99;
    EXPECT_EQ(shared(row(10), other), 3);
    other.prompt[0] = 99;
    EXPECT_EQ(shared(row(10), other), 0);
    EXPECT_EQ(shared(row(1), row(10)), 0);
    EXPECT_EQ(shared_length(prefix_of(row(10), 9), row(10), 4), 4);
}

TEST(EnginePrefix, EditsFromTheLastPromptTokenOnLeaveTheRest) {
    for (Kind kind : {Kind::last_prompt, Kind::generated, Kind::steered}) {
        EXPECT_EQ(shared(row(10, {edit({kind, 0, 0})}), row(10)), 9);
        EXPECT_EQ(shared(row(10, {edit({kind, 0, 0}, 1)}), row(10, {edit({kind, 0, 0}, 2)})), 9);
    }
    // The last token of one prompt stands in the middle of the other.
    EXPECT_EQ(shared(row(10), row(6, {edit({Kind::last_prompt, 0, 0})})), 5);
}

TEST(EnginePrefix, EditsAreComparedByValue) {
    const Positions all;
    EXPECT_EQ(shared(row(10, {edit(all)}), row(10, {edit(all)})), 9);
    EXPECT_EQ(shared(row(10, {edit(all)}), row(10, {edit(all, 1.0000001f)})), 0);
    EXPECT_EQ(shared(row(10, {edit(all)}), row(10, {edit(all, 1, 0.5f)})), 0);
    EXPECT_EQ(shared(row(10, {edit(all, 0.0f)}), row(10, {edit(all, -0.0f)})), 0);
    EXPECT_EQ(shared(row(10, {edit(all)}), row(10)), 0);
    EXPECT_EQ(shared(row(10, {edit(all)}), row(10, {edit(all), edit(all)})), 0);
    // Their order counts: turns that follow each other are one.
    EXPECT_EQ(shared(row(10, {edit(all, 1), edit(all, 2)}), row(10, {edit(all, 1), edit(all, 2)})), 9);
    EXPECT_EQ(shared(row(10, {edit(all, 1), edit(all, 2)}), row(10, {edit(all, 2), edit(all, 1)})), 0);
    Edit elsewhere = edit(all);
    elsewhere.layer = 1;
    EXPECT_EQ(shared(row(10, {edit(all)}), row(10, {elsewhere})), 0);
    elsewhere = edit(all);
    elsewhere.site = Site::mlp_output;
    EXPECT_EQ(shared(row(10, {edit(all)}), row(10, {elsewhere})), 0);
    elsewhere = edit(all);
    elsewhere.operation = Operation::turn;
    EXPECT_EQ(shared(row(10, {edit(all)}), row(10, {elsewhere})), 0);
    elsewhere = edit(all);
    elsewhere.head = 0;
    EXPECT_EQ(shared(row(10, {edit(all)}), row(10, {elsewhere})), 0);
}

TEST(EnginePrefix, UpToWhereTheyActAlike) {
    EXPECT_EQ(shared(row(20, {edit({Kind::range, 5, 8})}), row(20)), 5);
    EXPECT_EQ(shared(row(20, {edit({Kind::range, 5, 8})}), row(20, {edit({Kind::range, 5, 12})})), 8);
    EXPECT_EQ(shared(row(20, {edit({Kind::range, 5, 8})}), row(20, {edit({Kind::range, 6, 8})})), 5);
    EXPECT_EQ(shared(row(20, {edit({Kind::range, 5, 8})}), row(20, {edit({Kind::range, 5, 8})})), 19);
    EXPECT_EQ(shared(row(20, {edit({Kind::last_k, 0, 4})}), row(20)), 16);
    EXPECT_EQ(shared(row(20, {edit({Kind::prompt, 0, 0})}), row(12, {edit({Kind::all, 0, 0})})), 11);
    EXPECT_EQ(shared(row(20, {edit({Kind::range, 3, 6}), edit({Kind::range, 9, 10}, 2)}),
                     row(20, {edit({Kind::range, 3, 6}), edit({Kind::range, 11, 12}, 2)})),
              9);
}

TEST(EnginePrefix, CutForgetsEditsBehind) {
    HeldPrefix held = prefix_of(row(20, {edit({Kind::range, 3, 15}), edit({Kind::range, 12, 14})}), 19);
    ASSERT_EQ(held.edits.size(), 2u);
    held.cut(10);
    EXPECT_EQ(held.size(), 10);
    ASSERT_EQ(held.edits.size(), 1u);
    EXPECT_EQ(held.edits[0].end, 10);
    held.cut(50);
    EXPECT_EQ(held.size(), 10);
    held.cut(0);
    EXPECT_TRUE(held.edits.empty());
}

TEST(EnginePrefix, WhatARowReadsOrHides) {
    Row r = row(10);
    const auto with = [&](Positions p) {
        r.captures = {{Site::residual, 0, -1, p, false}};
        return reads_early(r);
    };
    EXPECT_FALSE(with({Kind::last_prompt, 0, 0}));
    EXPECT_FALSE(with({Kind::steered, 0, 0}));
    EXPECT_FALSE(with({Kind::range, 9, 12}));
    EXPECT_TRUE(with({Kind::range, 8, 9}));
    EXPECT_TRUE(with({Kind::last_k, 0, 2}));
    EXPECT_FALSE(with({Kind::last_k, 0, 1}));
    EXPECT_TRUE(with({Kind::all, 0, 0}));

    Edit add = edit({}), replace = edit({});
    replace.operation = Operation::replace;
    replace.layer = 2;
    EXPECT_FALSE(may_hide_breaks(row(3, {add})));
    EXPECT_FALSE(may_hide_breaks(row(3, {replace, replace})));
    EXPECT_TRUE(may_hide_breaks(row(3, {replace, add})));
    add.layer = 3;
    EXPECT_FALSE(may_hide_breaks(row(3, {replace, add})));
    replace.strength = 0.5f;  // a part of what is not a number stays
    add.layer = 0;
    EXPECT_FALSE(may_hide_breaks(row(3, {replace, add})));
}

}  // namespace

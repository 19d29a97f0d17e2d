// The order of heads, the papers' defaults and the list of methods.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "support/engine_rows.h"
#include "support/model_shape.h"
#include "tiller/method.h"

using namespace tiller;
using namespace tiller::test;

namespace {

std::vector<std::pair<int, int>> places(const std::vector<HeadEffect>& heads) {
    std::vector<std::pair<int, int>> out;
    for (const auto& h : heads) out.emplace_back(h.layer, h.head);
    return out;
}

TEST(MethodsRank, FallingEffectThenLayerThenHead) {
    const auto heads = rank_heads({{0.1f, 0.3f, -0.2f}, {0.3f, 0.1f, 0.3f}});
    EXPECT_EQ(places(heads),
              (std::vector<std::pair<int, int>>{{0, 1}, {1, 0}, {1, 2}, {0, 0}, {1, 1}, {0, 2}}));
    EXPECT_EQ(heads[0].aie, 0.3f);
    EXPECT_EQ(heads[5].aie, -0.2f);
}

TEST(MethodsRank, AllEqualKeepsTheOrderAndHeadlessLayersAreLeftOut) {
    EXPECT_EQ(places(rank_heads({{0, 0}, {}, {0, -0.0f}})),
              (std::vector<std::pair<int, int>>{{0, 0}, {0, 1}, {2, 0}, {2, 1}}));
    EXPECT_TRUE(rank_heads({}).empty());
    // More than a sort's block size: only a stable order passes.
    const auto many = rank_heads(std::vector<std::vector<float>>(40, std::vector<float>(40, 1.0f)));
    for (std::size_t i = 0; i < many.size(); ++i) {
        ASSERT_EQ(many[i].layer, static_cast<int>(i / 40));
        ASSERT_EQ(many[i].head, static_cast<int>(i % 40));
    }
}

TEST(MethodsRank, DefaultLayerIsAThirdOfTheWayRoundedUp) {
    EXPECT_EQ(default_fv_layer(1), 0);
    EXPECT_EQ(default_fv_layer(2), 1);
    EXPECT_EQ(default_fv_layer(3), 1);
    EXPECT_EQ(default_fv_layer(12), 4);
    EXPECT_EQ(default_fv_layer(18), 6);
    EXPECT_EQ(default_fv_layer(28), 10);
    EXPECT_EQ(default_fv_layer(32), 11);
}

TEST(MethodsRank, PaperHeadCount) {
    EXPECT_EQ(paper_head_count(shape(32, 32)), 20);   // Llama 2 7B
    EXPECT_EQ(paper_head_count(shape(40, 40)), 32);   // 31.25
    EXPECT_EQ(paper_head_count(shape(80, 64)), 100);  // 5120 / 51.2 exactly: not 101
    EXPECT_EQ(paper_head_count(shape(48, 16)), 15);   // 768 / 51.2 exactly: not 16
    EXPECT_EQ(paper_head_count(shape(28, 16)), 9);    // 8.75
    EXPECT_EQ(paper_head_count(shape(18, 4)), 2);     // gemma3-270m
    EXPECT_EQ(paper_head_count(shape(1, 1)), 1);
    ModelInfo uneven = shape(32, 32);
    uneven.n_head[3] = 0;
    EXPECT_EQ(paper_head_count(uneven), 20);  // 992 heads: 19.4
}

TEST(MethodsRank, MethodsAreFoundByName) {
    std::set<std::string> names;
    for (const Method* method : methods()) {
        EXPECT_TRUE(names.insert(method->name()).second) << method->name();
        EXPECT_EQ(&find_method(method->name()), method);
        EXPECT_FALSE(method->summary().empty());
        EXPECT_EQ(method->summary().find('\n'), std::string::npos);
    }
    EXPECT_TRUE(names.count("fv"));
    EXPECT_TRUE(names.count("icv"));
    expect_error(Code::usage, {"\"caa\"", "fv", "icv"}, [] { find_method("caa"); });
    expect_error(Code::usage, {"\"\""}, [] { find_method(""); });
    expect_error(Code::usage, {"\"FV\""}, [] { find_method("FV"); });
}

// Studies apply every setting of the grid: none may name a layer or a number of heads that the model lacks.
TEST(MethodsRank, SettingsAreWithinTheModel) {
    for (auto [n_layer, n_head] : {std::pair{1, 1}, {1, 4}, {2, 1}, {2, 4}, {3, 2}, {18, 4}, {32, 32}}) {
        const ModelInfo info = shape(n_layer, n_head);
        for (const Method* method : methods()) {
            const std::string what =
                method->name() + " on " + std::to_string(n_layer) + " x " + std::to_string(n_head);
            const auto functional = method->grid(info, false), behavioural = method->grid(info, true);
            EXPECT_LE(behavioural.size(), functional.size()) << what;
            auto all = functional;
            all.insert(all.end(), behavioural.begin(), behavioural.end());
            all.push_back(method->paper_setting(info));
            for (const Setting& setting : all) {
                if (const auto it = setting.find("layer"); it != setting.end()) {
                    EXPECT_GE(it->second, 0) << what;
                    EXPECT_LT(it->second, n_layer) << what;
                }
                if (const auto it = setting.find("heads"); it != setting.end()) {
                    EXPECT_GE(it->second, 1) << what;
                    EXPECT_LE(it->second, info.n_head_total()) << what;
                }
                EXPECT_GT(method->strength(setting), 0) << what;
            }
            for (const auto& grid : {functional, behavioural}) {
                EXPECT_FALSE(grid.empty()) << what;
                EXPECT_EQ(std::set<Setting>(grid.begin(), grid.end()).size(), grid.size())
                    << what << ": the same setting twice";
            }
        }
    }
    EXPECT_EQ(find_method("fv").paper_setting(shape(32, 32)),
              (Setting{{"heads", 20}, {"layer", 11}, {"scale", 1}}));
    EXPECT_EQ(find_method("icv").paper_setting(shape(32, 32)), (Setting{{"alpha", 1}}));
}

}  // namespace

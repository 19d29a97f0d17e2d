// The controls of function vectors, and the head search that they share with them.
#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "support/methods_model.h"
#include "support/methods_task.h"

using namespace tiller;
using namespace tiller::test;

namespace {

class MethodsHeads : public testing::Test {
protected:
    MethodsHeads() : model_(tiny()), engine_(model_, exact()) {}

    MethodInput input(std::uint64_t seed = 11, Checkpoint* checkpoint = nullptr) {
        return {engine_,    task_, train_, kUnrelated, seed, {{"n_mean", 18}, {"n_patch", 3}, {"n_shot", 2}},
                checkpoint, {}};
    }
    static std::map<int, int> per_layer(const std::vector<HeadEffect>& heads) {
        std::map<int, int> count;
        for (const auto& head : heads) ++count[head.layer];
        return count;
    }
    static std::set<std::pair<int, int>> set_of(const std::vector<HeadEffect>& heads) {
        std::set<std::pair<int, int>> set;
        for (const auto& head : heads) set.emplace(head.layer, head.head);
        return set;
    }

    std::shared_ptr<const Model> model_;
    Engine engine_;
    Task task_ = small_task();
    std::vector<int> train_ = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
};

TEST_F(MethodsHeads, RandomHeadsStandInTheChosenOnesLayers) {
    const Method &fv = find_method("fv"), &random = find_method("fv-heads-random");
    const SteeringVector base = fv.extract(input()), control = random.extract(input());
    EXPECT_EQ(control.aie, base.aie);
    EXPECT_EQ(control.mean_head_output, base.mean_head_output);
    const auto build = fv.builder(*model_, base), build_control = random.builder(*model_, control);
    const HeadContributions contributions(*model_, base.mean_head_output);
    for (int n = 1; n <= 12; ++n) {
        const Setting setting = {{"heads", n}, {"layer", 1}, {"scale", 2}};
        const SteeringVector v = build(setting), c = build_control(setting);
        ASSERT_EQ(c.heads.size(), static_cast<std::size_t>(n));
        EXPECT_EQ(per_layer(c.heads), per_layer(v.heads)) << n;
        const auto chosen = set_of(v.heads), drawn = set_of(c.heads);
        EXPECT_EQ(drawn.size(), static_cast<std::size_t>(n)) << "a head twice";
        for (const auto& [layer, count] : per_layer(v.heads)) {
            int common = 0;
            for (const auto& [il, head] : drawn) common += il == layer && chosen.count({il, head});
            EXPECT_EQ(common, std::max(0, 2 * count - 4)) << "no more than the layer's four heads force";
        }
        for (const auto& head : c.heads)
            EXPECT_EQ(head.aie,
                      base.aie[static_cast<std::size_t>(head.layer)][static_cast<std::size_t>(head.head)]);
        EXPECT_TRUE(std::is_sorted(c.heads.begin(), c.heads.end(),
                                   [](const auto& a, const auto& b) { return a.aie > b.aie; }));
        EXPECT_EQ(c.directions.at(1), contributions.sum(c.heads));
        EXPECT_EQ(c.scale, 2.0f);
    }
    EXPECT_EQ(build_control(random.paper_setting(model_->info())).directions, control.directions)
        << "the paper's setting is what extract() leaves";
}

TEST_F(MethodsHeads, RandomHeadsDependOnTheSeedAlone) {
    const Method& random = find_method("fv-heads-random");
    SteeringVector base = random.extract(input());
    const Setting setting = {{"heads", 4}, {"layer", 1}, {"scale", 1}};
    const auto drawn = [&] { return set_of(random.builder(*model_, base)(setting).heads); };
    const auto first = drawn();
    EXPECT_EQ(drawn(), first);
    std::set<std::set<std::pair<int, int>>> draws;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        base.provenance.seed = seed;
        draws.insert(drawn());
    }
    EXPECT_GT(draws.size(), 3u);
}

TEST_F(MethodsHeads, ShuffledLabelsKeepTheHeads) {
    const Method &fv = find_method("fv"), &shuffled = find_method("fv-shuffled");
    const SteeringVector base = fv.extract(input()), control = shuffled.extract(input());
    EXPECT_EQ(control.aie, base.aie);
    EXPECT_NE(control.provenance.prompts_digest, base.provenance.prompts_digest);
    std::vector<std::string> right, permuted;
    for (const auto& p : make_prompts(task_, train_, 18, 2, 11, false)) right.push_back(p.text);
    for (const auto& p : make_prompts(task_, train_, 18, 2, 11, true)) permuted.push_back(p.text);
    EXPECT_EQ(base.mean_head_output, mean_head_outputs(engine_, right));
    EXPECT_EQ(control.mean_head_output, mean_head_outputs(engine_, permuted));
    const Setting setting = {{"heads", 5}, {"layer", 1}, {"scale", 1}};
    const SteeringVector v = fv.builder(*model_, base)(setting),
                         c = shuffled.builder(*model_, control)(setting);
    EXPECT_EQ(set_of(c.heads), set_of(v.heads));
    EXPECT_NE(c.directions, v.directions);
    EXPECT_EQ(c.directions.at(1), HeadContributions(*model_, control.mean_head_output).sum(c.heads));
}

// Whichever comes first searches; the others find its work.
TEST_F(MethodsHeads, OneSearchServesAllMethodsOfATask) {
    for (const char* first : {"fv", "fv-heads-random", "fv-shuffled"}) {
        MemoryCheckpoint checkpoint;
        find_method(first).extract(input(11, &checkpoint));
        const int n_store = checkpoint.n_store;
        for (const char* name : {"fv", "fv-heads-random"}) {
            const auto before = engine_.stats().n_token;
            const SteeringVector v = find_method(name).extract(input(11, &checkpoint));
            EXPECT_EQ(engine_.stats().n_token, before) << name << " after " << first;
            EXPECT_EQ(v.directions, find_method(name).extract(input()).directions) << name;
        }
        EXPECT_EQ(checkpoint.n_store, n_store) << first;
        const SteeringVector shuffled = find_method("fv-shuffled").extract(input(11, &checkpoint));
        EXPECT_EQ(checkpoint.n_store, 2 + 1 + 2) << "means, trials at once, and the means of shuffled labels";
        EXPECT_EQ(shuffled.directions, find_method("fv-shuffled").extract(input()).directions);
        // Another seed has other prompts, and none of this.
        const SteeringVector other = find_method("fv").extract(input(12, &checkpoint)),
                             alone = find_method("fv").extract(input(12));
        EXPECT_EQ(other.aie, alone.aie) << first;
        EXPECT_EQ(other.mean_head_output, alone.mean_head_output) << first;
    }
}

}  // namespace

// Several turns of one activation in a row are one turn (edit.h); other edits between them end it.
#include <gtest/gtest.h>

#include "engine/operations.h"
#include "support/engine_rows.h"

using namespace tiller;
using namespace tiller::test;

namespace {

constexpr int kLayer = 1, kPosition = 4;
const Positions kHere{Positions::Kind::range, kPosition, kPosition + 1};

class EngineTurns : public testing::Test {
protected:
    EngineTurns() : model_(tiny()), engine_(model_, exact()) {}

    std::vector<float> logits(std::vector<Edit> edits) {
        const Row row = logits_row(random_prompt(9, 5), std::move(edits));
        return engine_.run(std::span(&row, 1))[0].logits;
    }
    Edit turn_edit(unsigned seed, float strength, int head = -1) const {
        return random_edit(model_->info(), head < 0 ? Site::mlp_output : Site::head_output, kLayer,
                           Operation::turn, kHere, seed, strength, head);
    }
    std::vector<float> activation(Site site) {
        Row row = logits_row(random_prompt(9, 5));
        row.captures = {{site, kLayer, kLayer + 1, kHere, false}};
        return engine_.run(std::span(&row, 1))[0].captured[0].values;
    }

    std::shared_ptr<const Model> model_;
    Engine engine_;
};

TEST_F(EngineTurns, AreSummedOnOneActivation) {
    const Edit a = turn_edit(1, 5), b = turn_edit(2, -3), c = turn_edit(3, 2);
    auto x = activation(Site::mlp_output);
    const engine::Term terms[] = {{*a.vector, 5}, {*b.vector, -3}, {*c.vector, 2}};
    engine::turn(x, terms);
    const Edit by_hand{Site::mlp_output, kLayer, -1, Operation::replace, kHere, shared(x), 1};
    const auto before = engine_.stats().n_edit;
    EXPECT_EQ(logits({a, b, c}), logits({by_hand}));
    EXPECT_EQ(engine_.stats().n_edit - before, 4U);
    EXPECT_GT(max_difference(logits({a, b, c}), logits({a})), 1e-3);
}

TEST_F(EngineTurns, AnEditBetweenThemEndsTheSum) {
    const Edit a = turn_edit(1, 5), b = turn_edit(2, -3);
    const Edit add = random_edit(model_->info(), Site::mlp_output, kLayer, Operation::add, kHere, 8);
    auto x = activation(Site::mlp_output);
    engine::apply(Operation::turn, x, *a.vector, 5);
    engine::apply(Operation::add, x, *add.vector, 1);
    engine::apply(Operation::turn, x, *b.vector, -3);
    const Edit by_hand{Site::mlp_output, kLayer, -1, Operation::replace, kHere, shared(x), 1};
    EXPECT_EQ(logits({a, add, b}), logits({by_hand}));
}

TEST_F(EngineTurns, OfDifferentHeadsStayApart) {
    const Edit first = turn_edit(1, 5, 0), other = turn_edit(2, 5, 3);
    auto x = activation(Site::head_output);
    const auto d = first.vector->size();
    engine::apply(Operation::turn, std::span(x).first(d), *first.vector, 5);
    engine::apply(Operation::turn, std::span(x).subspan(3 * d, d), *other.vector, 5);
    const Edit by_hand{Site::head_output, kLayer, -1, Operation::replace, kHere, shared(x), 1};
    EXPECT_EQ(logits({first, other}), logits({by_hand}));
}

}  // namespace

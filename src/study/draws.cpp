#include "study/draws.h"

#include <algorithm>

namespace tiller::study {
namespace {

// The items that one draw tests, when all draws together are to test n_item: at least one, at most all of its
// part. The shares of two draws differ by one item at most.
std::vector<int> share_of(int n_item, const std::vector<Split>& draws, std::size_t draw) {
    const auto n = static_cast<std::size_t>(n_item), k = draws.size();
    const std::size_t share = (draw + 1) * n / k - draw * n / k;
    const auto& items = draws[draw].test;
    return {items.begin(),
            items.begin() + static_cast<std::ptrdiff_t>(std::clamp<std::size_t>(share, 1, items.size()))};
}

}  // namespace

std::vector<Split> draws_of(const TaskContext& c) {
    const int n = c.plan.tuning.n_fold;
    return n < 2 ? std::vector<Split>{} : fold_task(c.task, c.seed, n);
}

void use_draw(TaskContext& c, const std::vector<Split>& draws, int draw) {
    const auto at = static_cast<std::size_t>(draw);
    c.draw = draw;
    c.split = draws[at];
    c.test = share_of(c.plan.n_test, draws, at);
    c.valid = share_of(std::min(c.plan.n_valid, c.plan.n_test), draws, at);
    c.nll_limit.reset();
    c.tried.clear();
    c.second_judge.reset();
    c.scorer.reset();
}

void leave_draws(TaskContext& c, const std::vector<Split>& draws) {
    c.draw = -1;
    c.test.clear(), c.valid.clear();
    for (std::size_t k = 0; k < draws.size(); ++k) {
        for (const int item : share_of(c.plan.n_test, draws, k)) c.test.push_back(item);
        for (const int item : share_of(std::min(c.plan.n_valid, c.plan.n_test), draws, k))
            c.valid.push_back(item);
    }
}

}  // namespace tiller::study

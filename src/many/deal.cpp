#include "many/deal.h"

#include <algorithm>
#include <numeric>
#include <system_error>

namespace tiller {
namespace study {
namespace {

// Roughly how many tokens a task's runs compute, to compare the tasks of a plan on one model. Whole numbers
// only, so that every machine gets the same result.
std::uint64_t tokens_of(const Plan& plan, const Task& task) {
    const FamilyPlan counts = plan.of(task.family);
    const auto number = [](auto n) { return static_cast<std::uint64_t>(std::max<long>(1, n)); };
    std::uint64_t bytes = 0;
    for (const Item& item : task.items) bytes += item.input.size() + item.output.size();
    const std::uint64_t n_method = number(plan.methods.size()), n_fold = number(plan.tuning.n_fold);
    // Tokens of an item in a prompt: one for four bytes, and five for prefixes and line breaks.
    const std::uint64_t item = bytes / 4 / number(task.items.size()) + 5;
    const ExtractionPlan& e = counts.extraction;
    // The head search computes each prompt once, and one token in each of some hundred branches of it.
    const std::uint64_t extraction = (number(e.n_mean) + number(e.n_patch)) * number(e.n_shot) * item +
                                     100 * number(e.n_patch) + n_method * number(e.n_pairs) * item;
    const bool generates = task.family == Family::behavioural;
    const std::uint64_t text = item + number(counts.max_new_tokens);
    const std::uint64_t n_setting = counts.n_setting > 0 ? number(counts.n_setting) : 40;
    const std::uint64_t choice = n_method * n_setting * number(plan.n_valid) * (generates ? 2 * text : item);
    const std::uint64_t test = (3 * n_method + 4) * number(plan.n_test) * 2 * text;
    return n_fold * extraction + choice + test;
}

std::uint64_t megabytes(const std::filesystem::path& file) {
    std::error_code ec;
    const auto bytes = std::filesystem::file_size(file, ec);
    return ec ? 1 : std::max<std::uint64_t>(1, bytes >> 20);
}

}  // namespace

std::vector<Block> blocks_of(const StudyInputs& inputs, int n_shard) {
    std::vector<Block> blocks;
    for (std::size_t m = 0; m < inputs.n_model(); ++m)
        for (const Task& task : inputs.tasks())
            for (const auto seed : inputs.plan().seeds)
                blocks.push_back({inputs.model_name(m), task.name, seed,
                                  megabytes(inputs.model_file(m)) * tokens_of(inputs.plan(), task), 0});
    deal(blocks, n_shard);
    return blocks;
}

}  // namespace study

void deal(std::vector<Block>& blocks, int n_shard) {
    std::vector<std::size_t> longest(blocks.size());
    std::iota(longest.begin(), longest.end(), std::size_t{0});
    std::stable_sort(longest.begin(), longest.end(),
                     [&](std::size_t a, std::size_t b) { return blocks[a].cost > blocks[b].cost; });
    std::vector<std::uint64_t> work(static_cast<std::size_t>(n_shard));
    for (const std::size_t b : longest) {
        const auto least = std::min_element(work.begin(), work.end());  // the first of several
        blocks[b].shard = static_cast<int>(least - work.begin());
        *least += std::max<std::uint64_t>(1, blocks[b].cost);
    }
}

std::vector<Block> deal_blocks(const Plan& plan, const StudyHost& host, int n_shard) {
    return study::blocks_of(study::StudyInputs(plan, host), n_shard);
}

}  // namespace tiller

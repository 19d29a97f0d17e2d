#include "core/util.h"
#include "methods/inputs.h"
#include "tiller/method.h"

namespace tiller {

FvTrials make_trials(const Task& task, std::span<const int> pool, int n_mean, int n_patch, int n_shot,
                     std::uint64_t seed, std::span<const int> queries, const Template& form) {
    FvTrials trials;
    trials.mean = texts_of(make_prompts(task, pool, n_mean, n_shot, seed, false, form, queries));
    for (const auto& p : make_prompts(task, pool, n_patch, n_shot, seed + 1, true, form, queries))
        trials.patch.push_back({p.text, p.target});
    return trials;
}

std::string prompts_digest(const FvTrials& trials) {
    Digest digest;
    for (const auto& p : trials.mean) digest.add(p);
    for (const auto& p : trials.patch) digest.add(p.prompt).add(p.target);
    return digest.hex();
}

}  // namespace tiller

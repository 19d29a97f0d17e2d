// The blocks of a plan, and to which shard each is dealt.
#pragma once

#include <vector>

#include "study/study_inputs.h"
#include "tiller/many.h"

namespace tiller::study {

/// All blocks in the order of a run in one process (models, then tasks, then seeds), with estimated costs,
/// dealt to `n_shard` shards.
std::vector<Block> blocks_of(const StudyInputs& inputs, int n_shard);

}  // namespace tiller::study

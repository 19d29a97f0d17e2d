// Blocks of a plan and who computes them.
#pragma once

#include <vector>

#include "study/study_inputs.h"
#include "tiller/many.h"

namespace tiller::study {

/// In the order of a run in one piece, with costs, dealt.
std::vector<Block> blocks_of(const StudyInputs& inputs, int n_shard);

}  // namespace tiller::study

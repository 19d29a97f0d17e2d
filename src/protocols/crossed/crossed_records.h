// What the crossed design adds to the records of a run.
#pragma once

#include <string>
#include <vector>

#include "study/records.h"

namespace tiller::study {

/// Mean lengths of activations, in the order in which the task needs them: a unit of its own.
struct SizesRecord {
    std::vector<double> sizes;
};

struct CrossedClosing {
    std::vector<SettingRecord> cells;
    int n_heads = 0;  ///< Of the function vector; 0 = none is used.
};

}  // namespace tiller::study

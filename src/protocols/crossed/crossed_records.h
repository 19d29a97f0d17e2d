// What the crossed design adds to the records of a run.
#pragma once

#include <string>
#include <vector>

#include "study/records.h"

namespace tiller::study {

/// Mean lengths of activations, ordered by site, then by layer. They are a unit of their own.
struct SizesRecord {
    std::vector<double> sizes;
};

/// What the closing record of a task has besides the fields of all protocols.
struct CrossedClosing {
    std::vector<SettingRecord> cells;
    int n_heads = 0;  ///< Of the function vector; 0 = none is used.
};

}  // namespace tiller::study

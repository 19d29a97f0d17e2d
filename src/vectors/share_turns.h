// In-context vectors used together.
#pragma once

#include <vector>

#include "tiller/edit.h"

namespace tiller {

/// Where n edits turn the same site of the same layer (Operation::turn), divides the strength of each by n,
/// as the papers' code does: n in-context vectors together give one full turn. Other edits are not changed.
void share_turns(std::vector<Edit>& edits);

}  // namespace tiller

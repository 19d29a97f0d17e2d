// Several vectors at once.
#pragma once

#include <vector>

#include "tiller/edit.h"

namespace tiller {

/// Turned sites are shared out: where n edits turn the same site of the same layer, each gets 1/n of its
/// strength, as in the papers' code (n in-context vectors together give one full turn). Other edits stay as
/// they are.
void share_turns(std::vector<Edit>& edits);

}  // namespace tiller

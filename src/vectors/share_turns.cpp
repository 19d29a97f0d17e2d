#include "vectors/share_turns.h"

#include <map>
#include <utility>

namespace tiller {

void share_turns(std::vector<Edit>& edits) {
    std::map<std::pair<Site, int>, int> n_turn;
    for (const Edit& edit : edits)
        if (edit.operation == Operation::turn) ++n_turn[{edit.site, edit.layer}];
    for (Edit& edit : edits)
        if (edit.operation == Operation::turn)
            edit.strength /= static_cast<float>(n_turn[{edit.site, edit.layer}]);
}

}  // namespace tiller

#include <algorithm>
#include <string>

#include "core/text.h"
#include "vectors/vector_format.h"

namespace tiller {

bool names_projection(std::string_view text) {
    std::string lower(text.substr(0, 4096));
    std::transform(lower.begin(), lower.end(), lower.begin(), lower_ascii);
    for (const char* word : {"project", "ablat", "abliterat", "orthogonal"})
        if (lower.find(word) != std::string::npos) return true;
    return false;
}

}  // namespace tiller

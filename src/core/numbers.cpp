#include "core/numbers.h"

#include <fmt/format.h>

#include <cstdlib>

namespace tiller {

double shortest(float value) { return std::strtod(fmt::format("{}", value).c_str(), nullptr); }

}  // namespace tiller

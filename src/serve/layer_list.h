// Lists of layers in requests.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "serve/fields.h"

namespace tiller::serve {

/// "8-12" (both ends inclusive) or "8", counted from 0. Throws Problem 400 that names `path`.
std::vector<int> layers_of_text(std::string_view text, const std::string& path);
/// The same, a number, or a list of numbers; rising, each once, at least one.
std::vector<int> layers_of(const Json& value, const std::string& path);

}  // namespace tiller::serve

// Settings of methods on the command line: what --set says, and what help says of them.
#pragma once

#include <string>
#include <vector>

#include "tiller/method.h"

namespace tiller::cli {

/// Is the count ("n_pairs", ...) one of those that the method reads (Method::counts())?
bool reads(const Method& method, const char* count);

/// {"layer=10", "scale=2"} as numbers. Throws usage: no "=", no number, a name twice.
Setting parse_settings(const std::vector<std::string>& texts);

/// What a method's settings mean, which values they may have and which are tried, for a model of the size of
/// Llama-2-7b: help is printed before a model is known.
std::string settings_help(const Method& method);

}  // namespace tiller::cli

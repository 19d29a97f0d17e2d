// Where tiller finds its data and keeps its cache.
#pragma once

#include <filesystem>

namespace tiller {

/// The folder that holds tasks/ and lists/: $TILLER_DATA_DIR when set; else share/tiller beside the program
/// or shared library that this code is in; else ../share/tiller seen from the running program; else the data
/// folder of the checkout the library was built from; else share/tiller below the prefix it was configured
/// for. The first of these that exists. Throws Error(missing), naming the folders tried, when none does or
/// when the variable names a folder that is not there.
std::filesystem::path data_dir();

/// The folder for files that can be made again (fetched models, digests): $TILLER_CACHE_DIR, else
/// $XDG_CACHE_HOME/tiller, else ~/.cache/tiller. Always absolute. It may not exist yet: whoever
/// writes creates it. Throws Error(environment) when none of these variables is set.
std::filesystem::path cache_dir();

}  // namespace tiller

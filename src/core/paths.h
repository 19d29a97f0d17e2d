// Where tiller finds its data and keeps its cache.
#pragma once

#include <filesystem>

namespace tiller {

/// The folder with tasks/ and lists/. $TILLER_DATA_DIR when it is set; else the first of these that exists:
/// share/tiller in the folder of the program or shared library that this code is in; ../share/tiller from the
/// folder of the running program; the data folder of the checkout that the library was built from;
/// share/tiller below the prefix that it was configured for. Throws missing, naming the folders tried, when
/// none exists or when the variable names no folder.
std::filesystem::path data_dir();

/// The folder for files that can be made again (fetched models, digests): $TILLER_CACHE_DIR, else
/// $XDG_CACHE_HOME/tiller, else $HOME/.cache/tiller. Always absolute. It may not exist yet: the code that
/// writes there creates it. Throws environment when none of these variables is set.
std::filesystem::path cache_dir();

}  // namespace tiller

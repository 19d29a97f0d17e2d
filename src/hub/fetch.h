// From a name to a file on this machine.
#pragma once

#include <filesystem>
#include <string>

#include "hub/name.h"
#include "hub/settings.h"

namespace tiller::hub {

/// A model's file on this machine.
struct Found {
    std::filesystem::path path;  ///< The model's file; the first part of a split one.
    bool fetched = false;        ///< Was something downloaded?
};

/// Which files in the caches may be used.
enum class Freshness {
    here,   ///< Any; the hub is asked only when no cache has the model (find_local()).
    hub,    ///< Those with the size and SHA-256 that the hub lists; files are read to check the SHA-256.
    again,  ///< None: everything is downloaded.
};

/// The model's file: from a cache (caches.h), else downloaded into tiller's own. No other function of tiller
/// downloads models. Throws what list_files(), choose() and download() throw, and missing (offline, and in no
/// cache).
Found fetch(const Name& name, Freshness freshness, const Settings& settings);

/// The model's file when it is in a cache; nothing is downloaded. Throws missing.
std::filesystem::path require_local(const Name& name, const Settings& settings);

}  // namespace tiller::hub

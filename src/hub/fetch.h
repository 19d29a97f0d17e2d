// From a name to a file on this machine.
#pragma once

#include <filesystem>
#include <string>

#include "hub/name.h"
#include "hub/settings.h"

namespace tiller::hub {

struct Found {
    std::filesystem::path path;  ///< The model's file; the first part of a split one.
    bool fetched = false;        ///< Was something downloaded?
};

/// Which files may do.
enum class Freshness {
    here,   ///< What is in a cache, without asking the hub.
    hub,    ///< What is in a cache and has the size and SHA-256 that the hub says.
    again,  ///< None: everything is downloaded.
};

/// The model's file: looked for in the caches (caches.h), else downloaded into tiller's. THE function of
/// tiller that downloads: nothing else does. Throws as parse_name(), list_files(), choose() and download()
/// do, and missing (offline, and not here).
Found fetch(const Name& name, Freshness freshness, const Settings& settings);

/// The model's file when it is in a cache; nothing is downloaded. Throws missing.
std::filesystem::path require_local(const Name& name, const Settings& settings);

}  // namespace tiller::hub

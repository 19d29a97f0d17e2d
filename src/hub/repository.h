// Asks a hub what a repository contains.
#pragma once

#include <string>
#include <vector>

#include "hub/choose.h"
#include "hub/http.h"
#include "hub/name.h"
#include "hub/settings.h"

namespace tiller::hub {

/// The repository's files, from the hub's list. Size and SHA-256 are filled in only for GGUF files. Throws
/// missing (no such repository), environment (not reachable, no permission, too many requests), bad_input
/// (the answer is not a list of files), interrupted.
std::vector<RemoteFile> list_files(const Name& name, const Settings& settings);

/// Where a file of the repository is downloaded from.
std::string url_of(const Name& name, const std::string& path, const Settings& settings);

/// Throws the Error for a `response` that is an error or incomplete; `what` is what was asked for.
[[noreturn]] void refuse(const HttpResponse& response, const std::string& what, const Name& name,
                         const Settings& settings);

/// Decides whether a failed request is tried again, and waits before that, each time longer. Tried again are
/// answers that were cut off, and those with status 408, 429, 500, 502, 503 and 504.
class Patience {
public:
    explicit Patience(const Settings& settings) : settings_(settings) {}
    /// False when another try would not help, or Settings::n_try tries in a row failed; else true after the
    /// wait. A Retry-After header sets the wait; when it asks for more than 120 seconds, the result is false.
    /// Throws interrupted.
    bool another_try(const HttpResponse& response, const std::string& what);
    /// Begins to count again, because the last try made progress.
    void restart() { n_ = 0; }

private:
    const Settings& settings_;
    int n_ = 0;
};

}  // namespace tiller::hub

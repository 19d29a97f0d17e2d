// What a repository on a hub holds.
#pragma once

#include <string>
#include <vector>

#include "hub/choose.h"
#include "hub/http.h"
#include "hub/name.h"
#include "hub/settings.h"

namespace tiller::hub {

/// Asks the hub for the repository's files. Throws missing (no such repository), environment (not reachable,
/// no permission, too many requests), bad_input (an answer that is no list of files).
std::vector<RemoteFile> list_files(const Name& name, const Settings& settings);

/// Where a file of the repository is downloaded from.
std::string url_of(const Name& name, const std::string& path, const Settings& settings);

/// What to throw when a hub answered `response` (an error, or nothing) to the question for `what`.
[[noreturn]] void refuse(const HttpResponse& response, const std::string& what, const Name& name,
                         const Settings& settings);

/// Tries again, with longer and longer waits, what may do better then: an answer that was cut off, 408, 429
/// and 5xx.
class Patience {
public:
    explicit Patience(const Settings& settings) : settings_(settings) {}
    /// False when there is no point in another try, else true after the wait (429 says how long). Throws
    /// interrupted.
    bool another_try(const HttpResponse& response, const std::string& what);
    /// The last try brought something.
    void restart() { n_ = 0; }

private:
    const Settings& settings_;
    int n_ = 0;
};

}  // namespace tiller::hub

// What the protocol "transfer" adds to the records of a run.
#pragma once

#include <map>
#include <string>

#include "study/records.h"

namespace tiller::study {

struct TransferClosing {
    std::string key;  ///< TaskContext::key, of which units of several models make theirs.
    /// Method -> form -> the setting chosen there, as text for people.
    std::map<std::string, std::map<std::string, std::string>> settings;
};

}  // namespace tiller::study

// What the protocol "transfer" adds to the records of a run.
#pragma once

#include <map>
#include <string>

#include "study/records.h"

namespace tiller::study {

/// What the closing record of a task has besides the fields of all protocols.
struct TransferClosing {
    std::string key;  ///< TaskContext::key; the names of units over several models are made from it.
    /// Method -> form -> the setting chosen there, as text for people.
    std::map<std::string, std::map<std::string, std::string>> settings;
};

}  // namespace tiller::study

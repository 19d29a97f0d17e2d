// What an interrupted run says of the work it leaves.
#pragma once

#include <string>

#include "tiller/error.h"

namespace tiller::cli {

/// The error to throw in place of `error` when work in a run folder ends early. An interruption says where
/// the finished work is and how to go on, or that there is none yet; any other error is returned as it is.
Error resumable(const Error& error, const std::string& folder);

}  // namespace tiller::cli

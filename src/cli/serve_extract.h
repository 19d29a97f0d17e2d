// How `tiller serve` makes a vector that a client asks for: as `tiller extract METHOD` does.
#pragma once

#include "tiller/server.h"

namespace tiller::cli {

/// Throws tiller::Error: an unknown task, texts that the method does not read, settings that it does not
/// have.
SteeringVector extract_for_client(Engine& engine, const ExtractRequest& request,
                                  const ExtractProgress& progress);

}  // namespace tiller::cli

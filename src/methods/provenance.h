// Filling in where a vector came from.
#pragma once

#include <string>

#include "tiller/vector.h"

namespace tiller {

/// Model, program and seed; the caller adds settings and the prompts' digest.
void set_provenance(SteeringVector& vector, const ModelInfo& info, const std::string& task,
                    const std::string& prompts_digest, std::uint64_t seed);

}  // namespace tiller

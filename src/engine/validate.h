// Refuses rows that cannot be run, before anything is computed.
#pragma once

#include <span>

#include "engine/hook.h"
#include "tiller/engine.h"

namespace tiller::engine {

/// Throws usage, unsupported or bad_input, naming row and edit.
void validate_rows(std::span<const Row> rows, const Model& model, const SiteMap& sites);

/// Throws usage when a row wants its prompt's log-probabilities, or has an edit or capture that touches a
/// token before the last prompt token.
void validate_fork(std::span<const Row> rows);

}  // namespace tiller::engine

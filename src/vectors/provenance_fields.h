// The keys under which files keep a vector's provenance, listed once for all readers and writers.
#pragma once

#include "tiller/vector.h"

namespace tiller {

/// Calls visit(key, value) for each field of a Provenance (const or not) except `settings`, in the order of
/// the file: texts, a seed (std::uint64_t) and counts (int). Calls visit.optional(key, text) for a text that
/// files of earlier versions lack. Writers leave it out when it is empty, so that such files stay the same
/// when they are written again.
template <class AProvenance, class Visit>
void provenance_fields(AProvenance& from, Visit&& visit) {
    visit("tiller.task", from.task), visit("tiller.prompts_digest", from.prompts_digest);
    visit("tiller.seed", from.seed), visit("tiller.model_name", from.model_name);
    visit("tiller.model_digest", from.model_digest);
    visit.optional("tiller.weights_digest", from.weights_digest);
    visit("tiller.tokenizer_digest", from.tokenizer_digest), visit("tiller.architecture", from.architecture);
    visit("tiller.quantisation", from.quantisation), visit("tiller.n_layer", from.n_layer);
    visit("tiller.n_embd", from.n_embd), visit("tiller.program_version", from.program_version);
}

}  // namespace tiller

// Compares the names that different projects give to model architectures.
#pragma once

#include <string_view>

namespace tiller {

/// Do two names mean the same architecture? Names are the engine's ("gemma3", "phi2") or a `model_type` of
/// Hugging Face's transformers ("gemma3_text", "phi"), which repeng writes into its files. Case, '-', '_' and
/// an ending "_text" do not count; names that differ otherwise are in a table. Neither name may be empty.
bool same_architecture(std::string_view a, std::string_view b);

}  // namespace tiller

// A second opinion on the engine room: the tiny llama model's forward pass in plain loops and float64,
// written from the architecture's definition, with edits and captures at the same four sites.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "support/tiny_model.h"
#include "tiller/edit.h"
#include "tiller/model.h"

namespace tiller::test {

using Values = std::vector<double>;

/// Everything that one pass over a sequence computes.
struct ReferencePass {
    std::vector<Values> logits;  ///< [position][n_vocab]
    std::array<std::vector<std::vector<Values>>, 4>
        captured;  ///< [site][layer][position], before the edits there.
};

class ReferenceLlama {
public:
    /// `path` is a model that make_tiny_model(options) wrote.
    ReferenceLlama(const TinyOptions& options, const std::filesystem::path& path);

    /// `tokens` = prompt and continuation; n_prompt of them are the prompt.
    ReferencePass run(std::span<const Token> tokens, int n_prompt, std::span<const Edit> edits) const;

private:
    Values linear(const Values& x, const std::string& name) const;
    Values rms_norm(const Values& x, const std::string& name) const;
    void rotate(Values& x, int position) const;

    TinyOptions o_;
    TinyWeights w_;
};

}  // namespace tiller::test

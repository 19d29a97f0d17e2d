// The result of `tiller inspect` as one HTML page that needs no network.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "tiller/inspect.h"

namespace tiller::report {

/// What the page says about its inputs; plain text.
struct InspectOrigin {
    std::string model, prompt;
    std::vector<std::string> vectors;  ///< As the user named them.
};

/// How much steering changed a token's probability: 1, 2 or 3 when it is at least 2, 10 or 100 times as
/// likely, -1, -2 or -3 when it is that many times less likely, else 0. Takes natural log-probabilities.
int effect_level(double logprob_unsteered, double logprob_steered) noexcept;

/// Does the text count as collapsed (text_health())?
bool is_collapsed(const InspectedText& text);

/// For readers: from which strength on all stronger texts collapse or break, a sentence for each direction of
/// steering; or that no such strength was found, or that the unsteered text is bad already. `texts` are in
/// ascending order of strengths and not empty.
std::string where_it_breaks(std::span<const InspectedText> texts);

/// HTML in UTF-8: the texts with a slider over strengths, tokens coloured by effect, divergence or surprise,
/// and a table of all strengths. `texts` as for where_it_breaks().
std::string inspect_page(const InspectOrigin& origin, std::span<const InspectedText> texts);

}  // namespace tiller::report

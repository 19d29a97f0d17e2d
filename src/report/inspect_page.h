// What `tiller inspect` found, as one page that needs no network.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "tiller/inspect.h"

namespace tiller::report {

struct InspectOrigin {
    std::string model, prompt;         ///< For people.
    std::vector<std::string> vectors;  ///< As they were given.
};

/// -3 to 3: which of the factors 2, 10 and 100 steering made a token rarer (below 0) or likelier by.
int effect_level(double logprob_unsteered, double logprob_steered) noexcept;

/// Does the text count as collapsed (collapse_rule())?
bool is_collapsed(const InspectedText& text);

/// One sentence: the lowest strength from which on texts collapse or break, or that none does. `texts` in
/// ascending order of strengths.
std::string where_it_breaks(std::span<const InspectedText> texts);

/// HTML, UTF-8: the texts with a slider over strengths, tokens coloured by effect, divergence or surprise,
/// and a table of all strengths.
std::string inspect_page(const InspectOrigin& origin, std::span<const InspectedText> texts);

}  // namespace tiller::report

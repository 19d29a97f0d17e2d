// Scores heads by how well their outputs show which concept a prompt is about: representational similarity
// analysis (arXiv 2602.22424, section 3; earlier arXiv 2503.03666). Pure functions.
#pragma once

#include <span>
#include <vector>

namespace tiller {

/// Cosines of all pairs i < j of rows, in the order (0, 1), (0, 2), ..., (1, 2), .... Of each entry only the
/// `width` values that begin at `at` count. A row of zeros has the cosine 0 with every other row.
std::vector<double> pairwise_cosines(std::span<const std::vector<float>> rows, std::size_t at,
                                     std::size_t width);

/// The design matrix over the same pairs in the same order: 1 where both rows are of one concept, else 0.
/// `concepts` has one concept number for each row.
std::vector<double> same_concept(std::span<const int> concepts);

/// What concept_scores() found.
struct ConceptScores {
    /// [n_layer][n_head], in [-1, 1]: Spearman's rank correlation of the head's pairwise cosines with the
    /// design matrix.
    std::vector<std::vector<float>> scores;
    /// The highest score possible when no two cosines are equal: sqrt(3 p (1 - p) n^2 / (n^2 - 1)) for n
    /// pairs of which the share p is of one concept. It is below 1 because the design has only two values. A
    /// head reaches it when all cosines within concepts are higher than all cosines between concepts.
    double ceiling = 0;
    int n_constant = 0;  ///< Heads whose cosines are all equal; their score is 0.
};
/// Scores of all heads from their `outputs` on prompts, as head_outputs() gives them. `concepts` has each
/// prompt's concept; `n_head` and `d_head` have one entry for each layer. The prompts of every concept must
/// have the same forms: then a head whose outputs depend only on the form scores no higher than 0. Throws
/// bad_input when the lists have different lengths, when no two prompts or all prompts are of one concept,
/// and when no head's cosines vary.
ConceptScores concept_scores(std::span<const std::vector<float>> outputs, std::span<const int> concepts,
                             std::span<const int> n_head, std::span<const int> d_head);

}  // namespace tiller

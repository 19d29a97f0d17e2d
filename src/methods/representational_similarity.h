// Which heads carry what a prompt is about: representational similarity analysis (arXiv 2602.22424, section
// 3; earlier arXiv 2503.03666). Pure functions.
#pragma once

#include <span>
#include <vector>

namespace tiller {

/// Cosines of all pairs of rows, i < j, in the order (0, 1), (0, 2), ..., (1, 2), ...; rows of `width` values
/// that begin at `at` of each entry. A row of zeros has the cosine 0 to every other.
std::vector<double> pairwise_cosines(std::span<const std::vector<float>> rows, std::size_t at,
                                     std::size_t width);

/// The design matrix over the same pairs: 1 where both rows are of one concept, else 0.
std::vector<double> same_concept(std::span<const int> concepts);

/// What concept_scores() found.
struct ConceptScores {
    /// [n_layer][n_head], in [-1, 1]: Spearman's rank correlation of the head's pairwise cosines with the
    /// design matrix.
    std::vector<std::vector<float>> scores;
    /// The design has two values only, so that a head whose cosines (no two alike) are all higher within
    /// concepts than between them reaches no more than sqrt(3 p (1 - p) n^2 / (n^2 - 1)), for n pairs of
    /// which the share p is of one concept.
    double ceiling = 0;
    int n_constant = 0;  ///< Heads whose cosines do not vary, which get the score 0.
};
/// Scores of all heads from their outputs, [n_prompt][all layers' n_head * d_head, head-major, layer after
/// layer]; `concepts` says which concept each prompt is of, n_head and d_head have one entry for each layer.
/// Prompts of every concept must stand in the same forms: then a head that tells forms apart, and nothing
/// else, scores no higher than 0. Throws bad_input when the lists have different lengths, when all prompts
/// are of one concept or each is of its own, and when no head's cosines vary.
ConceptScores concept_scores(std::span<const std::vector<float>> outputs, std::span<const int> concepts,
                             std::span<const int> n_head, std::span<const int> d_head);

}  // namespace tiller

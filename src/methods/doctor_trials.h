// The runs of tiller doctor: rows whose right result is known in advance, and what was measured on them.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "tiller/doctor.h"

namespace tiller::doctor {

/// The sites that trials are made at, in the order of the findings.
inline constexpr Site kSites[] = {Site::head_output, Site::attention_output, Site::mlp_output,
                                  Site::residual};

/// The largest of several figures and where it was found. NaN counts as larger than any number.
struct Worst {
    int n = 0;          ///< Figures added.
    double figure = 0;  ///< The largest; 0 when none was added.
    std::string where;  ///< What the largest was measured on, for the check's sentence.
    void add(double value, const std::string& place);
};

/// The prompts without edits, each run by itself: the reference of all trials.
struct Baseline {
    std::vector<Row> rows;           ///< The prompts, with two forced tokens each.
    std::vector<RowResult> results;  ///< One for each of `rows`.
    int early = 0;                   ///< A position in the middle of the first prompt.
    /// Activations of the first prompt, for the sites that the graph has. Key: site, layer, and true for the
    /// last prompt token or false for the token at `early`.
    std::map<std::tuple<Site, int, bool>, SharedFloats> activations;

    SharedFloats at(Site site, int layer, bool last = true) const {
        return activations.at({site, layer, last});
    }
};

/// What the trials found so far, over all layers tried.
struct Findings {
    Worst zero_edit, self_replacement, neighbours;  ///< Largest differences of logits.
    Worst contribution, head_contribution;          ///< Largest relative errors, see relative_error().
    int n_steered = 0;                              ///< Steered rows run.
    std::vector<std::string> without_effect;        ///< Steered rows with exactly the unsteered logits.
    double least_effect = 0;                   ///< Smallest change of a logit among the other steered rows.
    std::vector<std::string> not_carried_out;  ///< The engine's errors about plans that it did not carry out.
    double fork_mean = 0;                      ///< Mean of |log-probability by fork() - by run()|, nats.
    Worst fork;                                ///< Largest of the same for each row.
};

/// Runs the prompts one by one and captures the first one's activations in `layers`. Errors of Engine::run()
/// pass through, here and below.
Baseline measure_baseline(Engine& engine, std::span<const int> layers);

/// Indices of the baseline's prompts whose logits or log-probabilities are not all finite.
std::vector<std::size_t> broken_prompts(const Baseline& baseline);

/// Runs rows for one layer in one batch and compares their logits: unsteered, steered, with edits of strength
/// 0, and with activations replaced by themselves. With `all`: every head, a row for each site's edit of
/// strength 0, and each steered row also run by itself. Without: the first and the last head, one row for all
/// edits of strength 0, and one steered row by itself.
void try_layer(Engine& engine, const Baseline& baseline, int layer, bool all, Findings& findings);

/// Sets the outputs of heads to zero, all together and one by one, and compares the change of the residual
/// stream with layer_contributions(). Does nothing in a layer that lacks a site.
void try_contributions(Engine& engine, const Baseline& baseline, int layer, const DoctorOptions& options,
                       Findings& findings);

/// Runs the same rows with fork() and with run() and compares their log-probabilities.
void try_fork(Engine& engine, const Baseline& baseline, std::span<const int> layers, Findings& findings);

/// Largest difference between two rows' logits and log-probabilities of forced tokens. 0 only when all are
/// equal; infinite when the lengths differ or a number is NaN in one row only.
double difference(const RowResult& a, const RowResult& b);

/// |measured - predicted| / max(|measured|, least), with the Euclidean norm of vectors. 0 when they are
/// equal, infinite when their lengths differ.
double relative_error(std::span<const float> measured, std::span<const float> predicted, double least = 0);

}  // namespace tiller::doctor

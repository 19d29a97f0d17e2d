// The runs behind tiller doctor: rows whose outcome is known beforehand, and what came of them.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "tiller/doctor.h"

namespace tiller::doctor {

/// The largest of some figures and where it was found. NaN counts as larger than anything.
struct Worst {
    int n = 0;
    double figure = 0;
    std::string where;
    void add(double value, const std::string& place);
};

/// Prompts alone and unedited: what everything else is compared with.
struct Baseline {
    std::vector<Row> rows;           ///< The prompts, with two forced tokens each.
    std::vector<RowResult> results;  ///< Of each row run alone.
    int early = 0;                   ///< A position of the first prompt before its last token.
    /// Activations of the first prompt by (site, layer, at the last token?), for the sites that are there.
    std::map<std::tuple<Site, int, bool>, SharedFloats> activations;

    SharedFloats at(Site site, int layer, bool last = true) const {
        return activations.at({site, layer, last});
    }
};

/// What the trials found so far, over all layers.
struct Findings {
    Worst zero_edit, self_replacement, neighbours;  ///< Largest differences of logits.
    Worst contribution, head_contribution;          ///< Relative to the norm of what was measured.
    int n_steered = 0;                              ///< Steered rows,
    std::vector<std::string> without_effect;        ///< those that gave the unsteered logits,
    double least_effect = 0;                        ///< and the smallest change among the others.
    std::vector<std::string> not_carried_out;  ///< What the engine said about plans it did not carry out.
    double fork_mean = 0;                      ///< Of |log-probability by fork - by run|.
    Worst fork;
};

/// Runs the prompts, one by one.
Baseline measure_baseline(Engine& engine, std::span<const int> layers);

/// Prompts (of the baseline's) whose logits or activations are not all finite.
std::vector<std::size_t> broken_prompts(const Baseline& baseline);

/// Steered, zero-edited, self-replaced and unsteered rows of one layer in one batch. `all` tries every head,
/// each site's zero edit in its own row, and every steered row alone; else two heads, the zero edits in one
/// row, and one steered row alone.
void try_layer(Engine& engine, const Baseline& baseline, int layer, bool all, Findings& findings);

/// The heads' contributions against the change at the residual stream when they are taken away.
void try_contributions(Engine& engine, const Baseline& baseline, int layer, const DoctorOptions& options,
                       Findings& findings);

/// The same rows by fork() and by run().
void try_fork(Engine& engine, const Baseline& baseline, std::span<const int> layers, Findings& findings);

/// Largest difference between two rows' logits and log-probabilities; 0 only when they are equal, infinite
/// when one of them has numbers that the other lacks.
double difference(const RowResult& a, const RowResult& b);

/// |measured - predicted| / max(|measured|, least); 0 when they are equal, infinite when they differ in
/// width.
double relative_error(std::span<const float> measured, std::span<const float> predicted, double least = 0);

}  // namespace tiller::doctor

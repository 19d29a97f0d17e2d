// Methods turn a task and an engine into a steering vector. A method is one file
// src/methods/method_<name>.cpp that defines `const Method& method_<name>()`; the build finds it
// (docs/extending.md).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "tiller/function_vector.h"
#include "tiller/text_states.h"

namespace tiller {

/// Named numbers of one setting ("heads" 20, "layer" 6, "scale" 1; "alpha" 1).
using Setting = std::map<std::string, double>;

/// One dimension of a search: the choices for a part of a setting, like {{"layer", 3}} or {{"layer_begin",
/// 0}, {"layer_end", 9}}. An empty choice leaves the value of the paper's setting.
using Axis = std::vector<Setting>;
/// An axis that varies one number.
Axis axis_of(const std::string& name, std::span<const double> values);

/// One number of a method's settings, for help and for checks.
struct SettingField {
    std::string name;          ///< "layer"
    std::string meaning;       ///< One line.
    double low = 0, high = 0;  ///< Both inclusive; infinite where there is no bound.
    bool whole = false;        ///< Whole numbers only.
    /// Its value in the paper's setting, or the one that means the same as leaving it out.
    double usual = 0;
    std::vector<double> tried;  ///< The values on the method's axes, by rising value.
};

/// A task in one form, for methods that compare the prompts of several tasks in several forms.
struct ConceptForm {
    std::string form;        ///< Its name, like "arrow".
    Task task;               ///< The task, its items written in that form; its name is the concept's.
    std::vector<int> train;  ///< Items that prompts may be made of.
    Template pieces = {};
};

/// What a method may use. Nothing is owned: references and spans must outlive the extraction.
struct MethodInput {
    Engine& engine;
    const Task& task;
    std::span<const int> train;              ///< Indices into Task::items that it may look at.
    std::span<const std::string> unrelated;  ///< Truncated sentences for negatives.
    std::uint64_t seed = 0;
    /// Extraction counts: "n_mean", "n_patch", "n_shot", "n_pairs"; "n_last" (IcvOptions). Switches, off
    /// unless 1: "bias_per_head" and "no_post_norm" (ContributionOptions); "pairs_repeat", "pairs_keep_end"
    /// and "pairs_bare" (PairOptions), "pairs_unstripped" (make_pairs() with strip = false).
    Setting options;
    /// Storage for finished parts of the extraction; may be null.
    Checkpoint* checkpoint = nullptr;
    Progress progress = {};
    /// Indices for the queries of few-shot prompts; empty = from `train`.
    std::span<const int> queries = {};
    Template form = {};  ///< Of every prompt and pair.
    /// Tasks in forms, for methods that want them (Method::wants_concepts()): the task itself and two others
    /// or more, each in the same three forms or more. They do not depend on `form`.
    std::span<const ConceptForm> concepts = {};
    /// Pairs to read as they are in place of those that make_pairs() makes of the task (methods that count
    /// "n_pairs" only); the task then gives its name and its family.
    std::span<const Pair> pairs = {};
    /// Prompts of the head search in place of those that make_trials() makes of the task ("fv" only).
    const FvTrials* trials = nullptr;
    /// States of texts that were read before with the same engine; texts that are read now are added. May be
    /// null.
    TextStates* states = nullptr;
};

class Method {
public:
    virtual ~Method() = default;
    virtual std::string name() const = 0;
    /// One line for tables and help.
    virtual std::string summary() const = 0;
    /// The expensive part. The result holds all that `builder` needs.
    virtual SteeringVector extract(const MethodInput& input) const = 0;
    /// One vector for each number of pairs, as extract() with that "n_pairs" gives; a method whose sets of
    /// pairs are parts of each other shares the work.
    virtual std::vector<SteeringVector> extract_sizes(const MethodInput& input,
                                                      std::span<const int> n_pairs) const;
    /// The setting its paper uses on this model.
    virtual Setting paper_setting(const ModelInfo& info) const = 0;
    /// The settings tried on the validation split; `behavioural` tasks generate text for each, so the grid is
    /// small.
    virtual std::vector<Setting> grid(const ModelInfo& info, bool behavioural) const = 0;
    /// The dimensions of a search with a budget, for all families: a setting to try is the paper's setting
    /// with one choice of each axis. The name "pairs" stands for the number of pairs that a vector is
    /// extracted from, at most `n_pairs`. The default: an axis for each name in the functional grid.
    virtual std::vector<Axis> axes(const ModelInfo& info, int n_pairs) const;
    /// Makes vectors for settings from an extracted one. The result must not outlive `model`.
    virtual std::function<SteeringVector(const Setting&)> builder(const Model& model,
                                                                  const SteeringVector& base) const = 0;
    /// The strength to apply a vector of `setting` with.
    virtual float strength(const Setting& setting) const = 0;
    /// What a number of a setting means, one line; known for the names that tiller's own methods use.
    virtual std::string meaning(const std::string& name) const;
    /// The counts of MethodInput::options that extract() reads.
    virtual std::vector<std::string> counts() const { return {"n_mean", "n_patch", "n_shot", "n_pairs"}; }
    /// Name of the method that is this one's control: the same method without the task, applied at the same
    /// settings. Empty = its only control is a random direction.
    virtual std::string control() const { return ""; }
    /// True when extract() needs MethodInput::concepts.
    virtual bool wants_concepts() const { return false; }
    /// True when edits touch only the last prompt token and later ones, so that prompts can be shared (fork).
    virtual bool spares_prompt() const = 0;
};

/// All methods that were built in, by name.
const std::vector<const Method*>& methods();
/// The method of this name. Throws usage with the known names and the most similar ones.
const Method& find_method(const std::string& name);

/// The numbers in this method's settings on this model, by name: those of its paper's setting, and those of
/// its axes for `n_pairs` pairs.
std::vector<SettingField> setting_fields(const Method& method, const ModelInfo& info, int n_pairs);

/// The paper's setting with the numbers of `given` in place of its own: what the function that
/// Method::builder() returns takes. Throws usage when the method has no such number (those it has are named)
/// or a value is out of range.
Setting complete_setting(const Method& method, const ModelInfo& info, int n_pairs, const Setting& given);

/// A vector of the same site, operation, layers and norms with random directions (normal, seeded): the null
/// hypothesis. For a projection: the same centre, and rows with W's singular values along random orthonormal
/// directions. The vector must be one that can be saved (for a projection, n_embd is known and the lengths
/// fit).
SteeringVector random_like(const SteeringVector& vector, std::uint64_t seed);

}  // namespace tiller

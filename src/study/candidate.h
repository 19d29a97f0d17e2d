// Candidates: what is run on each of a task's items and compared, be it a prompt without a vector or a vector
// at one setting.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "study/records.h"
#include "tiller/edit.h"
#include "tiller/task.h"

namespace tiller::study {

struct Candidate {
    std::string id, label, method;
    Kind kind = Kind::condition;
    Setting setting = {};
    std::vector<Edit> edits = {};
    int n_shot = 0;                     ///< Demonstrations before the query.
    std::string layers = {};            ///< SettingSummary::layers.
    std::optional<Template> form = {};  ///< Of demonstrations and query; none = TaskContext::form.
    bool permuted_labels = false;       ///< Permute the labels of the demonstrations.
    /// A template of make_natural_prompt() in place of demonstrations and question; empty = none.
    std::string natural_text = {};
    std::string clean = {};  ///< Id of the unsteered candidate with the same prompts; empty = none.
    std::string same_as =
        {};  ///< Id of an equal candidate whose records also count for this one; empty = none.
    /// Id of the setting that wrote the same texts while settings were chosen (TaskContext::tried); empty =
    /// none.
    std::string tried_as = {};
    /// Makes the prompt of an item (index into Task::items), in place of n_shot, form, permuted_labels and
    /// natural_text; empty = these do.
    std::function<Prompt(int item)> prompt = {};
    /// Give records "kl" (to the candidate "zero-shot" of the same call) and "entropy" of the next token.
    bool want_shift = false;
    /// Makes the edits of an item (index into Task::items), in place of `edits`.
    std::function<std::vector<Edit>(int item)> item_edits = {};
};

inline constexpr const char* zero_shot_id = "zero-shot";
/// "4-shot": the id of few_shot(4).
std::string few_shot_id(int n_shot);
/// "fv-random": the id of the control with random directions in place of a method's chosen vector.
std::string random_id(const std::string& method);

/// "fv-shuffled": the id of the control that applies the method without the task in it (Method::control()).
std::string shuffled_id(const std::string& method);

/// The two baselines without a vector that nearly every protocol runs.
Candidate zero_shot();
Candidate few_shot(int n_shot);

/// Candidates as closing records have them.
SettingRecord setting_record(const Candidate& candidate);
std::vector<SettingRecord> setting_records(const std::vector<Candidate>& candidates);

/// For ids, with a leading blank: " heads=8 layer=6".
std::string setting_text(const Setting& setting);
/// For people: "heads 8, layer 6".
std::string setting_label(const Setting& setting);

}  // namespace tiller::study

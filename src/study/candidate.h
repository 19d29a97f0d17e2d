// What is run on a task's items: prompts without a vector, and vectors at settings.
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
    int n_shot = 0;                     ///< Demonstrations in front of the query.
    std::string layers = {};            ///< SettingSummary::layers.
    std::optional<Template> form = {};  ///< Of demonstrations and query; none = the task's.
    bool permuted_labels = false;       ///< Of the demonstrations.
    /// A natural-text template in place of demonstrations and question; empty = none.
    std::string natural_text = {};
    std::string clean = {};  ///< Id of the unsteered candidate with the same prompts; empty = none.
    std::string same_as =
        {};  ///< Id of the candidate that this one equals, whose records count; empty = none.
    /// Id under which the same texts were written for choosing settings (TaskContext::tried); empty = none.
    std::string tried_as = {};
    /// Makes an item's prompt in a way that the fields above cannot say; empty = they do.
    std::function<Prompt(int item)> prompt = {};
    /// Records get "kl" and "entropy" of the next token, against the candidate "zero-shot" of the same call.
    bool want_shift = false;
};

inline constexpr const char* zero_shot_id = "zero-shot";
/// "4-shot"
std::string few_shot_id(int n_shot);
/// "fv-random": the control of a method's chosen vector.
std::string random_id(const std::string& method);

/// "fv-shuffled": the control that is the method without the task in it.
std::string shuffled_id(const std::string& method);

/// The prompts that nearly every protocol has beside its vectors.
Candidate zero_shot();
Candidate few_shot(int n_shot);

/// Candidates as the closing record has them.
SettingRecord setting_record(const Candidate& candidate);
std::vector<SettingRecord> setting_records(const std::vector<Candidate>& candidates);

/// " heads=8 layer=6" and "heads 8, layer 6".
std::string setting_text(const Setting& setting);
std::string setting_label(const Setting& setting);

}  // namespace tiller::study

// One task of a study on one model with one seed: what all its steps need.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "study/journal.h"
#include "study/policy.h"
#include "tiller/study.h"
#include "tiller/text_states.h"

namespace tiller::study {

class SecondJudge;  // second_judge.h

/// A seed for one of many things of a kind ("draw", "item"), from that of them all.
std::uint64_t seed_of(std::uint64_t seed, std::string_view kind, int number);
/// The seed of a draw above 0; draw 0 uses `seed` itself.
std::uint64_t seed_of_draw(std::uint64_t seed, int draw);

/// Items are named by their indices in Task::items. What is passed by reference must outlive the context.
struct TaskContext {
    const Plan& plan;
    const StudyHost& host;
    Engine& engine;
    Journal& journal;
    std::filesystem::path folder;  ///< The run folder.
    std::string model_name;        ///< As the plan names it.
    std::uint64_t seed = 0;
    Task task;
    int draw = -1;  ///< The current draw of training items and prompts, from 0 (draws.h); -1 = none.
    Split split;    ///< The split of the current draw, or of the task.
    Policy policy = {};
    std::vector<int> test = {}, valid = {};                ///< The items of the split that are used.
    std::optional<StyleScorer> scorer = {};                ///< Set by train_scorer(); behavioural tasks only.
    std::shared_ptr<const SecondJudge> second_judge = {};  ///< Set by second_judge_of().
    std::optional<double> nll_limit = {};                  ///< Set by find_perplexity_limit().
    /// Records of texts that were generated while settings were chosen, on items of this draw. evaluate()
    /// uses them again for test items, under candidates that name them (Candidate::tried_as).
    std::vector<ItemRecord> tried = {};
    TextStates states = TextStates();             ///< MethodInput::states; draws share most of their texts.
    std::vector<std::string> unrelated = {};      ///< MethodInput::unrelated.
    std::vector<ConceptForm> concepts = {};       ///< MethodInput::concepts of the methods that want them.
    std::optional<Instruction> instruction = {};  ///< For baselines with an instruction; none = no baselines.
    std::string label = {};                       ///< "present-past (1/8)", for progress.
    std::string key = {};                         ///< Digest of all that every unit of this task depends on.
    Template form = {};                           ///< Of every prompt, unless a candidate has its own.
    std::string primary = {};                     ///< The metric that settings are chosen and judged by.

    /// The seed for what is drawn from the current split, like the prompts and pairs of extractions.
    std::uint64_t draw_seed() const { return draw <= 0 ? seed : seed_of_draw(seed, draw); }
    bool behavioural() const { return task.family == Family::behavioural; }
    FamilyPlan counts() const { return plan.of(task.family); }
    std::size_t max_rows() const { return static_cast<std::size_t>(engine.options().max_rows); }
    const Item& item(int index) const { return task.items[static_cast<std::size_t>(index)]; }
    /// The item's zero-shot prompt.
    Prompt plain_prompt(int index) const {
        return make_test_prompt(task, split.train, index, 0, seed, false, form);
    }
    std::vector<Token> tokens(const Prompt& prompt) const {
        return engine.model().tokenize_prompt(prompt.text);
    }
    void step(const std::string& what, std::size_t done, std::size_t all) const {
        if (host.observer.step) host.observer.step(label, what, done, all);
    }
};

/// The metric that settings are chosen and judged by, unless the protocol names another
/// (Protocol::primary()).
inline std::string primary_metric(bool behavioural) { return behavioural ? "whole_style" : "first_token"; }

}  // namespace tiller::study

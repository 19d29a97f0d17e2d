// One task of a study on one model with one seed: what all its steps need.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "study/journal.h"
#include "study/policy.h"
#include "tiller/study.h"

namespace tiller::study {

class SecondJudge;  // second_judge.h

/// Seeds of the draws behind the first, which has the seed itself.
std::uint64_t seed_of_draw(std::uint64_t seed, int draw);

/// References outlive the run of the task.
struct TaskContext {
    const Plan& plan;
    const StudyHost& host;
    Engine& engine;
    Journal& journal;
    std::filesystem::path folder;
    std::string model_name;  ///< As the plan names it.
    std::uint64_t seed = 0;
    Task task;
    int draw = -1;  ///< Of training items and prompts, from 0; -1 under one split.
    Split split;
    Policy policy = {};
    std::vector<int> test = {}, valid = {};                ///< As used.
    std::optional<StyleScorer> scorer = {};                ///< Behavioural tasks.
    std::shared_ptr<const SecondJudge> second_judge = {};  ///< second_judge_of(), once it is calibrated.
    std::optional<double> nll_limit = {};  ///< perplexity_limit() of the split, once it is known.
    /// Records of texts that choosing settings of this draw wrote. Test items among theirs take them over
    /// where a candidate says so (Candidate::tried_as), and are not run again.
    std::vector<ItemRecord> tried = {};
    std::vector<std::string> unrelated = {};
    std::vector<ConceptForm> concepts = {};       ///< What methods that want them get (methods/concepts.h).
    std::optional<Instruction> instruction = {};  ///< Where baselines with one are wanted and known.
    std::string label = {};                       ///< "present-past (1/8)" for progress.
    std::string key = {};                         ///< Digest of all that every unit of this task depends on.
    Template form = {};                           ///< Of every prompt, but where a candidate has its own.
    std::string primary = {};                     ///< The metric that settings are chosen and judged by.

    /// What is drawn for the present split is drawn with it.
    std::uint64_t draw_seed() const { return draw <= 0 ? seed : seed_of_draw(seed, draw); }
    bool behavioural() const { return task.family == Family::behavioural; }
    FamilyPlan counts() const { return plan.of(task.family); }
    std::size_t max_rows() const { return static_cast<std::size_t>(engine.options().max_rows); }
    const Item& item(int index) const { return task.items[static_cast<std::size_t>(index)]; }
    /// The prompt that a test of the item has without a vector and demonstrations.
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

/// The metric that settings of a family are chosen and judged by, but for protocols that say otherwise.
inline std::string primary_metric(bool behavioural) { return behavioural ? "whole_style" : "first_token"; }

}  // namespace tiller::study

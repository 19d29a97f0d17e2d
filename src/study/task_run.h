// One task of a study on one model with one seed: extraction, tuning, test.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "study/by_setting.h"
#include "study/journal.h"
#include "tiller/scoring.h"
#include "tiller/study.h"

namespace tiller::study {

/// What is compared: a baseline or a vector at a setting.
struct Candidate {
    std::string id, label, method, kind;
    Setting setting;
    std::vector<Edit> edits;
    int n_shot = 0;                ///< Demonstrations in front of the query.
    Template form = {};            ///< Of demonstrations and query.
    bool permuted_labels = false;  ///< Of the demonstrations.
    std::string natural_text =
        {};  ///< A natural-text template in place of demonstrations and question; empty = none.
    std::string clean = {};  ///< Id of the unsteered candidate with the same prompts; empty = none.
    std::string same_as =
        {};  ///< Id of the candidate that this one equals, whose records count; empty = none.
    /// Makes an item's prompt in a way that the fields above cannot say; empty = they do.
    std::function<Prompt(int item)> prompt = {};
    /// Records get "kl" and "entropy" (study/dose.h), against the candidate "zero-shot" of the same call.
    bool want_dose = false;
};

/// The metric that settings of a family are chosen and judged by.
inline std::string primary_metric(bool behavioural) { return behavioural ? "style" : "first_token"; }

/// Everything a task's steps need. References outlive the run of the task.
struct TaskContext {
    const Plan& plan;
    const StudyHost& host;
    Engine& engine;
    Journal& journal;
    std::filesystem::path folder;
    std::string model_name;  ///< As the plan names it.
    std::uint64_t seed = 0;
    Task task;
    Split split;
    std::vector<int> test = {}, valid = {};  ///< As used.
    std::optional<StyleScorer> scorer = {};  ///< Behavioural tasks.
    std::vector<std::string> unrelated;
    std::vector<ConceptForm> concepts = {};  ///< What methods that want them get (study/concepts.h).
    std::optional<Instruction> instruction;  ///< Of the task, where baselines with one are wanted and known.
    std::string label = {};                  ///< "present-past (1/8)" for progress.
    std::string key = {};                    ///< Digest of all that every unit of this task depends on.
    std::string primary = {};                ///< The metric that settings are chosen and judged by.

    bool behavioural() const { return task.family == Family::behavioural; }
    const ExtractionPlan& extraction() const { return behavioural() ? plan.behavioural : plan.functional; }
    void step(const std::string& what, std::size_t done, std::size_t all) const {
        if (host.observer.step) host.observer.step(label, what, done, all);
    }
};

struct TaskForm;  // forms.h

/// Runs candidates on items (indices into task.items) and returns one record per item and candidate, in that
/// order. With `generate`, texts are generated and scored; without, only the next token is (functional
/// tasks). `phase` is kept in the records ("valid", "test"); `what` is shown as progress.
std::vector<nlohmann::json> evaluate(TaskContext& context, std::span<const int> items,
                                     std::span<const Candidate> candidates, const std::string& phase,
                                     const std::string& what, bool generate);

/// The method's extracted vector: from the run folder when it is there and fits, else extracted and saved.
/// With `form`, the task is extracted in that form.
SteeringVector extracted_vector(TaskContext& context, const Method& method, const TaskForm* form = nullptr);

/// The same for several numbers of pairs, extracted together: by number.
std::map<int, SteeringVector> extracted_vectors(TaskContext& context, const Method& method,
                                                std::span<const int> n_pairs);

/// Where that vector lies, relative to the run folder; n_pairs of the plan unless it is given.
std::filesystem::path vector_file(const TaskContext& context, const Method& method,
                                  std::optional<int> n_pairs = {}, const TaskForm* form = nullptr);

/// Removes what the extractions of the task's methods left to share: to be called when all are done.
void remove_checkpoints(const TaskContext& context);

/// Index of the setting to use, by the choice rule, from validation records of every setting in `grid`.
std::size_t choose(const std::vector<Candidate>& grid, const std::vector<nlohmann::json>& records,
                   bool behavioural, double collapse_limit);
/// The choice rule in one sentence each, for reports.
std::vector<std::string> choice_rules(const Plan& plan);

/// The name of a unit of work; `key` is a digest of all that its numbers depend on.
std::string unit_name(const std::string& model, const std::string& task, std::uint64_t seed,
                      const std::string& what, const std::string& key);
/// The unit of a task's closing record.
inline constexpr const char* closing_unit = "task";

/// A unit of work: from the journal when it is there, else computed, written and charged to the ledger. Its
/// name is added to `units`.
const std::vector<nlohmann::json>& unit(TaskContext& context, const std::string& name,
                                        const std::string& method, const std::string& phase,
                                        std::vector<std::string>& units,
                                        const std::function<std::vector<nlohmann::json>()>& compute);
/// The same for a unit that several methods share: charged in equal parts to `methods`, one for each setting.
const std::vector<nlohmann::json>& unit(TaskContext& context, const std::string& name,
                                        const std::vector<std::string>& methods, const std::string& phase,
                                        std::vector<std::string>& units,
                                        const std::function<std::vector<nlohmann::json>()>& compute);
/// How many times n_each rows (at least 1) a unit should have: up to four times the n_row rows that the
/// engine runs at once, because texts behind one prompt that are scored together share tokens, and at least
/// half of that, so that few rows stay empty. A killed run repeats at most one unit.
std::size_t whole_part(std::size_t n_each, std::size_t n_row);
/// Test items in parts, each a unit under all candidates; the names of the units, which begin with `name`.
std::vector<std::string> run_test_items(TaskContext& context, std::span<const Candidate> candidates,
                                        const std::string& name = "test", bool generate = true);
/// A candidate as the closing record has it.
nlohmann::json setting_record(const Candidate& candidate);
/// Writes the closing record ({"type": "task", ...}): `parts` has what a protocol adds or fills in
/// ("settings", "tables", "test_units", ...; docs/formats.md).
void close_task(TaskContext& context, const nlohmann::json& parts);
/// Was the task finished before, and are its vectors still there?
bool is_finished(const TaskContext& context);
/// The first 20 heads of a table of effects, as the closing record has them; empty for an empty table.
nlohmann::json top_heads(const nlohmann::json& aie);

/// Protocol::run() of the protocol of that name.
void run_task(TaskContext& context);
void run_paper_task(TaskContext& context);
void run_transfer_task(TaskContext& context);
void run_dose_task(TaskContext& context);

/// The names of the scores of a family, in the order of tables.
std::vector<std::string> metric_names(bool behavioural);

/// Summary of one finished task, without the verdict, which depends on the run's other tasks. `closing` is
/// the record of its closing unit.
TaskSummary summarise_task(const Plan& plan, const Units& units, const nlohmann::json& closing);
TaskSummary summarise_task(const Plan& plan, const TaskRecords& records);

/// Summaries of the finished tasks among those that the environment names. Throws bad_input.
Summary summarise(const Plan& plan, const Units& units, const nlohmann::json& environment);

}  // namespace tiller::study

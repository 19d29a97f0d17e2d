// A study: a plan (models x tasks x methods x settings) carried out into a run folder, and its summary.
//
// Run folder (docs/formats.md): plan.toml, environment.json, records.jsonl (append-only, one record per item
// and setting), vectors/, winners/, cost.jsonl, summary.json and the reports. Everything but records and
// vectors can be rebuilt.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tiller/engine.h"
#include "tiller/method.h"
#include "tiller/statistics.h"
#include "tiller/summary.h"

namespace tiller {

/// How many prompts an extraction uses, by task family.
struct ExtractionPlan {
    int n_mean = 100;   ///< Few-shot prompts for mean head outputs.
    int n_patch = 25;   ///< Shuffled-label prompts for the causal effects.
    int n_shot = 10;    ///< Demonstrations in each of them.
    int n_pairs = 100;  ///< Pairs for in-context vectors.
};

/// The protocol of arXiv 2411.07213 (docs/protocol.md): which conditions are run. Field names are the keys of
/// the table [paper]. Every list but `defects` and `layers` has at least one value, none twice.
struct PaperPlan {
    std::vector<int> shots = {0, 3};  ///< Demonstrations with permuted labels; behavioural tasks use only 0.
    std::vector<int> n_pairs = {5, 50, 100, 150};             ///< Pairs of an in-context vector.
    std::vector<double> alphas = {-1.0, 0.7, 1.0, 1.3, 1.5};  ///< Its strengths.
    int n_template = 1;                                       ///< Natural-text templates; 0 = none.
    /// Edit layers of the ablation: first, last, all, middle, middle2, middle4; empty = no ablation.
    std::vector<std::string> layers = {"first", "last", "all", "middle", "middle2", "middle4"};
    std::vector<int> layer_pairs = {5, 50, 100, 150};    ///< n_pairs of the ablation.
    std::vector<double> layer_alphas = {0.7, 1.0, 1.5};  ///< alphas of the ablation.
    bool always_bos = true;                              ///< ModelOptions::always_bos.
    std::vector<std::string> defects;  ///< Names of known defects of the paper's code to repeat: see
                                       ///< docs/protocol.md.
};

/// A search with the same number of settings for every method, in place of the methods' own grids. Field
/// names are the keys of the table [tuning].
struct TuningPlan {
    /// Folds: parts of the items. Each fold is tested with vectors extracted from the items of the other
    /// folds, at the settings that did best on average over the other folds. So every item is tested, and
    /// none helps to choose its own setting. 1 = one split: 70 % to train, 9 % to choose, 21 % to test.
    int n_fold = 1;
    /// The score by which settings of functional and extractive tasks are chosen and judged: "first_token",
    /// or a score of generated answers like "exact".
    std::string choose_by = "first_token";
    int n_setting = 0;  ///< For functional and extractive tasks; 0 = the methods' own grids.
    /// For behavioural tasks, where each setting generates texts; 0 likewise.
    int n_setting_behavioural = 0;
    /// Try all settings on the test items as well: what the best of them would have reached there.
    bool oracle = false;
    /// One split with other shares: training, validation and test in percent, like 60, 10, 30; n_fold is 1
    /// then. Empty: those of n_fold = 1, or folds.
    std::vector<int> split = {};
};

/// The protocol "transfer" (docs/comparisons.md). Field names are the keys of the table [transfer]. No list
/// names a value twice.
struct TransferPlan {
    /// Forms in which vectors are extracted and applied; at least one. Composition and shots use the first.
    std::vector<std::string> forms = {"qa", "arrow", "input-output", "german", "choice"};
    std::vector<std::string> places = {"choice-word", "natural"};  ///< Forms in which they are only applied.
    std::vector<int> shots = {1, 3, 10};   ///< Demonstrations beside a vector; 0 is always run, too.
    std::vector<double> factors = {-1.0};  ///< Multiples of the chosen strength.
};

/// The protocol "dose": methods compared at equal dose, the divergence of the steered from the unsteered
/// next-token distribution (docs/comparisons.md). Field names are the keys of the table [dose].
struct DosePlan {
    /// Doses to bring every method to: mean KL(steered || unsteered) over validation items, in nats; by
    /// rising value, at least one.
    std::vector<double> targets = {0.25, 0.5, 1, 2, 4, 8};
    /// Where a method steers (layer, heads). "chosen": as the tuned protocol chooses on validation items; the
    /// strength of the chosen setting is dropped. "paper": the method's own setting.
    std::string place = "chosen";
    int n_bisection = 12;     ///< Bisections of a bracket at most, for each target.
    double tolerance = 0.05;  ///< A target counts as reached within this share of it.
    double max_factor = 256;  ///< The strongest strength tried, in multiples of the setting's own.
    /// Tasks with one right answer by which damage is measured: of these the first that is not the task
    /// itself.
    std::vector<std::string> unrelated = {"capitalize", "present-past"};
    int n_unrelated = 40;      ///< Test items of the unrelated task at most.
    int n_shot_unrelated = 5;  ///< Demonstrations in each prompt of the unrelated task.
    /// Largest loss of first-token accuracy on the unrelated task with which a setting is still compared.
    double damage_limit = 0.1;
};

/// The protocol "crossed" (docs/comparisons.md): the levels of its four factors and the doses that each cell
/// tries. Field names are the keys of the table [crossed]. Every list but `layers` and `heads` has at least
/// one value, none twice.
struct CrossedPlan {
    /// Whose direction: fv, icv, mean-diff, random.
    std::vector<std::string> sources = {"fv", "icv"};
    /// Where: residual-one, residual-all, mlp-one, mlp-all, attention-heads.
    std::vector<std::string> places = {"residual-one", "residual-all", "mlp-all"};
    /// At which tokens: last_prompt, steered, prompt, all.
    std::vector<std::string> positions = {"steered", "prompt", "all"};
    /// add, replace, turn.
    std::vector<std::string> operations = {"add", "turn"};
    /// Length of what is added over the length of the activation, summed over the edited layers; above 0.
    std::vector<double> doses = {0.125, 0.25, 0.5, 1, 2, 4};
    std::vector<int> layers;  ///< Layers that places of one layer choose from; empty = those of `tuned`.
    std::vector<int> heads;   ///< Numbers of heads that the function vector chooses from; empty likewise.
};

/// What differs between task families.
struct FamilyPlan {
    const ExtractionPlan& extraction;
    int n_shot = 0;  ///< Demonstrations of the prompting baseline.
    int max_new_tokens = 0;
    int n_setting = 0;  ///< Budget of the search for settings; 0 = the methods' own grids.
};

/// What to compare. Field names are the keys of the TOML file (tables [functional], [behavioural],
/// [sampling]).
struct Plan {
    /// What is run on each task, one of protocol_list(). "tuned": settings are chosen on other items than
    /// those they are tested on, and compared with controls. "paper": the conditions of PaperPlan, as arXiv
    /// 2411.07213 has them; n_valid is not used, controls must be false.
    std::string protocol = "tuned";
    std::string title = "Function vectors and in-context vectors compared";
    std::vector<std::string> models = {"gemma3-270m"};  ///< Known names or GGUF paths.
    std::vector<std::string> tasks = {"present-past",   "capitalize", "country-capital",    "singular-plural",
                                      "english-french", "antonym",    "sentiment_transfer", "detoxification"};
    std::vector<std::string> methods = {"fv", "icv"};
    /// Vector files that compete with the methods. Each is named by its file's stem, and that name's place in
    /// `methods` is the vector's place in the tables (add_vector()). Only with protocol "tuned".
    std::vector<std::string> vectors = {};
    std::vector<std::uint64_t> seeds = {0};
    std::string data_dir;  ///< Folder of task files; empty = tiller's own.
    std::string family;    ///< family_name() of the tasks given as files; empty = as load_task() has it.
    /// Prompts are conversations in the model's own format (chat_form()): demonstrations as turns, the query
    /// as the user's message, the assistant's answer scored; vectors are extracted in the same form. Only
    /// with protocol "tuned".
    bool chat = false;
    std::string chat_template;  ///< File of a Jinja template in place of the models' own; needs `chat`.
    int n_test = 40;            ///< Test items at most, over all folds (the task may hold fewer).
    /// Validation items at most. With folds, some of the tested items are used: a fold's settings are chosen
    /// on those of the other folds.
    int n_valid = 20;
    int n_shot = 10;             ///< Demonstrations of the prompting baseline for functional tasks.
    int n_shot_behavioural = 4;  ///< The same for behavioural tasks, whose items are sentences.
    bool controls = true;        ///< Also run a random direction at each chosen setting (docs/scores.md).
    /// Also run prompts with an instruction, and with a one-word cue, as baselines.
    bool instructions = true;
    TuningPlan tuning;  ///< Only with protocol "tuned".
    ExtractionPlan functional = {100, 25, 10, 100};
    ExtractionPlan behavioural = {40, 15, 4, 100};
    int max_new_tokens = 6;  ///< Functional and extractive tasks (stops at a line break).
    int max_new_tokens_behavioural = 20;
    float temperature = 0;  ///< 0 = greedy.
    float top_p = 1;
    int top_k = 0;
    /// Largest share of collapsed outputs with which a setting is still compared (protocols dose and paper).
    double collapse_limit = 0.05;
    int n_bootstrap = 2000;  ///< Resamples of the items for intervals.
    int n_example = 8;       ///< Test items shown in the report.
    PaperPlan paper;         ///< Only with protocol "paper".
    TransferPlan transfer;   ///< Only with protocol "transfer".
    DosePlan dose;           ///< Only with protocol "dose".
    CrossedPlan crossed;     ///< Only with protocol "crossed".

    /// The counts that hold for tasks of a family.
    FamilyPlan of(Family of_task) const {
        if (of_task == Family::behavioural)
            return {behavioural, n_shot_behavioural, max_new_tokens_behavioural,
                    tuning.n_setting_behavioural};
        return {functional, n_shot, max_new_tokens, tuning.n_setting};
    }
};

/// The plan of `tiller compare --protocol paper`: the paper's counts and sampling, all test items, the
/// default model and tasks.
Plan paper_plan();

/// Protocols by name, each with one line for help; the first is the default one.
std::vector<std::pair<std::string, std::string>> protocol_list();
/// The plan of `tiller compare --protocol NAME`. Throws usage for an unknown name.
Plan default_plan(const std::string& protocol);

/// Reads a plan; missing keys keep the values of default_plan() for the file's protocol. Unknown keys, wrong
/// types and impossible values are bad_input, naming line and key.
Plan load_plan(const std::filesystem::path& path);
/// The plan as TOML, every field, stable order: what plan.toml of a run folder holds.
std::string plan_toml(const Plan& plan);
/// Adds a vector file to Plan::vectors, and its name to the end of Plan::methods unless it is there.
void add_vector(Plan& plan, const std::string& file);
/// Throws bad_input when a value is impossible, usage when a method is unknown.
void check_plan(const Plan& plan);

/// Where a study reports to. All calls come from the thread that runs the study.
struct StudyObserver {
    /// A step of a task began or went on. Gets the task ("present-past (1/8)"), the step ("fv: head search"),
    /// how much of it is done, and of how much.
    std::function<void(const std::string& task, const std::string& step, std::size_t done, std::size_t all)>
        step;
    /// A task is finished. Its verdict is empty: that depends on the other tasks of the run.
    std::function<void(const TaskSummary&)> task;
    /// A remark (what was resumed, what was skipped and why).
    std::function<void(const std::string&)> note;
};

/// What the caller provides.
struct StudyHost {
    std::function<std::filesystem::path(const std::string&)> resolve_model;  ///< Name or path -> GGUF file.
    EngineOptions engine;
    int n_gpu_layers = 0;
    Weights weights = Weights::file;  ///< ModelOptions::weights of all models.
    /// While true, the work stops with Code::interrupted. Not owned; may be null.
    const std::atomic<bool>* cancel = nullptr;
    bool check = true;    ///< Put each model through the fast part of diagnose() before its first new task.
    std::string command;  ///< For provenance.
    StudyObserver observer;
    std::filesystem::path cache_dir = {};  ///< ModelOptions::cache_dir of all models.
    bool trim_memory = false;              ///< ModelOptions::trim_memory of all models.
    RpcOptions rpc = {};                   ///< ModelOptions::rpc of all models.
};

/// Carries out a plan in `folder` (made when missing) and returns the summary. Finished units are not
/// repeated: the same call after an interruption goes on and ends with the same summary. Throws bad_input
/// when the folder holds a run of another plan, unsupported when a model fails its check (tiller/doctor.h),
/// environment when the folder cannot be written or another process works in it.
Summary run_study(const Plan& plan, const std::filesystem::path& folder, const StudyHost& host);

/// A vector at the setting that was chosen for it on validation items.
struct TunedVector {
    SteeringVector vector;  ///< Ready to use; its settings ("tuned.*") say how it was chosen.
    Setting setting;
    int n_setting = 0, n_valid = 0;  ///< Settings that were tried; validation items of each.
    std::string primary;             ///< The metric that it was chosen by.
    Interval score;                  ///< Mean of `primary` over the validation items.
    double collapsed = -1;           ///< Share of collapsed outputs; -1 = the task has no such score.
};

/// What run_study() does with the plan's first model, task, seed and method up to the choice of the setting:
/// the same vector, at the same setting. Works in `folder` and goes on there after an interruption; the
/// caller removes the folder. Errors as run_study(); usage when the plan has no method.
TunedVector tune_vector(const Plan& plan, const std::filesystem::path& folder, const StudyHost& host);

/// Rebuilds the summary of a run folder from its records. Throws missing, bad_input.
Summary summarise_run(const std::filesystem::path& folder);
/// The cost ledger of a run folder (cost.jsonl).
std::vector<Cost> read_costs(const std::filesystem::path& folder);

}  // namespace tiller

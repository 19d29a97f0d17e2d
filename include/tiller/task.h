// Task files, splits and prompts. Knows no model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tiller/random.h"
#include "tiller/token.h"

namespace tiller {

/// One item of a task. The papers' files may give several strings for a side; the first is used in prompts,
/// every output counts as a right answer.
struct Item {
    int id = 0;  ///< Index in the file.
    std::string input;
    std::string output;                ///< The first of `outputs`.
    std::vector<std::string> outputs;  ///< At least one.
};

enum class Family {
    functional,   ///< One right answer (abstractive tasks).
    extractive,   ///< The answer is a part of the input.
    behavioural,  ///< Output is the input in another style.
};
const char* family_name(Family family) noexcept;

/// A task: a name and its items.
struct Task {
    std::string name;  ///< File name without ".json".
    Family family = Family::functional;
    std::vector<Item> items;
    std::string digest;  ///< SHA-256 of the file's bytes.
    std::filesystem::path path;
    /// What the file says of control tokens' names in its texts ("special": true = parse, false = text).
    ControlNames control_names = ControlNames::refuse;
    /// Where `family` comes from: "its file", "its folder", "its name" or "the caller"; empty where nothing
    /// says it and functional was assumed.
    std::string family_from = {};
};

/// Does the name end as a task file's does (.json, .jsonl, .csv, .tsv)?
bool is_task_file(std::string_view name) noexcept;

/// Sets the task's family by its family_name(). Throws usage for another name.
void set_family(Task& task, std::string_view family);

/// The one Task::control_names of all tasks, for a model that reads them all (ModelOptions::control_names).
/// Throws bad_input, naming two tasks, when they differ.
ControlNames control_names_of(std::span<const Task> tasks);

/// Reads a task file of at most 64 MiB. JSON: a list of {"input", "output"}, each a string or a list of
/// strings; or {"special": true or false, "family": a family_name(), "items": such a list}
/// (Task::control_names). A .jsonl file has one item in each line, a .csv or .tsv file the columns "input"
/// and "output". White space at both ends of a text is trimmed. Items may repeat.
/// The family is the one in the file, else the folder's name if that is a family_name(), else it comes from
/// the task's name: names with detoxification, sentiment_transfer, formality or shakespeare are behavioural;
/// names with "_of_3", "_of_5", "alphabetically_", "_v_" or "choose_" are extractive; all others are
/// functional.
/// Throws missing, bad_input (malformed, empty, duplicate or unknown keys, blank strings; item and byte
/// offset named).
Task load_task(const std::filesystem::path& path);

/// Finds a task by name in `data_dir` (the first of list_tasks()) or takes `name` as a path when it
/// is_task_file(). Throws usage with near names.
Task find_task(const std::string& name, const std::filesystem::path& data_dir);

/// All tasks below data_dir, sorted by family and name: the JSON files in tasks/ and its folders functional,
/// extractive and behavioural; where there is no tasks/, in data_dir and its folders of these names.
/// Throws missing, environment (unreadable).
std::vector<std::filesystem::path> list_tasks(const std::filesystem::path& data_dir);

/// The parts of a task: indices into Task::items, disjoint.
struct Split {
    std::vector<int> train, test, valid;
};
/// Splits the items, of which only the first of each input is used: 70 % train; of the other 30 %, 70 % test
/// (21 %) and 30 % validation (9 %), as in the papers' code (but not with sklearn's random numbers). The
/// order is the shuffled one. Throws bad_input when a part would be empty (fewer than 4 items).
Split split_task(const Task& task, std::uint64_t seed);

/// For cross-fitting: n_fold splits. The items (the first of each input) are divided into n_fold parts of
/// equal size, give or take one. Split k trains on all other parts and tests and chooses on part k (`test`
/// and `valid` are the same list). The parts are cut from the shuffled order of split_task(), from its first
/// test item on: with 5 parts or more, the items that the first split tests are tested by split_task() as
/// well. Throws usage when n_fold is below 2, bad_input when there are fewer items than parts.
std::vector<Split> fold_task(const Task& task, std::uint64_t seed, int n_fold);

/// The split that the code of arXiv 2411.07213 makes of the same file with the same seed, item for item:
/// sklearn's train_test_split with test_size 0.3, then once more on the 30 % (70 % test, 30 % validation),
/// both with random_state = seed. Sizes are rounded up: train n - ceil(0.3 n). Throws bad_input when the task
/// has fewer than 4 items or the seed is above 2^32 - 1.
Split paper_split(const Task& task, std::uint64_t seed);

/// How a prompt is put together. The papers' form: "Q: {in}\nA: {out}\n\n" ... "Q: {query}\nA:". The blank
/// before an input or output belongs to it, not to the prefix; an input without a prefix has none.
/// chat_form() (tiller/chat_form.h) makes a form that writes conversations.
struct Template {
    std::string input_prefix = "Q:";
    std::string output_prefix = "A:";
    std::string separator = "\n";  ///< Between input and output.
    std::string end = "\n\n";      ///< After a demonstration.
    std::string instructions;      ///< At the beginning of the prompt.
    std::string blank = " ";       ///< Between a prefix and the input or output that follows it.
    std::string opening = {};      ///< Before the first input, after its prefix and blank.
    bool is_chat = false;          ///< A conversation; make_pairs() then writes pairs as conversations too.
};

/// The form with an instruction and a blank line: at the beginning of the prompt, in a conversation at the
/// beginning of its first message.
Template with_instruction(Template form, const std::string& instruction);

/// A prompt and what is the right continuation.
struct Prompt {
    std::string text;    ///< Ends with the output prefix ("A:").
    std::string target;  ///< Template::blank + output: what should follow.
    /// The same for every right answer, also those of other items with this input.
    std::vector<std::string> targets;
    int item = -1;  ///< Item::id of the query.
};

/// A few-shot prompt: `demos` (indices into task.items), then the query. With `shuffle_labels`, the outputs
/// of the demonstrations are permuted among them with `random` (a permutation that moves at least one label
/// when the outputs differ). Throws usage (no such item, shuffle_labels without `random`).
Prompt make_prompt(const Task& task, std::span<const int> demos, int query, const Template& form = {},
                   bool shuffle_labels = false, Random* random = nullptr);

/// The prompt by which an item is tested: zero-shot, or with n_shot demonstrations of `pool` (all of it when
/// it is smaller). The demonstrations depend on the seed, the item and the pool only, so every setting, form
/// and rerun has the same ones. With `shuffle_labels` the same demonstrations have permuted labels. `item`
/// and `pool` are indices into task.items.
Prompt make_test_prompt(const Task& task, std::span<const int> pool, int item, int n_shot, std::uint64_t seed,
                        bool shuffle_labels = false, const Template& form = {});

/// Templates of running text for a task of the comparison paper's natural-text evaluation (arXiv 2411.07213),
/// in our own wording: three for country-capital, five for tasks about words. "{X}" is the input's place.
const std::vector<std::string>& natural_templates(std::string_view task_name);

/// Such a template with the item's input in its place; the right answers are continuations of it. Throws
/// usage when the template has no "{X}".
Prompt make_natural_prompt(const Task& task, int item, std::string_view form);

/// n prompts of n_shot demonstrations each. Demonstrations and query of one prompt are different items of
/// `pool` (indices into task.items). Queries run through the shuffled pool, again and again when it is
/// smaller than n. The first prompts do not depend on n, nor the queries on n_shot, and shuffle_labels
/// changes only the labels. With `queries`, the queries are drawn from that list and only the demonstrations
/// from the pool; the two must share no item. Throws bad_input when the pool has fewer than n_shot + 1 items
/// (n_shot with `queries`).
std::vector<Prompt> make_prompts(const Task& task, std::span<const int> pool, int n, int n_shot,
                                 std::uint64_t seed, bool shuffle_labels, const Template& form = {},
                                 std::span<const int> queries = {});

/// A negative and a positive text, for in-context vectors.
struct Pair {
    std::string negative;
    std::string positive;
};

/// What the code of arXiv 2411.07213 does differently when it makes pairs; off by default.
struct PairOptions {
    bool repeats = false;   ///< Draw each pair from the whole pool: always n of them, some of them twice.
    bool keep_end = false;  ///< Texts in question form end with Template::end, as demonstrations do.
    bool bare_unrelated = false;  ///< No blank between "A:" and the unrelated sentence.
};

/// ICV pairs of a task, n drawn from `pool` (fewer when the pool is smaller). Behavioural tasks: negative =
/// input, positive = output; in a conversation both are answers to the input. Others: "Q: in\nA: out", in the
/// negative with an unrelated truncated sentence in place of out. The first pairs do not depend on n, so
/// smaller sets are parts of larger ones. With `strip`, blanks and full stops are stripped from both ends (as
/// the paper's code does). Throws usage when n is negative, or `unrelated` is empty and the task not
/// behavioural.
std::vector<Pair> make_pairs(const Task& task, std::span<const int> pool, int n,
                             std::span<const std::string> unrelated, std::uint64_t seed, bool strip = true,
                             const Template& form = {}, const PairOptions& options = {});

/// The list of unrelated truncated sentences: a JSON list of strings, trimmed; blank ones are skipped (the
/// papers' list has one). Throws missing, bad_input.
std::vector<std::string> load_sentences(const std::filesystem::path& path);

/// What a person would write before a question in place of demonstrations.
struct Instruction {
    std::string text;  ///< One sentence.
    std::string cue;   ///< One word.
};

/// Instructions by task name: a JSON object {"task": {"instruction": "...", "cue": "..."}}, trimmed. At most
/// 16 MiB. Throws missing, bad_input (malformed, unknown or missing keys, blank texts; the byte is named).
std::map<std::string, Instruction> load_instructions(const std::filesystem::path& path);

}  // namespace tiller

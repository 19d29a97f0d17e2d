// The result of a study as plain data: everything that reports show, and nothing that depends on when or how
// fast it was made (times are in Cost). Derived from the records; can be rebuilt at any time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tiller/statistics.h"
#include "tiller/task.h"

namespace tiller {

/// What kind of setting a row of a table is.
enum class Kind {
    baseline,     ///< A prompt without a vector.
    paper,        ///< The method's setting of its paper.
    chosen,       ///< The setting chosen on validation items.
    control,      ///< A random direction in place of a vector.
    grid,         ///< A validation point.
    condition,    ///< A fixed condition (the protocols "paper" and "crossed").
    dose,         ///< At an equal dose.
    transfer,     ///< In another form than the vector's own.
    composition,  ///< With another vector, or in another strength.
    shots,        ///< With demonstrations in the prompt.
};
/// The enumerator's own name.
const char* kind_name(Kind kind) noexcept;

/// One row of a task's table: a setting and its scores.
struct SettingSummary {
    std::string id;  ///< Unique in its list: "zero-shot", "10-shot", "fv-paper", "fv-chosen", "icv-chosen",
                     ///< "random", or for validation points "fv heads=8 layer=6 scale=2".
    std::string label;   ///< For people: "FV, chosen (8 heads, layer 6, scale 2)".
    std::string method;  ///< "none", "prompt", "fv", "icv", "random", ...
    Kind kind = Kind::condition;
    std::string layers;  ///< In the table of edit layers, their code ("middle2"), written to files in place
                         ///< of the kind; else empty.
    std::map<std::string, double> setting = {};  ///< Empty for baselines.
    int n = 0;                                   ///< Items.
    /// Scores by name. Functional: first_token, first_word, exact, f1, contains, logprob, rank (all over
    /// items); under the paper's protocol first_token, first_word, f1, present, ngram_entropy, distinct_1,
    /// distinct_2, logprob, rank. Behavioural: style, rouge_l (against the item's output; not in runs that a
    /// version without it made), perplexity (of the output under the unsteered model), ngram_entropy,
    /// distinct_1, distinct_2, collapsed. All are means; collapsed, first_token ... are shares in [0, 1].
    std::map<std::string, Interval> metrics = {};
    /// Paired difference of the table's primary metric to "zero-shot" and to "random" (the method's own
    /// control), where those exist; under the paper's protocol to "unsteered", the unsteered run of the same
    /// prompts.
    std::map<std::string, Interval> difference = {};
    /// Items whose primary metric is higher and lower than zero-shot (the paper's protocol: than unsteered):
    /// what the setting mends and what it spoils.
    int n_better = 0, n_worse = 0;
    /// Means of the primary metric by draw of training items and prompts; empty under one split.
    std::vector<double> by_draw = {};
    /// p value of "this chosen setting is not above zero-shot and each of its controls": the largest p of
    /// these comparisons, adjusted by Holm's method over the task's methods. Empty where that was not tested.
    std::optional<double> p_works = {};

    /// nullptr when the setting has no such score.
    const Interval* metric(const std::string& score) const;
};

/// Two settings of a task, item by item.
struct PairSummary {
    std::string a, b;               ///< Ids in TaskSummary::test.
    Interval difference;            ///< Primary metric of a minus b.
    int n_better = 0, n_worse = 0;  ///< Items on which a scores higher, lower.
    double p = 1;                   ///< paired_p() of statistics.h.
    double p_holm = 1;  ///< Adjusted by Holm's method for all pairs of the same question on this task.
    /// Draws of training items and prompts, and those on which a scores higher and lower; 0 under one split.
    int n_draw = 0, n_draw_better = 0, n_draw_worse = 0;
};

/// A further table of a task on the test items (the paper's protocol): other strengths, prompts, edit layers.
struct TableSummary {
    std::string id;       ///< "strength", "natural", "layers".
    std::string title;    ///< For people.
    std::string primary;  ///< The metric that its settings are judged by.
    std::vector<SettingSummary> settings;
};

/// The kind as files and tables write it: its name, or the code of the layers.
std::string kind_text(const SettingSummary& setting);

/// A column of an analysis.
struct AnalysisColumn {
    std::string id;     ///< Unique in its table ("tokens"): charts, sentences and tables over tasks go by it.
    std::string label;  ///< For people ("tokens read").
};

/// One line of an analysis.
struct AnalysisRow {
    std::string id;                ///< Unique in its table, like a column's.
    std::string label;             ///< For people.
    std::vector<Interval> values;  ///< One per column; low and high are NaN where a number has no interval,
                                   ///< all three where there is no number.
    std::string remark = {};       ///< May be empty.
    /// What the row is about, where charts or other tables need to know: names like {"method", "fv"},
    /// {"form", "qa"}, and numbers like {"shots", 3}.
    std::map<std::string, std::string> about = {};
    std::map<std::string, double> setting = {};
};

/// A table of numbers that are no setting's scores: computed by a protocol from a task's records, or over
/// the tasks of a run.
struct AnalysisSummary {
    std::string id;     ///< "factors", "frontier", ...: says which chart is drawn of it.
    std::string title;  ///< For people.
    std::string note;   ///< How to read it: units, what the intervals are over.
    std::string head;   ///< Heading of the first column: what a row is.
    std::vector<AnalysisColumn> columns = {};  ///< All columns but the first.
    std::vector<AnalysisRow> rows = {};
    bool headline = false;  ///< One of the few that the program prints; reports have them all.

    /// nullptr when there is none of this id.
    const AnalysisRow* row(std::string_view row_id) const;
    /// The number in a row of this table; NaN throughout when there is no such column.
    Interval at(const AnalysisRow& row, std::string_view column_id) const;
    /// NaN throughout when there is no such row or column.
    Interval at(std::string_view row_id, std::string_view column_id) const;
};

/// One test item with every setting's output.
struct ExampleSummary {
    int item = 0;
    std::string input, target;
    std::map<std::string, std::string> outputs;  ///< Setting id -> text as generated.
};

/// A method's chosen setting as a vector file, ready to use: of the first seed of a study that chooses
/// settings.
struct WinnerSummary {
    std::string method;
    std::string setting;  ///< Id in TaskSummary::test.
    std::string file;     ///< Relative to the run folder.
    bool shown = true;    ///< Is it shown to work (SettingSummary::p_works at 5 %)?
    bool chat = false;    ///< Made of conversations, and for them (Plan::chat, Plan::chat_template).
    std::string chat_template = {};
};

struct HeadEffectSummary {
    int layer = 0, head = 0;
    double aie = 0;
};

struct TaskSummary {
    std::string model;  ///< Name of the model in Summary::models.
    std::string name;
    Family family = Family::functional;
    std::string primary;  ///< The metric that settings are chosen and judged by.
    std::uint64_t seed = 0;
    int n_train = 0, n_valid = 0, n_test = 0;  ///< Items of the splits; test and valid as used.
    double scorer_accuracy = -1;       ///< Behavioural: held-out accuracy of the style scorer; -1 = none.
    int scorer_count = 0;              ///< Sentences that this accuracy was measured on.
    std::vector<SettingSummary> test;  ///< In the order of the table.
    std::vector<PairSummary> pairs;    ///< All pairs of chosen settings, in the order of `test`.
    std::vector<TableSummary> tables;  ///< Further tables; only under the paper's protocol.
    std::vector<AnalysisSummary> analyses;     ///< What the protocol computed beyond scores; may be empty.
    std::vector<SettingSummary> grid;          ///< Validation points of the tuning, by method, in grid order.
    std::vector<std::vector<double>> aie;      ///< [n_layer][n_head] of the FV's head search; may be empty.
    std::vector<HeadEffectSummary> top_heads;  ///< The first 20, by falling effect.
    std::vector<ExampleSummary> examples;      ///< A fixed few of the test items.
    std::string verdict;                       ///< One sentence computed from the numbers.
    /// Those shown to work, by falling score, then the others in the same order; may be empty.
    std::vector<WinnerSummary> winners;

    bool behavioural() const { return family == Family::behavioural; }
    /// A setting by its id, in the main or a further table; nullptr when there is none.
    const SettingSummary* find(std::string_view id) const;
    /// nullptr when there is none of this id.
    const AnalysisSummary* analysis(std::string_view id) const;
};

struct ModelSummary {
    std::string name, path, digest, architecture, quantisation;
    std::uint64_t n_param = 0, file_bytes = 0;
    int n_layer = 0, n_embd = 0, n_head = 0;
    bool post_norm = false;
    bool chat_template = false;  ///< Its file has one: it may have been trained for conversations.
};

/// Where the numbers come from.
struct ProvenanceSummary {
    std::string program_version, engine_version, plan_digest, plan_toml, command, machine;
    std::map<std::string, std::string> task_digests;  ///< task -> SHA-256
    std::map<std::string, std::string> vector_files;  ///< "task/method" -> file in the run folder
};

struct Summary {
    std::string title;
    std::string question;               ///< What was asked, one sentence.
    std::vector<std::string> findings;  ///< What was found, sentences computed from the data.
    std::vector<std::string>
        notes;  ///< Rules that a reader needs: collapse rule, choice rule, intervals, splits.
    std::vector<ModelSummary> models;
    std::vector<TaskSummary> tasks;
    std::vector<AnalysisSummary> analyses;  ///< Over several tasks; may be empty.
    ProvenanceSummary provenance;

    /// nullptr when there is none of this id.
    const AnalysisSummary* analysis(std::string_view id) const;
};

/// One line of the cost ledger. Times differ from run to run, so they are not part of Summary.
struct Cost {
    std::string model, task, method, phase;   ///< phase: "check", "extract", "tune", "test", ...
    std::uint64_t n_decode = 0, n_token = 0;  ///< Calls into the engine; tokens computed.
    double seconds = 0;
};

/// Canonical JSON (sorted keys, numbers as short as they round-trip; no NaN). Throws bad_input on malformed
/// text.
std::string to_json(const Summary& summary);
Summary summary_from_json(const std::string& text);

}  // namespace tiller

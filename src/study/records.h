// The records of records.jsonl (docs/formats.md): one for each item and setting, and a closing record for
// each task. Protocols add records of their own, and parts of closing records.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tiller/method_interface.h"
#include "tiller/summary.h"

namespace tiller::study {

/// Which items a record is of, and what for: `valid`, validation items, to choose settings; `test`, test
/// items; `oracle`, test items under every setting of the search (TuningPlan::oracle); `damage`, items of an
/// unrelated task (protocol "dose").
enum class Phase { valid, test, oracle, damage };
/// The enumerator's own name.
const char* phase_name(Phase phase) noexcept;

/// The scores of one item under one setting.
struct ItemRecord {
    std::string model, task;
    std::uint64_t seed = 0;
    Phase phase = Phase::test;
    std::string setting;           ///< Id (Candidate::id).
    int item = 0;                  ///< Item::id.
    std::optional<int> draw = {};  ///< Draw of training items and prompts, from 0; none under one split.
    std::optional<std::size_t> n_prompt = {},
                               n_token = {};    ///< Tokens of the prompt (phase test); of the output.
    std::optional<std::string> generated = {};  ///< The text as generated; none where none was asked for.
    bool broken = false;                        ///< RowResult::broken.
    std::map<std::string, double> scores = {};  ///< By Metric::key(); NaN where the item has no number.
};

/// A setting as closing records have it.
struct SettingRecord {
    std::string id, label, method;
    Kind kind = Kind::condition;
    std::string layers = {};  ///< SettingSummary::layers.
    Setting setting = {};
    std::string clean = {};    ///< Candidate::clean.
    std::string same_as = {};  ///< Candidate::same_as.
};

/// A table of settings besides the main one.
struct TableRecord {
    std::string id, title, primary;
    std::vector<SettingRecord> settings;
};

/// A test item's texts, for examples in reports.
struct ItemText {
    int item = 0;  ///< Item::id.
    std::string input, target;
};

/// How well a judge of style tells the two styles apart.
struct ScorerRecord {
    double accuracy = 0;  ///< Share of sentences on the right side, [0, 1].
    int count = 0;        ///< Number of sentences that the accuracy is measured on.
    bool operator==(const ScorerRecord&) const = default;
};

/// A task's closing record. Protocols fill in the fields after the blank line. finish_closing() fills in
/// those before it, `scorer` only if the protocol did not.
struct TaskClosing {
    std::string model, task;
    Family family = Family::functional;
    std::string primary;
    std::uint64_t seed = 0;
    int n_train = 0, n_seen = 0, n_valid = 0, n_test = 0;  ///< Items; n_seen: test items in items_seen().
    std::string task_digest;                               ///< Task::digest.
    bool checked = false;         ///< Was the model put through the fast check (StudyHost::check)?
    std::vector<ItemText> items;  ///< The test items.
    std::optional<ScorerRecord> scorer;

    std::vector<SettingRecord> settings;             ///< The main table.
    std::optional<std::vector<TableRecord>> tables;  ///< Absent under protocols that have none.
    std::vector<SettingRecord> grid;                 ///< Settings that were tried on validation items.
    std::map<std::string, Setting> chosen;           ///< Method -> setting; with draws, the choice of all.
    /// [draw]: method -> the setting that the other draws chose and that the draw's items were tested under.
    /// Empty under one split.
    std::vector<std::map<std::string, Setting>> chosen_by_draw;
    std::vector<std::vector<double>> aie;      ///< [n_layer][n_head]; may be empty.
    std::vector<HeadEffectSummary> top_heads;  ///< The first 20 of rank_heads().
    /// Names of the units that have the records on validation items (of `grid`) and on test items.
    std::vector<std::string> valid_units, test_units;
    std::map<std::string, std::string> vector_prompts;  ///< Vector -> digest of the prompts it was made from.
    std::map<std::string, std::string> vector_files;    ///< Vector -> file in the run folder.
};

/// A closing record with the part that a protocol adds, written as one JSON object.
template <class Part>
struct ClosingWith {
    TaskClosing task;
    Part part;
};

/// First-token scores of several rows (first_token.h): of one prompt under all settings of a sweep, or of
/// several prompts under one.
struct HitsRecord {
    std::string hits;              ///< One '0' or '1' per row: short, because there are hundreds of rows.
    std::vector<double> logprobs;  ///< ItemScores::logprob of each row; NaN where a row broke.
};

/// The lines of records.jsonl for these records, in order and without line feeds. Each has `unit` as a field.
template <class Record>
std::vector<std::string> record_lines(const std::vector<Record>& records, const std::string& unit);
/// The record of a line. Fields of the line that the type lacks are skipped, so that the parts of a closing
/// record can be read one by one. Throws bad_input, naming the field.
template <class Record>
Record read_record(const std::string& line);

/// A closing record that was read, with its line, from which a protocol's part can be read.
struct ClosedTask {
    TaskClosing task;
    std::string line;

    explicit ClosedTask(const std::string& closing_line)
        : task(read_record<TaskClosing>(closing_line)), line(closing_line) {}
    /// The part that a protocol added. Throws as read_record().
    template <class Part>
    Part part() const {
        return read_record<Part>(line);
    }
};

}  // namespace tiller::study

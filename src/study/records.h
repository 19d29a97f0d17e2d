// What a run keeps in records.jsonl (docs/formats.md): a record for each item and setting, and one that
// closes each task. Protocols add records and parts of closing records of their own.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tiller/method_interface.h"
#include "tiller/summary.h"

namespace tiller::study {

/// Which items a record is of.
enum class Phase { valid, test, oracle, damage };
const char* phase_name(Phase phase) noexcept;

/// One item under one setting.
struct ItemRecord {
    std::string model, task;
    std::uint64_t seed = 0;
    Phase phase = Phase::test;
    std::string setting;           ///< Id.
    int item = 0;                  ///< Item::id.
    std::optional<int> draw = {};  ///< Of training items and prompts, from 0; none under one split.
    std::optional<std::size_t> n_prompt = {},
                               n_token = {};    ///< Tokens of the prompt (test items), the output.
    std::optional<std::string> generated = {};  ///< Where a text was generated.
    bool broken = false;                        ///< The row broke.
    std::map<std::string, double> scores = {};  ///< By Metric::key(); NaN where the item has no number.
};

/// A setting as closing records have it.
struct SettingRecord {
    std::string id, label, method;
    Kind kind = Kind::condition;
    std::string layers = {};  ///< SettingSummary::layers.
    Setting setting = {};
    std::string clean = {};    ///< Id of the unsteered setting with the same prompts; may be empty.
    std::string same_as = {};  ///< Id of the setting whose records count for this one; may be empty.
};

/// A further table of settings.
struct TableRecord {
    std::string id, title, primary;
    std::vector<SettingRecord> settings;
};

struct ItemText {
    int item = 0;
    std::string input, target;
};

struct ScorerRecord {
    double accuracy = 0;  ///< Held out.
    int count = 0;        ///< Sentences behind it.
    bool operator==(const ScorerRecord&) const = default;
};

/// What closes a task. A protocol fills in what it ran; close_task() the rest.
struct TaskClosing {
    std::string model, task;
    Family family = Family::functional;
    std::string primary;
    std::uint64_t seed = 0;
    int n_train = 0, n_seen = 0, n_valid = 0, n_test = 0;
    std::string task_digest;
    bool checked = false;
    std::vector<ItemText> items;
    std::optional<ScorerRecord> scorer;

    std::vector<SettingRecord> settings;             ///< The main table.
    std::optional<std::vector<TableRecord>> tables;  ///< Absent under protocols that have none.
    std::vector<SettingRecord> grid;                 ///< Validation points.
    std::map<std::string, Setting> chosen;           ///< Method -> setting; with draws, by all of them.
    /// By draw, the settings that the other draws chose, which its items were tested under; may be empty.
    std::vector<std::map<std::string, Setting>> chosen_by_draw;
    std::vector<std::vector<double>> aie;      ///< [n_layer][n_head]; may be empty.
    std::vector<HeadEffectSummary> top_heads;  ///< First 20.
    std::vector<std::string> valid_units, test_units;
    std::map<std::string, std::string> vector_prompts;  ///< Vector -> digest of the prompts it was made from.
    std::map<std::string, std::string> vector_files;    ///< Vector -> file in the run folder.
};

/// A closing record with what a protocol adds to it.
template <class Part>
struct ClosingWith {
    TaskClosing task;
    Part part;
};

/// The first tokens of several settings on an item (sweeps): hits as a text of 0 and 1, because there are
/// hundreds of settings for each item.
struct HitsRecord {
    std::string hits;
    std::vector<double> logprobs;  ///< NaN where a row broke.
};

/// The lines of records.jsonl for these records, without the line breaks; `unit` is written into each.
template <class Record>
std::vector<std::string> record_lines(const std::vector<Record>& records, const std::string& unit);
/// The record of a line; fields that it does not ask for are left alone, so that parts of a closing record
/// are read one by one. Throws bad_input, naming the field.
template <class Record>
Record read_record(const std::string& line);

/// A closing record, whole.
struct ClosedTask {
    TaskClosing task;
    std::string line;

    explicit ClosedTask(const std::string& closing_line)
        : task(read_record<TaskClosing>(closing_line)), line(closing_line) {}
    /// What a protocol added.
    template <class Part>
    Part part() const {
        return read_record<Part>(line);
    }
};

}  // namespace tiller::study

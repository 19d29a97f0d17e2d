// The journal of a run: an append-only file with one JSON line per record and a closing line per unit of
// work.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "study/records.h"

namespace tiller::study {

/// Finished units of work: name -> the lines of its records, in order, without the closing line.
using Units = std::map<std::string, std::vector<std::string>>;

/// The records of lines, in their order. Errors as read_record().
template <class Record>
std::vector<Record> read_records(const std::vector<std::string>& lines) {
    std::vector<Record> records;
    for (const auto& line : lines) records.push_back(read_record<Record>(line));
    return records;
}

/// records.jsonl of a run folder. A unit is written as its n records, then {"unit": name, "end": n, "digest":
/// d}. d is the first 16 hex digits of the SHA-256 of the name, a line feed and the records' lines with their
/// line feeds. Opening removes what a killed process left: lines after the last closing line, and temporary
/// files. The object has the folder's lock until it is destroyed. Not thread-safe.
class Journal {
public:
    /// The folder must exist. Throws environment when it cannot be written or another process has the lock;
    /// bad_input when a complete line is not a record or a unit does not have its digest.
    explicit Journal(const std::filesystem::path& folder);
    ~Journal();
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;

    const Units& units() const { return units_; }
    bool has(const std::string& unit) const { return units_.count(unit) != 0; }
    /// Throws std::out_of_range when there is no such unit; so does records().
    const std::vector<std::string>& lines(const std::string& unit) const { return units_.at(unit); }
    /// Treats finished units of other journals as finished here, without writing them to this file. Where
    /// both have a unit, this journal's is kept.
    void adopt(const Units& others) { units_.insert(others.begin(), others.end()); }
    /// Parsed from the unit's lines in the file, so that numbers are the same now and after a restart.
    template <class Record>
    std::vector<Record> records(const std::string& unit) const {
        return read_records<Record>(lines(unit));
    }
    /// Appends a finished unit and syncs it to disk. When that fails, the journal stays as it was. Throws
    /// environment, also when the file was removed or replaced by another one.
    template <class Record>
    void append(const std::string& unit, const std::vector<Record>& records) {
        append_lines(unit, record_lines(records, unit));
    }

private:
    bool is_in_place() const;
    void append_lines(const std::string& unit, std::vector<std::string> lines);

    std::filesystem::path path_;
    int fd_ = -1, lock_ = -1;
    long long size_ = 0;
    Units units_;
};

/// Reads the finished units of a run folder without its lock; none when there is no records.jsonl. When
/// given, `whole_bytes` gets the file's length up to the end of the last closing line, and `order` the units'
/// names in the order of the file. Throws bad_input as Journal(), environment.
Units read_units(const std::filesystem::path& folder, long long* whole_bytes = nullptr,
                 std::vector<std::string>* order = nullptr);
/// A finished unit as the file has it: the records' lines and the closing line, each with a line feed.
std::string unit_text(const std::string& unit, const std::vector<std::string>& lines);

}  // namespace tiller::study

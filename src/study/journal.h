// The append-only record of a run: one JSON line per record, a closing line per unit of work.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "study/records.h"

namespace tiller::study {

/// Units of work by name, each with the lines of its records.
using Units = std::map<std::string, std::vector<std::string>>;

template <class Record>
std::vector<Record> read_records(const std::vector<std::string>& lines) {
    std::vector<Record> records;
    for (const auto& line : lines) records.push_back(read_record<Record>(line));
    return records;
}

/// records.jsonl of a run folder. A unit is written as its records, then {"unit": key, "end": n, "digest":
/// d}, where d are the first 16 digits of the SHA-256 of the key, a line feed and the records' lines; what
/// stands behind the last closing line when the file is opened (a killed process) is cut off, and so are
/// temporary files that it left. Holds the folder's lock.
class Journal {
public:
    /// Throws environment when the folder cannot be written or another process holds the lock; bad_input when
    /// a whole line is not a record or a unit does not have its digest.
    explicit Journal(const std::filesystem::path& folder);
    ~Journal();
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;

    /// The finished units.
    const Units& units() const { return units_; }
    bool has(const std::string& unit) const { return units_.count(unit) != 0; }
    const std::vector<std::string>& lines(const std::string& unit) const { return units_.at(unit); }
    /// Counts finished units of other journals as finished, without writing them into this one. A unit that
    /// is here stays as it is.
    void adopt(const Units& others) { units_.insert(others.begin(), others.end()); }
    /// As they stand in the file, so that numbers are the same now and after a restart.
    template <class Record>
    std::vector<Record> records(const std::string& unit) const {
        return read_records<Record>(lines(unit));
    }
    /// Appends a finished unit and syncs it to disk. A full disk leaves the journal as it was. Throws
    /// environment, also when the file is not where it was any more.
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

/// Reads the finished units of a run folder without locking it. `order` gets their names as they stand in the
/// file.
Units read_units(const std::filesystem::path& folder, long long* whole_bytes = nullptr,
                 std::vector<std::string>* order = nullptr);
/// A finished unit as it stands in the file: its lines and the closing one.
std::string unit_text(const std::string& unit, const std::vector<std::string>& lines);

}  // namespace tiller::study

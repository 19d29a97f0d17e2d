// The append-only record of a run: one JSON line per record, a closing line per unit of work.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace tiller::study {

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
    const std::map<std::string, std::vector<nlohmann::json>>& units() const { return units_; }
    bool has(const std::string& unit) const { return units_.count(unit) != 0; }
    const std::vector<nlohmann::json>& records(const std::string& unit) const { return units_.at(unit); }
    /// Appends a finished unit and syncs it to disk. A full disk leaves the journal as it was. Throws
    /// environment, also when the file is not where it was any more.
    void append(const std::string& unit, const std::vector<nlohmann::json>& records);

private:
    bool is_in_place() const;

    std::filesystem::path path_;
    int fd_ = -1, lock_ = -1;
    long long size_ = 0;
    std::map<std::string, std::vector<nlohmann::json>> units_;
};

/// Reads the finished units of a run folder without locking it.
std::map<std::string, std::vector<nlohmann::json>> read_units(const std::filesystem::path& folder,
                                                              long long* whole_bytes = nullptr);

}  // namespace tiller::study

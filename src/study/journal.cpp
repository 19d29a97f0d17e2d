#include "study/journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/system_calls.h"
#include "core/util.h"
#include "tiller/error.h"

namespace tiller::study {
namespace {

constexpr std::uint64_t kLimit = std::uint64_t{4} << 30;
std::string digest_of(const std::string& unit, std::string_view lines) {
    return sha256(fmt::format("{}\n{}", unit, lines)).substr(0, 16);
}
// Is the open file still the one that the path names?
bool is_file(int fd, const std::filesystem::path& path) {
    struct stat open {
    }, named{};
    return ::fstat(fd, &open) == 0 && ::stat(path.c_str(), &named) == 0 && open.st_ino == named.st_ino &&
           open.st_dev == named.st_dev;
}
std::filesystem::path records_file(const std::filesystem::path& folder) { return folder / "records.jsonl"; }

}  // namespace

Units read_units(const std::filesystem::path& folder, long long* whole_bytes,
                 std::vector<std::string>* order) {
    Units units;
    if (whole_bytes) *whole_bytes = 0;
    const auto path = records_file(folder);
    if (!std::filesystem::exists(path)) return units;
    const std::string bytes = read_file(path, kLimit);
    std::vector<std::string> open;
    std::string open_unit;
    std::size_t line_number = 0, unit_begin = 0;
    const auto require = [&](bool good, const char* what) {
        if (!good)
            throw Error(
                Code::bad_input,
                fmt::format(
                    "{}, line {}: {}; the file was changed by hand or damaged (move it away to start again)",
                    path.string(), line_number, what));
    };
    for (std::size_t begin = 0; begin < bytes.size();) {  // mutation: same
        const auto end = bytes.find('\n', begin);
        if (end == std::string::npos) break;  // a last line that was not written to its end
        ++line_number;
        const auto text = std::string_view(bytes).substr(begin, end - begin);
        const auto lines = std::string_view(bytes).substr(unit_begin, begin - unit_begin);
        begin = end + 1;
        const auto line = nlohmann::json::parse(text, nullptr, false);
        require(line.is_object() && line.contains("unit") && line["unit"].is_string(), "not a record");
        require(open.empty() || line["unit"] == open_unit, "a record of another unit");
        open_unit = line["unit"].get<std::string>();
        if (!line.contains("end")) {
            open.emplace_back(text);
            continue;
        }
        require(line["end"] == open.size(), "closes a unit whose records are not all there");
        // Older versions wrote closing lines without a digest.
        const bool has_digest = line.contains("digest");
        require(line.size() == (has_digest ? 3u : 2u), "closes a unit with words that are not known");
        require(!has_digest || line["digest"] == digest_of(open_unit, lines),
                "closes a unit whose records do not have its digest");
        unit_begin = begin;
        if (order && !units.contains(open_unit)) order->push_back(open_unit);
        units[open_unit] = std::exchange(open, {});
        if (whole_bytes) *whole_bytes = static_cast<long long>(begin);
    }
    return units;
}

std::string unit_text(const std::string& unit, const std::vector<std::string>& lines) {
    std::string text;
    for (const auto& line : lines) text += line + "\n";
    return text +
           nlohmann::json{{"unit", unit}, {"end", lines.size()}, {"digest", digest_of(unit, text)}}.dump() +
           "\n";
}

Journal::Journal(const std::filesystem::path& folder) : path_(records_file(folder)) {
    const auto fail = [&](const std::string& what) {
        throw Error(Code::environment, fmt::format("{}: {}: {}", path_.string(), what, error_text(errno)));
    };
    lock_ = ::open((folder / ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (lock_ < 0) fail("cannot open the run folder for writing");
    // A run that fails at its start removes .lock (give_folder_back()). If that happened since open(), this
    // lock is on a removed file and keeps no other process out, so the folder counts as being in use.
    if (::flock(lock_, LOCK_EX | LOCK_NB) != 0 || !is_file(lock_, folder / ".lock")) {
        ::close(lock_);
        throw Error(
            Code::environment,
            fmt::format("{} is in use by another tiller process; wait for it or choose another folder",
                        folder.string()),
            Topic::run_folder);
    }
    try {
        long long whole = 0;
        remove_temporary_files(folder);
        units_ = read_units(folder, &whole);
        fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
        if (fd_ < 0) fail("cannot be opened");
        if (::ftruncate(fd_, whole) != 0) fail("cannot cut off an unfinished unit");
        size_ = whole;
    } catch (...) {
        if (fd_ >= 0) ::close(fd_);
        ::close(lock_);
        throw;
    }
}

Journal::~Journal() {
    ::close(fd_);
    ::close(lock_);
}

// When the folder was removed or replaced, what is written to the open file is lost.
bool Journal::is_in_place() const { return is_file(fd_, path_); }

void Journal::append_lines(const std::string& unit, std::vector<std::string> lines) {
    const std::string text = unit_text(unit, lines);
    bool ok = is_in_place();
    for (std::size_t done = 0; ok && done < text.size();) {
        const ssize_t n =
            ::pwrite(fd_, text.data() + done, text.size() - done, size_ + static_cast<long long>(done));
        if (n < 0 && errno == EINTR) continue;
        ok = n > 0;
        if (ok) done += static_cast<std::size_t>(n);
    }
    ok = ok && ::fsync(fd_) == 0;
    if (!is_in_place())
        throw Error(
            Code::environment,
            fmt::format(
                "{} was removed or replaced while this run wrote to it: {} finished unit(s) are lost; "
                "run the same command again",
                path_.string(), units_.size() + (ok ? 1 : 0)));
    if (!ok) {
        const std::string reason = error_text(errno);
        [[maybe_unused]] const int cut = ::ftruncate(fd_, size_);  // if it fails, the next start cuts it
        throw Error(
            Code::environment,
            fmt::format(
                "cannot write {}: {}; free space and run the same command again, finished work is kept",
                path_.string(), reason));
    }
    size_ += static_cast<long long>(text.size());
    units_[unit] = std::move(lines);
}

}  // namespace tiller::study

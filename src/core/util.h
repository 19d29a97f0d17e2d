// Small helpers for all folders: digests, reading and writing of whole files, UTF-8.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace tiller {

/// SHA-256, lower-case hex.
std::string sha256(std::string_view bytes);
/// SHA-256 of a file's bytes. Throws missing or environment.
std::string sha256_file(const std::filesystem::path& path);
/// Incremental SHA-256. Each string is added with its length, so that ("ab", "c") and ("a", "bc") differ.
/// Numbers are added as 8 bytes, little-endian.
class Digest {
public:
    Digest();
    ~Digest();
    Digest(const Digest&) = delete;
    Digest& operator=(const Digest&) = delete;
    Digest& add(std::string_view bytes);
    Digest& add(std::uint64_t value);
    std::string hex() const;  ///< Lower-case hex of all added so far; more may be added afterwards.
private:
    void* context_;
};

/// A whole file as bytes. Throws missing, environment, bad_input (a folder, or more than `limit` bytes).
std::string read_file(const std::filesystem::path& path, std::uint64_t limit);

/// Writes a temporary file in the same folder, syncs it, renames it to `path` and syncs the folder. When
/// anything fails, an existing file stays as it was. Throws environment.
void write_file_atomic(const std::filesystem::path& path, std::string_view bytes);

/// Adds bytes at the end of a file, which is made when missing. When anything fails, what was there stays.
/// Not synced. Throws environment.
void append_to_file(const std::filesystem::path& path, std::string_view bytes);

/// Removes temporary files that write_file_atomic() of a killed process left in a folder. Only for folders
/// that no other process is writing to.
void remove_temporary_files(const std::filesystem::path& folder) noexcept;

/// The text with each byte that is not valid UTF-8 replaced by U+FFFD.
std::string valid_utf8(std::string_view text);

/// Is the whole text valid UTF-8?
bool is_valid_utf8(std::string_view text) noexcept;

}  // namespace tiller

// Small helpers that every room may use: digests and careful files.
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
/// Incremental SHA-256 over strings with their lengths, so that ("ab","c") and ("a","bc") differ.
class Digest {
public:
    Digest();
    ~Digest();
    Digest(const Digest&) = delete;
    Digest& operator=(const Digest&) = delete;
    Digest& add(std::string_view bytes);
    Digest& add(std::uint64_t value);
    std::string hex() const;  ///< Of what was added so far.
private:
    void* context_;
};

/// Whole file as bytes; refuses more than `limit` bytes. Throws missing, environment, bad_input (too large).
std::string read_file(const std::filesystem::path& path, std::uint64_t limit);

/// Writes to a temporary file in the same folder, checks every write, fsync, rename, fsync of the folder.
/// The old file stays whole when anything fails. Throws environment.
void write_file_atomic(const std::filesystem::path& path, std::string_view bytes);

/// Removes what write_file_atomic() of a killed process left in a folder. Only for a folder that no other
/// process writes to now.
void remove_temporary_files(const std::filesystem::path& folder) noexcept;

/// Makes invalid UTF-8 valid: each bad byte becomes U+FFFD.
std::string valid_utf8(std::string_view text);

/// Value of a valid UTF-8 check.
bool is_valid_utf8(std::string_view text) noexcept;

}  // namespace tiller

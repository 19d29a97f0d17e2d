#include "core/util.h"
#include "core/system_calls.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <system_error>
#include <tuple>
#include <vector>

#include "tiller/error.h"

namespace tiller {
namespace {

EVP_MD_CTX* as_context(void* p) { return static_cast<EVP_MD_CTX*>(p); }

std::string finish_hex(const EVP_MD_CTX* context) {
    // Finalise a copy, so that a Digest may go on after hex().
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> copy(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (!copy || EVP_MD_CTX_copy_ex(copy.get(), context) != 1 ||
        EVP_DigestFinal_ex(copy.get(), hash, &n) != 1)
        throw Error(Code::environment, "SHA-256 is not available in this OpenSSL");
    std::string hex;
    for (unsigned i = 0; i < n; ++i) hex += fmt::format("{:02x}", hash[i]);
    return hex;
}

// Length in bytes of the valid UTF-8 character at `text`, 0 when there is none.
std::size_t utf8_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char c = byte(0);
    if (c < 0x80) return 1;
    std::size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (c < 0xc2 || c > 0xf4 || text.size() < n) return 0;
    for (std::size_t i = 1; i < n; ++i)
        if ((byte(i) & 0xc0) != 0x80) return 0;
    if (c == 0xe0 && byte(1) < 0xa0) return 0;  // overlong
    if (c == 0xed && byte(1) > 0x9f) return 0;  // surrogate
    if (c == 0xf0 && byte(1) < 0x90) return 0;  // overlong
    if (c == 0xf4 && byte(1) > 0x8f) return 0;  // above U+10FFFF
    return n;
}

}  // namespace

Digest::Digest() : context_(EVP_MD_CTX_new()) {
    if (!context_ || EVP_DigestInit_ex(as_context(context_), EVP_sha256(), nullptr) != 1)
        throw Error(Code::environment, "SHA-256 is not available in this OpenSSL");
}
Digest::~Digest() { EVP_MD_CTX_free(as_context(context_)); }
Digest& Digest::add(std::string_view bytes) {
    add(static_cast<std::uint64_t>(bytes.size()));
    EVP_DigestUpdate(as_context(context_), bytes.data(), bytes.size());
    return *this;
}
Digest& Digest::add(std::uint64_t value) {
    unsigned char le[8];
    for (int i = 0; i < 8; ++i) le[i] = static_cast<unsigned char>(value >> (8 * i));
    EVP_DigestUpdate(as_context(context_), le, sizeof le);
    return *this;
}
std::string Digest::hex() const { return finish_hex(as_context(context_)); }

std::string sha256(std::string_view bytes) {
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> c(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    if (!c || EVP_DigestInit_ex(c.get(), EVP_sha256(), nullptr) != 1)
        throw Error(Code::environment, "SHA-256 is not available in this OpenSSL");
    EVP_DigestUpdate(c.get(), bytes.data(), bytes.size());
    return finish_hex(c.get());
}

std::string sha256_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw Error(Code::missing, fmt::format("cannot open {}: {}", path.string(), error_text(errno)));
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> c(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    if (!c || EVP_DigestInit_ex(c.get(), EVP_sha256(), nullptr) != 1)
        throw Error(Code::environment, "SHA-256 is not available in this OpenSSL");
    std::vector<char> buffer(1 << 20);
    while (in) {
        in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
        EVP_DigestUpdate(c.get(), buffer.data(), static_cast<std::size_t>(in.gcount()));
    }
    if (in.bad())
        throw Error(Code::environment,
                    fmt::format("reading {} failed: {}", path.string(), error_text(errno)));
    return finish_hex(c.get());
}

std::string read_file(const std::filesystem::path& path, std::uint64_t limit) {
    std::error_code ec;
    if (!std::filesystem::exists(path, ec))
        throw Error(Code::missing, fmt::format("no such file: {}", path.string()));
    if (std::filesystem::is_directory(path, ec))
        throw Error(Code::bad_input, fmt::format("{} is a folder, expected a file", path.string()));
    std::ifstream in(path, std::ios::binary);
    if (!in)
        throw Error(Code::environment, fmt::format("cannot open {}: {}", path.string(), error_text(errno)));
    std::string bytes;
    std::vector<char> buffer(1 << 16);  // filled with zeros each time, which counts for small files
    while (in) {
        in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
        bytes.append(buffer.data(), static_cast<std::size_t>(in.gcount()));
        if (bytes.size() > limit)
            throw Error(Code::bad_input, fmt::format("{} is larger than {} bytes, the most that is read here",
                                                     path.string(), limit));
    }
    if (in.bad())
        throw Error(Code::environment,
                    fmt::format("reading {} failed: {}", path.string(), error_text(errno)));
    return bytes;
}

void remove_temporary_files(const std::filesystem::path& folder) noexcept {
    std::error_code error;
    std::vector<std::filesystem::path> left;
    for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
         it.increment(error)) {
        const std::string name = it->path().filename().string();  // ".NAME.PID.tmp"
        const auto pid = name.size() > 5 ? name.rfind('.', name.size() - 5) : std::string::npos;
        if (name.front() != '.' || !name.ends_with(".tmp") || pid == std::string::npos || pid == 0) continue;
        const auto digits = std::string_view(name).substr(pid + 1, name.size() - 5 - pid);
        if (!digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos)
            left.push_back(it->path());
    }
    for (const auto& path : left) std::filesystem::remove(path, error);
}

namespace {

[[noreturn]] void cannot_write(const std::filesystem::path& path, const char* what, int error) {
    throw Error(Code::environment,
                fmt::format("cannot write {}: {} failed: {} (free space or choose another folder)",
                            path.string(), what, error_text(error)));
}

}  // namespace

void write_file_atomic(const std::filesystem::path& path, std::string_view bytes) {
    const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
    const auto temporary = folder / fmt::format(".{}.{}.tmp", path.filename().string(), ::getpid());
    const auto fail = [&](const char* what, int error) {
        ::unlink(temporary.c_str());
        cannot_write(path, what, error);
    };
    const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) fail("open", errno);
    const char* failed = !write_all(fd, bytes) ? "write" : ::fsync(fd) != 0 ? "fsync" : nullptr;
    const int error = errno;
    const bool is_closed = ::close(fd) == 0;
    if (failed) fail(failed, error);
    if (!is_closed) fail("close", errno);
    if (::rename(temporary.c_str(), path.c_str()) != 0) fail("rename", errno);
    sync_folder(folder);
}

void append_to_file(const std::filesystem::path& path, std::string_view bytes) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0) cannot_write(path, "open", errno);
    const off_t size = ::lseek(fd, 0, SEEK_END);
    const bool is_written = write_all(fd, bytes);
    const int error = errno;
    if (!is_written) std::ignore = ::ftruncate(fd, size);
    ::close(fd);
    if (!is_written) cannot_write(path, "write", error);
}

bool is_valid_utf8(std::string_view text) noexcept {
    while (!text.empty()) {
        const std::size_t n = utf8_length(text);
        if (n == 0) return false;
        text.remove_prefix(n);
    }
    return true;
}

std::string valid_utf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const std::size_t n = utf8_length(text);
        if (n == 0) {
            out += "\xef\xbf\xbd";
            text.remove_prefix(1);
        } else {
            out += text.substr(0, n);
            text.remove_prefix(n);
        }
    }
    return out;
}

}  // namespace tiller

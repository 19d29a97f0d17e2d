#include "hub/download.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "core/escape_controls.h"
#include "core/system_calls.h"
#include "core/util.h"
#include "hub/file_lock.h"
#include "hub/http.h"
#include "hub/model_folder.h"
#include "hub/repository.h"
#include "tiller/error.h"

namespace tiller::hub {
namespace {

namespace fs = std::filesystem;

// The temporary file of a download. It is kept when the download fails, so that a later one can go on from
// there.
class Partial {
public:
    explicit Partial(fs::path path) : path_(std::move(path)) {
        fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
        if (fd_ < 0) fail("open");
        const auto end = ::lseek(fd_, 0, SEEK_END);
        if (end < 0) fail("lseek");
        size_ = static_cast<std::uint64_t>(end);
    }
    ~Partial() { ::close(fd_); }
    Partial(const Partial&) = delete;
    Partial& operator=(const Partial&) = delete;

    std::uint64_t size() const { return size_; }
    const fs::path& path() const { return path_; }
    void write(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
            if (n < 0 && errno != EINTR) fail("write");
            if (n <= 0) continue;
            bytes.remove_prefix(static_cast<std::size_t>(n));
            size_ += static_cast<std::uint64_t>(n);
        }
    }
    void empty() {
        if (::ftruncate(fd_, 0) != 0) fail("ftruncate");
        if (::lseek(fd_, 0, SEEK_SET) != 0) fail("lseek");
        size_ = 0;
    }
    void sync() {
        if (::fsync(fd_) != 0) fail("fsync");
    }
    void remove() {
        std::error_code ignored;
        fs::remove(path_, ignored);
    }

private:
    [[noreturn]] void fail(const char* what) {
        throw Error(
            Code::environment,
            fmt::format("cannot write {}: {} failed: {}; make room or set TILLER_CACHE_DIR to another "
                        "place, and try again",
                        path_.string(), what, error_text(errno)));
    }
    fs::path path_;
    int fd_ = -1;
    std::uint64_t size_ = 0;
};

// Does a Content-Range ("bytes 100-199/200") begin at byte `from` of `all`?
bool goes_on_at(const std::string& content_range, std::uint64_t from, std::uint64_t all) {
    return content_range.starts_with(fmt::format("bytes {}-", from)) &&
           content_range.ends_with(fmt::format("/{}", all));
}

class Download {
public:
    Download(const Name& name, const RemoteFile& file, Partial& partial, const Settings& settings)
        : name_(name),
          file_(file),
          partial_(partial),
          settings_(settings),
          label_(file.path.substr(file.path.rfind('/') + 1)) {}

    void run() {
        // Without a digest, halves of two different files would go unnoticed, so the download starts again.
        if (file_.sha256.empty() || partial_.size() > file_.bytes) partial_.empty();
        if (partial_.size() > 0)
            settings_.say(fmt::format("{}: going on after {} of {} MB", label_, partial_.size() / 1000000,
                                      file_.bytes / 1000000));
        Patience patience(settings_);
        while (partial_.size() < file_.bytes || !tried_) {
            const std::uint64_t before = partial_.size();
            const HttpResponse response = transfer();
            if (partial_.size() == file_.bytes && response.failure.empty()) break;
            if (partial_.size() >= before + (1 << 20)) patience.restart();
            if (response.status == 416 && before > 0) {  // the server's file is shorter: start again
                partial_.empty();
                continue;
            }
            HttpResponse cut = response;
            if (response.failure.empty() && (response.status == 200 || response.status == 206)) {
                cut.failure = fmt::format("it ended after {} of {} bytes", partial_.size(), file_.bytes);
                cut.may_come_back = true;
            }
            // No tries again when nothing has come yet: the address may be wrong, or there is no network.
            if (cut.status == 0 && partial_.size() == 0) cut.may_come_back = false;
            if (!patience.another_try(cut, label_)) refuse(cut, label_, name_, settings_);
        }
        check();
    }

private:
    HttpResponse transfer() {
        tried_ = true;
        HttpRequest request;
        request.url = url_of(name_, file_.path, settings_);
        request.token = settings_.token;
        request.from = partial_.size();
        request.stop = settings_.stop;
        request.stall_seconds = settings_.stall_seconds;
        request.begin = [&](const HttpResponse& response) { begin(response); };
        request.body = [&](std::string_view bytes) {
            if (partial_.size() + bytes.size() > file_.bytes)
                wrong(fmt::format("the server sends more than {} bytes, the size in the hub's list",
                                  file_.bytes));
            partial_.write(bytes);
            settings_.progress(label_, partial_.size(), file_.bytes);
        };
        return get(request);
    }

    void begin(const HttpResponse& response) {
        const std::uint64_t from = partial_.size();
        if (response.status == 206 && !goes_on_at(response.header("content-range"), from, file_.bytes))
            wrong(fmt::format("asked for the bytes from {} of {} on, the server sends '{}'", from,
                              file_.bytes, escape_line(response.header("content-range"))));
        if (response.status != 206) {
            if (from > 0) partial_.empty();  // the server ignores the range and sends the whole file
            const std::string length = response.header("content-length");
            if (!length.empty() && length != fmt::format("{}", file_.bytes))
                wrong(fmt::format("the server has {} bytes, the hub's list says {}", escape_line(length),
                                  file_.bytes));
        }
        std::string etag = response.header("x-linked-etag");
        std::erase(etag, '"');
        if (etag.size() != 64) return;
        if (digest_.empty()) digest_ = etag;
        if (etag != digest_ || (!file_.sha256.empty() && etag != file_.sha256))
            wrong(fmt::format("the server has SHA-256 {}, the hub's list says {}", escape_line(etag),
                              file_.sha256.empty() ? digest_ : file_.sha256));
    }

    void check() {
        const std::string& wanted = file_.sha256.empty() ? digest_ : file_.sha256;
        if (wanted.empty()) {
            settings_.say(
                fmt::format("{}: the hub gives no SHA-256 of it; only its size was checked", label_));
            return;
        }
        settings_.say(fmt::format("{}: checking its SHA-256", label_));
        if (const std::string found = sha256_file(partial_.path()); found != wanted)
            wrong(fmt::format("what came has SHA-256 {}, the hub says {}", found, wanted));
    }

    [[noreturn]] void wrong(const std::string& what) {
        partial_.remove();
        throw Error(
            Code::bad_input,
            fmt::format("{} of {}: {}; what came was removed and nothing was put in place. The file may "
                        "have changed meanwhile: try once more",
                        escape_line(file_.path), name_.text(), what));
    }

    const Name& name_;
    const RemoteFile& file_;
    Partial& partial_;
    const Settings& settings_;
    std::string label_, digest_;
    bool tried_ = false;
};

void require_space(const RemoteFile& file, const Partial& partial) {
    std::error_code error;
    const auto space = fs::space(partial.path().parent_path(), error);
    const std::uint64_t needed = file.bytes - std::min(partial.size(), file.bytes);
    if (!error && space.available < needed)
        throw Error(Code::environment,
                    fmt::format("not enough disk space for {} in {}: {} MB free, {} MB needed; free some, or "
                                "name another place with TILLER_CACHE_DIR",
                                escape_line(file.path), partial.path().parent_path().string(),
                                space.available / 1000000, needed / 1000000 + 1));
}

// Removes partial downloads of earlier versions of the file.
void remove_others(const fs::path& partial, const std::string& stem) {
    std::vector<fs::path> others;
    std::error_code ec;
    for (fs::directory_iterator it(partial.parent_path(), ec), end; !ec && it != end; it.increment(ec)) {
        const std::string file = it->path().filename().string();
        if (it->path() != partial && file.starts_with(stem) && file.ends_with(".partial"))
            others.push_back(it->path());
    }
    for (const auto& path : others) fs::remove(path, ec);
}

}  // namespace

bool download(const Name& name, const RemoteFile& file, const fs::path& target, bool anew,
              const Settings& settings) {
    make_model_folder(target.parent_path());
    const std::string stem = "." + target.filename().string() + ".";
    const FileLock lock(
        target.parent_path() / (stem + "lock"),
        [&] { settings.say(fmt::format("{}: another tiller is fetching it; waiting", name.text())); },
        settings.stop);
    std::error_code ec;
    if ((!anew || lock.waited()) && fs::is_regular_file(target, ec) &&
        fs::file_size(target, ec) == file.bytes)
        return false;
    Partial partial(target.parent_path() /
                    (stem + (file.sha256.empty() ? "unknown" : file.sha256.substr(0, 16)) + ".partial"));
    remove_others(partial.path(), stem);
    require_space(file, partial);
    Download(name, file, partial, settings).run();
    partial.sync();
    put_in_place(partial.path(), target);
    return true;
}

}  // namespace tiller::hub

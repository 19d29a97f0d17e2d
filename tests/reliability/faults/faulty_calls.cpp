// A library that is loaded before a program (LD_PRELOAD) and lets one of its calls fail that change files
// below a folder. The environment says which:
//   TILLER_FAULT_BELOW    the folder; calls for files elsewhere are left alone
//   TILLER_FAULT_CALL     the number of the call that fails, from 1; 0 = none
//   TILLER_FAULT_ERROR    the error's number (errno)
//   TILLER_FAULT_FOREVER  1 = all later calls fail as well
//   TILLER_FAULT_LOG      a file that gets a line for each call: its name and the file's
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <string>

namespace {

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

struct Faults {
    std::string below = variable("TILLER_FAULT_BELOW") + "/", log = variable("TILLER_FAULT_LOG");
    long call = std::atol(variable("TILLER_FAULT_CALL").c_str());
    int error = std::atoi(variable("TILLER_FAULT_ERROR").c_str());
    bool forever = variable("TILLER_FAULT_FOREVER") == "1";
    std::atomic<long> n = 0;
    // File descriptor -> name of a file that is open for writing.
    std::array<std::string, 1024> names;
};

Faults& faults() {
    static Faults* all = new Faults;  // lives longer than any destructor that closes a file
    return *all;
}

// The name below the folder; empty for a file elsewhere.
std::string name_of(const char* path) {
    std::string whole = path ? path : "";
    if (!whole.starts_with("/")) {
        std::array<char, 4096> folder{};
        if (::getcwd(folder.data(), folder.size())) whole = std::string(folder.data()) + "/" + whole;
    }
    const std::string& below = faults().below;
    return whole.starts_with(below) ? whole.substr(below.size()) : "";
}

std::string name_of(int fd) {
    return fd >= 0 && static_cast<std::size_t>(fd) < faults().names.size()
               ? faults().names[static_cast<std::size_t>(fd)]
               : "";
}

void remember(int fd, const std::string& name) {
    if (fd >= 0 && static_cast<std::size_t>(fd) < faults().names.size())
        faults().names[static_cast<std::size_t>(fd)] = name;
}

// Does this call fail? Sets errno then.
bool fails(const char* call, const std::string& name) {
    if (name.empty()) return false;
    Faults& all = faults();
    const long n = ++all.n;
    if (!all.log.empty()) {
        const std::string line = std::string(call) + " " + name + "\n";
        const long fd = ::syscall(SYS_openat, AT_FDCWD, all.log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
        [[maybe_unused]] const long done = ::syscall(SYS_write, fd, line.data(), line.size());
        ::syscall(SYS_close, fd);
    }
    if (all.call == 0 || (all.forever ? n < all.call : n != all.call)) return false;
    errno = all.error;
    return true;
}

template <class Function>
Function* next(const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

bool writes(int flags) { return (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) != 0; }

int open_file(const char* path, int flags, mode_t mode) {
    const std::string name = writes(flags) ? name_of(path) : "";
    if (fails("open", name)) return -1;
    const int fd = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
    remember(fd, name);
    return fd;
}

FILE* open_stream(const char* path, const char* mode) {
    const std::string name =
        mode[0] != 'r' || std::string(mode).find('+') != std::string::npos ? name_of(path) : "";
    if (fails("open", name)) return nullptr;
    FILE* stream = next<FILE*(const char*, const char*)>("fopen")(path, mode);
    if (stream) remember(::fileno(stream), name);
    return stream;
}

}  // namespace

// Files of more than 2 GB have no calls of their own here: off_t has 64 bits.
extern "C" {

int open(const char* path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    const mode_t mode = (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
    va_end(more);
    return open_file(path, flags, mode);
}
[[gnu::alias("open")]] int open64(const char* path, int flags, ...);
FILE* fopen(const char* path, const char* mode) { return open_stream(path, mode); }
[[gnu::alias("fopen")]] FILE* fopen64(const char* path, const char* mode);

ssize_t write(int fd, const void* bytes, size_t n) {
    return fails("write", name_of(fd)) ? -1 : ::syscall(SYS_write, fd, bytes, n);
}
ssize_t writev(int fd, const iovec* parts, int n) {
    return fails("write", name_of(fd)) ? -1 : ::syscall(SYS_writev, fd, parts, n);
}
ssize_t pwrite(int fd, const void* bytes, size_t n, off_t at) {
    return fails("write", name_of(fd)) ? -1 : ::syscall(SYS_pwrite64, fd, bytes, n, at);
}
[[gnu::alias("pwrite")]] ssize_t pwrite64(int fd, const void* bytes, size_t n, off64_t at);
int fsync(int fd) { return fails("fsync", name_of(fd)) ? -1 : static_cast<int>(::syscall(SYS_fsync, fd)); }
int ftruncate(int fd, off_t size) {
    return fails("ftruncate", name_of(fd)) ? -1 : static_cast<int>(::syscall(SYS_ftruncate, fd, size));
}
// A file is closed even where this fails, as on Linux.
int close(int fd) {
    const std::string name = name_of(fd);
    remember(fd, "");
    const int done = static_cast<int>(::syscall(SYS_close, fd));
    return fails("close", name) ? -1 : done;
}
int fclose(FILE* stream) {
    const std::string name = name_of(::fileno(stream));
    remember(::fileno(stream), "");
    const int done = next<int(FILE*)>("fclose")(stream);
    return fails("close", name) ? EOF : done;
}
int rename(const char* from, const char* to) noexcept {
    return fails("rename", name_of(to))
               ? -1
               : static_cast<int>(::syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to));
}
int mkdir(const char* path, mode_t mode) noexcept {
    return fails("mkdir", name_of(path)) ? -1
                                         : static_cast<int>(::syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}

}  // extern "C"

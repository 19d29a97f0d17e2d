#include "scoring/temporary_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <system_error>

#include "core/system_calls.h"
#include "tiller/error.h"

namespace tiller {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& why) {
    throw Error(
        Code::environment,
        fmt::format("cannot write the temporary file {}: {}; free space there or set TMPDIR to a folder that "
                    "can be written",
                    path, why));
}

}  // namespace

TemporaryFile::TemporaryFile(std::string_view bytes) {
    std::error_code ec;
    const auto folder = std::filesystem::temp_directory_path(ec);
    if (ec) fail("folder", ec.message());
    std::string name = (folder / "tiller-XXXXXX").string();
    const int fd = ::mkstemp(name.data());
    if (fd < 0) fail(name, error_text(errno));
    path_ = name;
    int error = write_all(fd, bytes) ? 0 : errno;
    if (::close(fd) != 0 && error == 0) error = errno;
    if (error != 0) {
        ::unlink(name.c_str());  // no destructor runs for an object whose constructor throws
        fail(name, error_text(error));
    }
}

TemporaryFile::~TemporaryFile() { ::unlink(path_.c_str()); }

}  // namespace tiller

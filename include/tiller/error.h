// tiller's one exception type. Every failure the library can name is thrown as
// tiller::Error; the library never prints, aborts or exits.
#pragma once

#include <stdexcept>
#include <string>

namespace tiller {

/// What kind of failure an Error is. The value decides the program's exit code
/// (see exit_code()); the text of an Error names the thing, the value found, the
/// value expected and the next step.
enum class Code {
    usage,        ///< A flag, an option or an argument of the API is wrong.             exit 2
    bad_input,    ///< A file, a model or a plan does not have the form it must have.    exit 3
    unsupported,  ///< The model cannot do this (a site that does not exist, say).       exit 3
    incomplete,   ///< A plan was not carried out in full: an edit or capture is missing. exit 3
    missing,      ///< A file, a folder or a model is not there.                         exit 4
    environment,  ///< Memory, disk, permissions, or the machine itself.                 exit 4
    interrupted,  ///< The user asked to stop; what was finished is on disk.             exit 130
};

/// The program's exit code for a kind of failure: 2, 3, 4 or 130.
int exit_code(Code code) noexcept;

/// A short stable name ("bad_input", ...), used in JSON output.
const char* code_name(Code code) noexcept;

/// The only exception that tiller throws on purpose (std::bad_alloc may pass through).
class Error : public std::runtime_error {
public:
    Error(Code code, const std::string& message) : std::runtime_error(message), code_(code) {}

    Code code() const noexcept { return code_; }

private:
    Code code_;
};

}  // namespace tiller

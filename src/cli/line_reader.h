// Lines that a user types, or that come through a pipe.
#pragma once

#include <memory>
#include <string>

namespace tiller::cli {

/// Reads standard input line by line. Where input and output are a terminal, lines are edited and earlier
/// ones brought back with the arrow keys (libedit). They are kept in memory only, unless a file for them is
/// named.
class LineReader {
public:
    enum class Outcome { line, end, signal };

    /// `history_file`: lines of earlier sessions; those of this session are appended when the reader is
    /// destroyed. Empty = none. Throws environment when it cannot be read or made.
    explicit LineReader(const std::string& history_file);
    ~LineReader();
    LineReader(const LineReader&) = delete;
    LineReader& operator=(const LineReader&) = delete;

    /// Is a user there, who sees the prompt?
    bool is_interactive() const noexcept { return interactive_; }
    /// The next line without its end. `signal`: one arrived (its handler must be installed without
    /// SA_RESTART); `line` then holds what was typed so far.
    Outcome read(const std::string& prompt, std::string& line);

private:
    struct Editor;
    std::unique_ptr<Editor> editor_;  ///< None where lines are not edited.
    bool interactive_ = false;
};

}  // namespace tiller::cli

// Texts that come at once, printed in columns next to each other or one under the other.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <vector>

namespace tiller::cli {

/// Takes the next line of at most `columns` from the beginning of `text` (valid UTF-8), broken after a space
/// where there is one, and puts it into `line` without that space. Returns false, and takes nothing, while
/// more text could still change the line; with `last` no more comes. Tabs count as one space.
bool take_line(std::string& text, int columns, bool last, std::string& line);

/// Prints n texts as they come. In columns, a line is printed when every text has it, or has ended.
class SideBySide {
public:
    /// A head for each text. `columns` is the width of the terminal, 0 where there is none: then, and where a
    /// text would have less than 24 columns, the texts come one under the other.
    SideBySide(std::vector<std::string> heads, int columns, std::function<void(const std::string&)> write);

    /// More of text i; valid UTF-8, without control characters but line breaks and tabs. After the last piece
    /// nothing more of it may come.
    void add(std::size_t i, const std::string& text, bool last);

private:
    struct Text {
        std::string head, pending;
        std::deque<std::string> lines;
        bool begun = false, ended = false, ends_line = true;
    };
    void add_lines(Text& text, bool last) const;
    void print_below();
    void print_rows();

    std::vector<Text> texts_;
    int width_ = 0;  ///< Of a column; 0: one under the other.
    std::function<void(const std::string&)> write_;
    std::size_t shown_ = 0;  ///< One under the other: the text being printed.
};

}  // namespace tiller::cli

#include "cli/csv.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/util.h"
#include "tiller/error.h"

namespace tiller::cli {
namespace {

class Reader {
public:
    Reader(std::string_view bytes, char separator, const std::string& name)
        : rest_(bytes), separator_(separator), name_(name) {}

    std::vector<CsvRow> rows() {
        std::vector<CsvRow> out;
        while (!rest_.empty()) {
            CsvRow row;
            row.line = line_;
            do row.cells.push_back(cell());
            while (take(separator_));
            end_of_line();
            if (row.cells.size() > 1 || !row.cells[0].empty()) out.push_back(std::move(row));
        }
        return out;
    }

private:
    bool take(char c) {
        if (!rest_.starts_with(c)) return false;
        rest_.remove_prefix(1);
        return true;
    }
    [[noreturn]] void bad(int line, const std::string& what) const {
        throw Error(Code::bad_input, fmt::format("{}, line {}: {}", name_, line, what));
    }
    std::string cell() {
        if (take('"')) return quoted();
        const char ends[] = {separator_, '\r', '\n'};
        const auto end = std::min(rest_.find_first_of(std::string_view(ends, 3)), rest_.size());
        std::string text(rest_.substr(0, end));
        rest_.remove_prefix(end);
        // Kept as it is it would end up inside a text, and mean that the table's quotes are broken.
        if (text.find('"') != std::string::npos)
            bad(line_, "a quote inside of a cell that does not begin with one; double it and quote the cell");
        return text;
    }
    std::string quoted() {
        const int begin = line_;
        std::string text;
        for (;;) {
            const auto end = rest_.find('"');
            if (end == std::string_view::npos) bad(begin, "a quote that does not end");
            text += rest_.substr(0, end);
            line_ += static_cast<int>(
                std::count(rest_.begin(), rest_.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
            rest_.remove_prefix(end + 1);
            if (!take('"')) return text;
            text += '"';
        }
    }
    void end_of_line() {
        if (rest_.empty()) return;
        take('\r');
        if (!take('\n') && !rest_.empty())
            bad(line_, "something between a cell's last quote and the next cell");
        ++line_;
    }

    std::string_view rest_;
    char separator_;
    const std::string& name_;
    int line_ = 1;
};

}  // namespace

std::vector<CsvRow> csv_rows(std::string_view bytes, char separator, const std::string& name) {
    if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
    if (!is_valid_utf8(bytes)) throw Error(Code::bad_input, fmt::format("{}: not valid UTF-8", name));
    return Reader(bytes, separator, name).rows();
}

}  // namespace tiller::cli

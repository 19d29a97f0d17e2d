#include "tasks/table_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/text.h"
#include "core/util.h"
#include "tasks/json_events.h"
#include "tasks/text.h"
#include "tiller/error.h"

namespace tiller {
namespace {

[[noreturn]] void bad(const std::string& file, std::size_t line, const std::string& what) {
    throw Error(Code::bad_input, fmt::format("{}, line {}: {}", file, line, what));
}

// Reads rows one after another. A row ends at a line break outside of quotes.
class Scanner {
public:
    Scanner(std::string_view bytes, char separator, const std::string& file)
        : bytes_(bytes), separator_(separator), file_(file) {}

    bool done() const { return at_ >= bytes_.size(); }

    TableRow row() {
        TableRow out{line_, {}};
        for (bool more = true; more;) {
            out.cells.push_back(cell());
            more = !done() && bytes_[at_] == separator_;
            if (more) ++at_;
        }
        if (!done() && bytes_[at_] == '\r') ++at_;
        if (!done() && bytes_[at_] == '\n') ++at_, ++line_;
        return out;
    }

private:
    bool ends_cell() const {
        return done() || bytes_[at_] == separator_ || bytes_[at_] == '\n' ||
               (bytes_[at_] == '\r' && (at_ + 1 == bytes_.size() || bytes_[at_ + 1] == '\n'));
    }
    std::string cell() {
        if (!done() && bytes_[at_] == '"') return quoted();
        std::string text;
        while (!ends_cell()) text += bytes_[at_++];
        return text;
    }
    std::string quoted() {
        const std::size_t begin = line_;
        std::string text;
        for (++at_;; ++at_) {
            if (done())
                bad(file_, begin,
                    "a quote (\") does not end; expected a closing quote: add it, or double it where it is "
                    "part of the text");
            if (bytes_[at_] == '\n') ++line_;
            if (bytes_[at_] != '"') {
                text += bytes_[at_];
                continue;
            }
            if (at_ + 1 < bytes_.size() && bytes_[at_ + 1] == '"') {
                text += '"';
                ++at_;
                continue;
            }
            ++at_;
            break;
        }
        if (!ends_cell())
            bad(file_, line_,
                fmt::format("text after a closing quote (\"{}\"); expected the end of the cell: double "
                            "quotes that are part of the text",
                            excerpt(bytes_.substr(at_, 20))));
        return text;
    }

    std::string_view bytes_;
    char separator_;
    const std::string& file_;
    std::size_t at_ = 0, line_ = 1;
};

std::string plain(std::string_view name) {
    std::string out(trim(name));
    std::transform(out.begin(), out.end(), out.begin(), lower_ascii);
    return out;
}

bool is_blank(const TableRow& row) { return row.cells.size() == 1 && trim(row.cells.front()).empty(); }

}  // namespace

std::size_t Table::column(std::string_view name) const {
    const auto is_it = [&](const std::string& cell) { return plain(cell) == name; };
    const auto it = std::find_if(head.cells.begin(), head.cells.end(), is_it);
    if (it != head.cells.end()) {
        if (std::find_if(it + 1, head.cells.end(), is_it) != head.cells.end())
            bad(file, head.line,
                fmt::format("two columns are called \"{}\"; expected one: rename the other", name));
        return static_cast<std::size_t>(it - head.cells.begin());
    }
    std::vector<std::string> names;
    for (const auto& cell : head.cells) names.push_back(fmt::format("\"{}\"", excerpt(cell)));
    bad(file, head.line,
        fmt::format("no column is called \"{}\" among {}; expected a first line with the columns' names: add "
                    "it, or rename the column",
                    name, fmt::join(names, ", ")));
}

Table read_table(std::string_view bytes, char separator, const std::string& file) {
    if (!is_valid_utf8(bytes)) bad(file, 1, "the file is not UTF-8; expected UTF-8: save it as such");
    if (bytes.starts_with("\xef\xbb\xbf")) bytes.remove_prefix(3);
    Table table;
    table.file = file;
    for (Scanner scanner(bytes, separator, file); !scanner.done();) {
        TableRow row = scanner.row();
        if (is_blank(row)) continue;
        if (table.head.cells.empty()) {
            table.head = std::move(row);
            continue;
        }
        if (row.cells.size() != table.head.cells.size())
            bad(file, row.line,
                fmt::format("{} cells; expected {}, as many as the first line has: quote cells that hold the "
                            "separator",
                            row.cells.size(), table.head.cells.size()));
        table.rows.push_back(std::move(row));
    }
    if (table.rows.empty()) bad(file, 1, "no row below the columns' names; expected at least one: add rows");
    return table;
}

char table_separator(std::string_view file) noexcept {
    return file.ends_with(".csv") ? ',' : file.ends_with(".tsv") ? '\t' : '\0';
}

}  // namespace tiller

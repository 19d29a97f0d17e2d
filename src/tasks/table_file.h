// Reads tables of text: comma- or tab-separated files, as spreadsheets write them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tiller {

struct TableRow {
    std::size_t line = 0;  ///< The line of the file where the row begins, from 1.
    std::vector<std::string> cells;
};

/// A table whose first row has the names of the columns. All rows have as many cells as that one.
struct Table {
    TableRow head;
    std::vector<TableRow> rows;
    /// The index of the column called `name` (lower case); case and blanks in the file's names do not count.
    /// Throws bad_input when no column is called that (listing the names there are), or when two are.
    std::size_t column(std::string_view name) const;
    std::string file;  ///< For messages.
};

/// Reads a table (RFC 4180, with any separator): cells in double quotes may have separators, line breaks and
/// doubled quotes; CRLF and LF end rows; blank lines and a byte order mark are skipped. Throws bad_input,
/// naming `file` and the line: not UTF-8, a quote that does not end, text after a closing quote, a row of
/// another length, no row at all.
Table read_table(std::string_view bytes, char separator, const std::string& file);

/// ',' for ".csv", a tab for ".tsv", 0 for any other name.
char table_separator(std::string_view file) noexcept;

}  // namespace tiller

// Tables of text: comma- or tab-separated files, as spreadsheets write them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tiller {

struct TableRow {
    std::size_t line = 0;  ///< Where it begins, counted from 1.
    std::vector<std::string> cells;
};

/// A table with a row of names at its head. `cells` of all rows have the head's length.
struct Table {
    TableRow head;
    std::vector<TableRow> rows;
    /// The place of a named column, in the head's order; case and blanks around the name do not count. Throws
    /// bad_input, with the names that are there, and where two columns have it.
    std::size_t column(std::string_view name) const;
    std::string file;  ///< For messages.
};

/// Reads a table (RFC 4180, with any separator): cells in double quotes may hold separators, line breaks and
/// doubled quotes; CRLF and LF end rows; blank lines and a byte order mark are skipped. Throws bad_input,
/// with the line: not UTF-8, a quote that does not end, text behind a closing quote, a row of another length,
/// no row at all.
Table read_table(std::string_view bytes, char separator, const std::string& file);

/// ',' for ".csv", a tab for ".tsv", 0 for any other name.
char table_separator(std::string_view file) noexcept;

}  // namespace tiller

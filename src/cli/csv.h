// Rows of CSV and TSV files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tiller::cli {

/// One row of a table, and the line of the file that it begins on (from 1).
struct CsvRow {
    std::vector<std::string> cells;
    int line = 1;
};

/// The rows of a table (RFC 4180): cells between `separator`, quoted with " where they hold one, a quote or a
/// line break; "" in quotes is a quote. Blank lines are left out, as is a byte order mark. Throws bad_input,
/// with `name` and the line: a quote that does not end, or something between a quote and a separator; bytes
/// that are not UTF-8.
std::vector<CsvRow> csv_rows(std::string_view bytes, char separator, const std::string& name);

}  // namespace tiller::cli

// Escapes text from models, tasks and plans for the format that it is written into. Invalid UTF-8 becomes
// U+FFFD.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace tiller::report {

/// For element content and quoted attributes: & < > " ' are escaped, control characters become their pictures
/// (U+2400 ...); line breaks and tabs stay.
std::string html(std::string_view text);

/// A model's text as one line of HTML. Line breaks, tabs and blanks at the ends become visible signs in
/// <span class="ws">. Text beyond `limit` characters is cut, with a note of how many are missing.
std::string html_sample(std::string_view text, std::size_t limit);

/// JSON for <script type="application/json">: ASCII without <, > and &, so that no text can end the element.
std::string script_json(const nlohmann::json& json);

/// One CSV cell of text (RFC 4180). Text that a spreadsheet would read as a formula gets an apostrophe before
/// it.
std::string csv_text(std::string_view text);

/// Plain text in a line or a table cell of Markdown: no character keeps its meaning as markup.
std::string markdown(std::string_view text);

/// A Markdown code span for a table cell with a model's text. Line breaks and tabs become visible signs; text
/// beyond `limit` characters is cut, with a note of how many are missing.
std::string markdown_sample(std::string_view text, std::size_t limit);
/// The same outside a table, where "|" needs no escape and would show one.
std::string markdown_code(std::string_view text, std::size_t limit);

/// Text for a terminal in one line: without control characters, so that data cannot send escape sequences.
std::string terminal_text(std::string_view text);

/// The number of columns that valid UTF-8 text takes on a terminal.
int columns_of(std::string_view text);

/// Valid UTF-8 `text` cut to at most `columns` columns, the ellipsis at the cut included.
std::string fit(std::string_view text, int columns);

}  // namespace tiller::report

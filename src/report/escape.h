// Text from outside (models, tasks, plans) made harmless for the format it goes into.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace tiller::report {

/// For element content and quoted attributes: valid UTF-8, & < > " ' escaped, control characters shown as
/// their pictures (U+2400 ...); line breaks and tabs stay.
std::string html(std::string_view text);

/// A model's text in one line of HTML: line breaks, tabs and blanks at the ends are visible signs in
/// <span class="ws">; beyond `limit` characters it is cut and says how much is missing.
std::string html_sample(std::string_view text, std::size_t limit);

/// JSON for <script type="application/json">: no <, >, & and no U+2028/9, so that no text can end the
/// element.
std::string script_json(const nlohmann::json& json);

/// One CSV cell of text (RFC 4180). What a spreadsheet would take for a formula gets an apostrophe in front.
std::string csv_text(std::string_view text);

/// Plain Markdown text in a line or a table cell: no character keeps a meaning of its own.
std::string markdown(std::string_view text);

/// A code span that shows a model's text as it is; line breaks become visible; cut beyond `limit` characters.
std::string markdown_sample(std::string_view text, std::size_t limit);

/// Text for a terminal: no control characters (no escape sequences from data), no line breaks.
std::string terminal_text(std::string_view text);

/// Columns that valid UTF-8 text takes on a terminal.
int columns_of(std::string_view text);

/// The longest beginning of valid UTF-8 `text` that takes at most `columns`; with an ellipsis when cut.
std::string fit(std::string_view text, int columns);

}  // namespace tiller::report

#include "report/escape.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/util.h"
#include "report/numbers.h"

namespace tiller::report {
namespace {

// Calls `use(code point, its bytes)` for each character of valid UTF-8.
template <class Use>
void each_character(std::string_view text, Use use) {
    const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
    for (std::size_t i = 0; i < text.size();) {
        utf8proc_int32_t c = 0;
        const auto n = utf8proc_iterate(bytes + i, static_cast<utf8proc_ssize_t>(text.size() - i), &c);
        if (n <= 0) return;  // cannot happen with valid text
        use(static_cast<char32_t>(c), text.substr(i, static_cast<std::size_t>(n)));
        i += static_cast<std::size_t>(n);
    }
}

bool is_control(char32_t c) { return c < 0x20 || (c >= 0x7f && c < 0xa0); }

/// Characters that reorder the text around them. They do no harm within a cell of a web page, but may mislead
/// in a terminal or an editor.
bool is_bidi_control(char32_t c) {
    return c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069);
}

/// The picture U+2400 + c of a control character; U+FFFD for those above ASCII, which have none.
std::string picture(char32_t c) {
    if (c == 0x7f) return "\u2421";
    if (c >= 0x20) return "\ufffd";
    std::string out = "\u2400";
    out.back() = static_cast<char>(static_cast<unsigned char>(out.back()) + c);
    return out;
}

void add_html(std::string& out, char32_t c, std::string_view bytes) {
    switch (c) {
        case '&': out += "&amp;"; return;
        case '<': out += "&lt;"; return;
        case '>': out += "&gt;"; return;
        case '"': out += "&quot;"; return;
        case '\'': out += "&#39;"; return;
        default: break;
    }
    if (is_control(c) && c != '\n' && c != '\t')
        out += picture(c);
    else
        out += bytes;
}

std::size_t count_characters(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

/// The first `limit` characters of valid text.
std::string_view first_characters(std::string_view text, std::size_t limit) {
    std::size_t end = 0;
    for (std::size_t n = 0; end < text.size(); ++end) {
        const bool starts = (static_cast<unsigned char>(text[end]) & 0xc0) != 0x80;
        if (starts && n++ == limit) break;
    }
    return text.substr(0, end);
}

std::string cut_note(std::size_t missing) {
    return fmt::format("\u2026 ({} more characters)", format_count(missing));
}

}  // namespace

std::string html(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    each_character(valid_utf8(text), [&](char32_t c, std::string_view bytes) { add_html(out, c, bytes); });
    return out;
}

std::string html_sample(std::string_view text, std::size_t limit) {
    const std::string valid = valid_utf8(text);
    if (valid.empty()) return R"(<span class="ws">(empty)</span>)";
    const std::string_view shown = first_characters(valid, limit);
    const std::size_t first = std::min(shown.find_first_not_of(' '), shown.size());
    const std::size_t last = shown.find_last_not_of(' ');  // npos + 1 == 0 when all are blanks
    std::string out;
    std::size_t at = 0;
    each_character(shown, [&](char32_t c, std::string_view bytes) {
        const bool outer_blank = c == ' ' && (at < first || (at > last && shown.size() == valid.size()));
        at += bytes.size();
        if (c == '\n')
            out += "<span class=\"ws\">\u21b5</span><wbr>";
        else if (c == '\t')
            out += "<span class=\"ws\">\u21e5</span><wbr>";
        else if (outer_blank)
            out += "<span class=\"ws\">\u00b7</span>";
        else
            add_html(out, c, bytes);
    });
    if (shown.size() < valid.size())
        out += fmt::format(R"(<span class="ws">{}</span>)",
                           cut_note(count_characters(valid) - count_characters(shown)));
    return out;
}

std::string script_json(const nlohmann::json& json) {
    // ASCII only: U+2028/9 and every other character above 0x7f come out as \u escapes.
    const std::string plain = json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
    std::string out;
    out.reserve(plain.size());
    for (const char c : plain) {
        if (c == '<' || c == '>' || c == '&')
            out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        else
            out += c;
    }
    return out;
}

std::string csv_text(std::string_view text) {
    std::string clean;
    each_character(valid_utf8(text), [&](char32_t c, std::string_view bytes) {
        clean += is_control(c) && c != '\n' && c != '\t' && c != '\r' ? picture(c) : std::string(bytes);
    });
    // Full-width signs as well: spreadsheets in East Asian locales read them like the ASCII ones.
    constexpr std::string_view starts[] = {"=",  "+",      "-",      "@",      "\t",    "\r",
                                           "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"};
    const bool formula = std::any_of(std::begin(starts), std::end(starts),
                                     [&](std::string_view start) { return clean.starts_with(start); });
    if (formula) clean.insert(0, 1, '\'');
    if (clean.find_first_of(",\"\r\n") == std::string::npos) return clean;
    std::string out = "\"";
    for (const char c : clean) {
        if (c == '"') out += '"';
        out += c;
    }
    return out + '"';
}

std::string markdown(std::string_view text) {
    std::string out;
    each_character(valid_utf8(text), [&](char32_t c, std::string_view bytes) {
        constexpr std::string_view special = "\\`*_{}[]()#+!|~$";
        if (c == '&')
            out += "&amp;";
        else if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else if (c == ':')
            out += out.empty() || out.back() == ' ' ? "\\:" : ":";
        else if (c == '@')
            out += "&#64;";
        else if (c == '\n' || c == '\t' || c == '\r')
            out += ' ';
        else if (is_control(c) || is_bidi_control(c))
            out += is_control(c) ? picture(c) : "\ufffd";
        else {
            if (c < 0x80 && special.find(static_cast<char>(c)) != std::string_view::npos) out += '\\';
            out += bytes;
        }
    });
    // GitHub turns bare addresses into links: escape the signs that it recognises them by.
    for (const std::string_view link : {"://", "www."})
        for (auto at = out.find(link); at != std::string::npos; at = out.find(link, at + 5))
            out.replace(at, 1, link == "://" ? "&#58;" : "&#119;");
    return out;
}

std::string markdown_code(std::string_view text, std::size_t limit) {
    const std::string valid = valid_utf8(text);
    if (valid.empty()) return "(empty)";
    const std::string_view shown = first_characters(valid, limit);
    std::string clean;
    std::size_t run = 0, longest = 0;
    each_character(shown, [&](char32_t c, std::string_view bytes) {
        longest = std::max(longest, run = c == '`' ? run + 1 : 0);
        if (c == '\n')
            clean += "\u21b5";
        else if (c == '\t')
            clean += "\u21e5";
        else if (is_control(c))
            clean += picture(c);
        else if (is_bidi_control(c))
            clean += "\ufffd";
        else
            clean += bytes;
    });
    if (shown.size() < valid.size()) clean += cut_note(count_characters(valid) - count_characters(shown));
    const std::string fence(longest + 1, '`');
    // Markdown removes one blank at each end of a code span.
    return fmt::format("{} {} {}", fence, clean, fence);
}

std::string markdown_sample(std::string_view text, std::size_t limit) {
    std::string out = markdown_code(text, limit);
    // Tables are split into cells before code spans are parsed.
    for (auto at = out.find('|'); at != std::string::npos; at = out.find('|', at + 2))
        out.insert(at, 1, '\\');
    return out;
}

std::string terminal_text(std::string_view text) {
    std::string out;
    each_character(valid_utf8(text), [&](char32_t c, std::string_view bytes) {
        if (c == '\n' || c == '\t' || c == '\r')
            out += ' ';
        else if (is_control(c))
            out += picture(c);
        else if (is_bidi_control(c) || c == 0x2028 || c == 0x2029)
            out += "\ufffd";
        else
            out += bytes;
    });
    return out;
}

int columns_of(std::string_view text) {
    int columns = 0;
    each_character(text, [&](char32_t c, std::string_view) {
        columns += std::max(utf8proc_charwidth(static_cast<utf8proc_int32_t>(c)), 0);
    });
    return columns;
}

std::string fit(std::string_view text, int columns) {
    if (columns_of(text) <= columns) return std::string(text);
    if (columns <= 0) return "";
    std::string out;
    int used = 0;
    bool full = false;
    each_character(text, [&](char32_t c, std::string_view bytes) {
        const int width = std::max(utf8proc_charwidth(static_cast<utf8proc_int32_t>(c)), 0);
        full = full || used + width > columns - 1;
        if (full) return;
        used += width;
        out += bytes;
    });
    return out + "\u2026";
}

}  // namespace tiller::report

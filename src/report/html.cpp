#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "core/util.h"
#include "report/answers.h"
#include "report/assets.h"
#include "report/escape.h"
#include "report/judge.h"
#include "report/page.h"
#include "tiller/report.h"

namespace tiller {
namespace {

using namespace report;

/// A hexadecimal SHA-256 as base64, the form that a content security policy needs.
std::string base64_of_hex(const std::string& hex) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string bytes, out;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t group = 0;
        for (std::size_t k = 0; k < 3; ++k)
            group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
        for (int k = 0; k < 4; ++k) out += digits[group >> (18 - 6 * k) & 63];
    }
    const std::size_t missing = (3 - bytes.size() % 3) % 3;
    return out.replace(out.size() - missing, missing, std::string(missing, '='));
}

/// Allows only these scripts, by their hashes. Script injected through a missing escape would not run.
std::string security_policy(std::span<const std::string_view> scripts) {
    std::string allowed;
    for (const auto script : scripts) allowed += fmt::format(" 'sha256-{}'", base64_of_hex(sha256(script)));
    return fmt::format(
        "default-src 'none'; script-src{}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'",
        allowed);
}

/// The table of contents.
std::string contents(const Summary& summary, const std::vector<Cost>& costs) {
    const auto link = [](const std::string& anchor, const std::string& text, const char* classes = "") {
        return fmt::format(R"(<li{}><a href="#{}">{}</a></li>)", classes, anchor, html(text));
    };
    std::string out = R"(<nav aria-label="Contents"><ol>)";
    const bool answered = summary.analysis(kAnswers) != nullptr;
    if (answered) out += link("answers", "Which method");
    if (!answered || !summary.findings.empty()) out += link("findings", "Findings");
    if (!summary.tasks.empty()) out += link("overview", "Overview") + link("tasks", "All tasks");
    if (summary.analyses.size() > (answered ? 1 : 0)) out += link("analyses", "Over all tasks");
    for (std::size_t i = 0; i < summary.tasks.size(); ++i)
        out += link(task_anchor(i), task_title(summary, summary.tasks[i]), R"( class="inner")");
    if (!costs.empty()) out += link("cost", "Cost");
    if (!summary.notes.empty() || !summary.tasks.empty()) out += link("notes", "How it was done");
    return out + link("provenance", "Provenance") + "</ol></nav>";
}

}  // namespace

namespace report {

std::string page_of(const std::string& title, const std::string& style, const std::string& body,
                    std::span<const std::string_view> scripts) {
    std::string out = fmt::format(
        R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{}</title>
<style>{}</style>
</head>
<body>
)",
        security_policy(scripts), html(title), style);
    out += body;
    for (const auto script : scripts) {
        out += "<script>";
        out += script;
        out += "</script>\n";
    }
    return out + "</body>\n</html>\n";
}

std::string whole_page(const std::string& title, const Palette& palette, const std::string& body) {
    const std::array<std::string_view, 4> scripts = {vega_js(), vega_lite_js(), vega_embed_js(),
                                                     page_script()};
    return page_of(title, page_style(palette), body, scripts);
}

}  // namespace report

std::string report_html(const Summary& summary, const std::vector<Cost>& costs, const UseText& use) {
    const Palette palette(summary);
    std::string out = contents(summary, costs) + "<main>\n";
    out += title_section(summary) + "\n" + answers_section(summary, use) + "\n" + findings_section(summary) +
           "\n" + overview_section(summary, palette) + "\n" + matrix_section(summary, palette) + "\n" +
           analyses_section(summary);
    if (!summary.tasks.empty())
        out +=
            "\n<section><h2>Task by task</h2><p class=\"unfold-line\"><button type=\"button\" "
            "class=\"unfold\" hidden>Unfold all tasks</button></p>\n";
    // With a table of answers at the top all tasks begin folded, else the first one is open.
    const bool answered = summary.analysis(kAnswers) != nullptr;
    for (std::size_t i = 0; i < summary.tasks.size(); ++i)
        out += task_section(summary, i, palette, i == 0 && !answered, use) + "\n";
    if (!summary.tasks.empty()) out += "</section>\n";
    out += cost_section(costs, palette) + "\n" + notes_section(summary) + "\n" + provenance_section(summary);
    return whole_page(report_title(summary), palette, out + "\n</main>\n");
}

}  // namespace tiller

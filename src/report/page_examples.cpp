#include <fmt/format.h>

#include <algorithm>

#include "report/escape.h"
#include "report/judge.h"
#include "report/page.h"

namespace tiller::report {
namespace {

constexpr std::size_t longest_sample = 600;  // in characters; the whole text is in the JSON report

std::string cell(const std::string& head, const std::string& text, const char* classes) {
    return fmt::format(R"(<td class="text {}" data-head="{}">{}</td>)", classes, html(head),
                       html_sample(text, longest_sample));
}

}  // namespace

std::string examples_table(const TaskSummary& task, const Palette& palette) {
    if (task.examples.empty()) return "";
    // The chosen settings come first, because columns on the right may be out of sight.
    std::vector<const SettingSummary*> settings;
    for (const auto& setting : task.test) settings.push_back(&setting);
    std::stable_partition(settings.begin(), settings.end(),
                          [](const SettingSummary* setting) { return setting->kind == Kind::chosen; });
    std::string table =
        R"(<table class="examples"><thead><tr><th scope="col">input</th><th scope="col">wanted</th>)";
    for (const auto* setting : settings)
        table +=
            fmt::format(R"(<th scope="col">{}{}</th>)", palette.sign(*setting), html(short_name(*setting)));
    table += "</tr></thead><tbody>";
    for (const auto& example : task.examples) {
        table += "<tr>" + cell("input", example.input, "") + cell("wanted", example.target, "");
        for (const auto* setting : settings) {
            const auto found = example.outputs.find(setting->id);
            table += found == example.outputs.end() ? "<td></td>"
                                                    : cell(short_name(*setting), found->second, "out");
        }
        table += "</tr>";
    }
    return "<h4>Examples</h4>" + scrolled(task.name + ": examples", table + "</tbody></table>") +
           "<p class=\"quiet\">Test items fixed before the run, with the text as the model generated it. "
           "<span class=\"ws\">\u21b5</span> line break, <span class=\"ws\">\u21e5</span> tab, <span "
           "class=\"ws\">\u00b7</span> blank at an end.</p>";
}

}  // namespace tiller::report

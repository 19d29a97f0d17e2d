#include <fmt/format.h>

#include <algorithm>

#include "report/escape.h"
#include "report/numbers.h"
#include "report/page.h"

namespace tiller::report {

std::string task_anchor(std::size_t index) { return fmt::format("task-{}", index + 1); }

std::string page_header(const std::string& anchor, const std::string& title, const std::string& question,
                        const std::vector<std::string>& findings) {
    std::string out = fmt::format("<header{}><h1>{}</h1>",
                                  anchor.empty() ? "" : fmt::format(R"( id="{}")", anchor), html(title));
    if (!question.empty()) out += fmt::format(R"(<p class="question">{}</p>)", html(question));
    for (const auto& finding : findings) out += fmt::format(R"(<p class="finding">{}</p>)", html(finding));
    return out + "</header>";
}

std::string figure(const Chart& chart) {
    const std::string caption =
        chart.caption.empty() ? "" : fmt::format("<figcaption>{}</figcaption>", html(chart.caption));
    std::string name = chart.name;  // a file name: its dashes become blanks for screen readers
    for (char& c : name)
        if (c == '-' || c == '_') c = ' ';
    return fmt::format(
        R"(<figure class="chart" aria-label="Chart: {0}" data-name="{1}" data-panels="{2}"><div class="drawing"></div>)"
        R"(<script type="application/json">{3}</script>{4})"
        R"(<button type="button" class="save" hidden aria-label="Save the chart {0} as SVG">Save SVG</button></figure>)",
        html(name), html(chart.name), chart.panels, script_json(chart.spec), caption);
}

std::string captioned(const std::string& name, std::string table) {
    const auto open = table.find('>');  // attributes of the table contain no '>'
    return table.insert(open + 1, fmt::format(R"(<caption class="unseen">{}</caption>)", html(name)));
}

std::string scrolled(const std::string& name, const std::string& table) {
    return fmt::format(R"(<div class="scroll" tabindex="0" role="group" aria-label="{}">{}</div>)",
                       html(name), captioned(name, table));
}

std::string command_line(const std::string& command, const std::string& what) {
    return fmt::format(
        R"(<code>{}</code><button type="button" class="copy" hidden aria-label="Copy the command {}">Copy</button>)",
        html(command), html(what));
}

std::string with_minus(std::string text) {
    for (std::size_t at = 0; (at = text.find('-', at)) != std::string::npos; at += 3)
        text.replace(at, 1, "\u2212");
    return text;
}

std::string interval_cell(const Interval* interval, const std::string& classes) {
    if (!interval) return R"(<td class="num none">&ndash;</td>)";
    const std::string text = with_minus(
        fmt::format("{} <small>{}</small>", format_value(interval->mean), format_range(*interval)));
    return fmt::format(R"(<td class="num{}{}">{}</td>)", classes.empty() ? "" : " ", classes, text);
}

std::string metric_head(const std::string& metric) {
    const Metric* known = find_metric(metric);
    return fmt::format(R"(<th class="num" scope="col"{}>{}</th>)",
                       known ? fmt::format(R"( title="{}")", html(known->explanation)) : "",
                       html(metric_label(metric)));
}

}  // namespace tiller::report

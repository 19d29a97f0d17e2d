// The first screen of a comparison: one row for each task.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/names.h"
#include "report/answer_picture.h"
#include "report/answers.h"
#include "report/escape.h"
#include "report/judge.h"
#include "report/numbers.h"
#include "report/page.h"

namespace tiller::report {
namespace {

constexpr std::size_t longest_remark = 110;  // in bytes; the whole remark is in the table of numbers

// A remark has parts separated by semicolons; returns the first ones that fit in two lines.
std::string short_remark(const std::string& remark) {
    if (remark.size() <= longest_remark) return remark;
    const auto cut = remark.rfind("; ", longest_remark);
    return cut == std::string::npos || cut == 0 ? remark : remark.substr(0, cut) + "; \u2026";
}

// A difference with its sign: "+0.45 [0.26, 0.60]".
std::string signed_interval(const Interval& value) {
    return with_minus((value.mean >= 0 ? "+" : "") + format_interval(value));
}

// The name as HTML that allows a line break after each underscore.
std::string breakable(const std::string& name) {
    std::string out = html(name);
    for (std::size_t at = 0; (at = out.find('_', at)) != std::string::npos; at += 6)
        out.insert(at + 1, "<wbr>");
    return out;
}

const TaskSummary* task_of(const Summary& summary, const Answer& answer) {
    return answer.tasks.empty() ? nullptr : &summary.tasks[answer.tasks.front()];
}

std::string task_cell(const Summary& summary, const Answer& answer) {
    const TaskSummary* task = task_of(summary, answer);
    if (!task) return fmt::format(R"(<th scope="row" role="rowheader">{}</th>)", html(answer.name));
    std::string what = html(metric_label(task->primary));
    if (summary.models.size() > 1) what += ", " + html(model_title(task->model));
    if (answer.tasks.size() > 1) what += fmt::format(", {} seeds", answer.tasks.size());
    return fmt::format(
        R"(<th scope="row" role="rowheader"><a href="#{}">{}</a><small class="quiet">{}</small></th>)",
        task_anchor(answer.tasks.front()), breakable(task->name), what);
}

// The winner in bold; or, not in bold, that none is shown to work.
std::string method_cell(const Answer& answer) {
    std::string out = R"(<td role="cell" class="method">)";
    if (answer.shown)
        out += fmt::format(R"(<b class="winner">{}</b>)", html(method_title(answer.method)));
    else if (answer.method.empty())
        out += "none shown";
    else
        out += fmt::format(R"(none shown<small>nearest: {}</small>)", html(method_title(answer.method)));
    if (std::isfinite(answer.over_zero_shot.mean))
        out += fmt::format(R"(<small>{}<span class="over"> over zero-shot</span></small>)",
                           signed_interval(answer.over_zero_shot));
    return out + "</td>";
}

// A number for readers who cannot see the picture: "zero-shot 0.12 [0.05, 0.20]; ".
std::string heard(const char* what, const Interval& value) {
    return std::isfinite(value.mean) ? fmt::format("{} {}; ", what, with_minus(format_interval(value))) : "";
}

// A picture where the task's primary metric is a share, else the same numbers as text.
std::string picture_cell(const Summary& summary, const Answer& answer) {
    const TaskSummary* task = task_of(summary, answer);
    if (!task) return R"(<td role="cell" class="picture"></td>)";
    const std::string few = few_shot_id(*task);
    const Interval zero_shot = score_of(summary, answer, "zero-shot"),
                   few_shot = few.empty() ? no_number() : score_of(summary, answer, few);
    std::string numbers = heard("zero-shot", zero_shot) + heard(few.c_str(), few_shot) +
                          heard(method_title(answer.method).c_str(), answer.score);
    if (!numbers.empty()) numbers.resize(numbers.size() - 2);
    if (!is_share(task->primary))
        return fmt::format(R"(<td role="cell" class="picture">{}</td>)", html(numbers));
    return fmt::format(
        R"(<td role="cell" class="picture">{}</td>)",
        answer_picture(zero_shot, few_shot, answer.score, answer.shown,
                       fmt::format("{}, from 0 to 1: {}", metric_label(task->primary), numbers)));
}

std::string damage_cell(const Answer& answer) {
    std::string out;
    if (std::isfinite(answer.broken)) out += fmt::format("<span>{:.0f} % broken</span>", 100 * answer.broken);
    if (std::isfinite(answer.perplexity))
        out += fmt::format("<span>perplexity \u00d7\u00a0{}</span>", format_value(answer.perplexity));
    if (out.empty())
        return R"(<td role="cell" class="damage unmeasured"><span class="quiet">not measured</span></td>)";
    return fmt::format(R"(<td role="cell" class="damage">{}</td>)", out);
}

// The command for the first seed's vector. Empty for methods that are not shown to work: they are not
// recommended.
std::string use_of(const Summary& summary, const Answer& answer, const UseText& use) {
    const TaskSummary* task = task_of(summary, answer);
    if (!use || !task || !answer.shown) return "";
    const auto winner = std::find_if(task->winners.begin(), task->winners.end(), [&](const WinnerSummary& w) {
        return w.method == answer.method && w.shown;
    });
    if (winner == task->winners.end()) return "";
    return fmt::format(R"(<div class="command">{}</div>)",
                       command_line(use(*task, *winner), "for " + answer.name));
}

std::string answers_table(const Summary& summary, const std::vector<Answer>& answers, const UseText& use) {
    std::string table = fmt::format(
        R"(<table class="answers" role="table"><thead role="rowgroup"><tr role="row">)"
        R"(<th scope="col" role="columnheader">task</th><th scope="col" role="columnheader">winner, gain over zero-shot</th>)"
        R"(<th scope="col" role="columnheader">score{}</th><th scope="col" role="columnheader">damage</th>)"
        R"(<th scope="col" role="columnheader">remark, and how to use it</th></tr></thead>)"
        R"(<tbody role="rowgroup">)",
        answer_axis());
    for (const auto& answer : answers)
        table +=
            fmt::format(R"(<tr role="row">{}{}{}{}<td role="cell" class="remark"><p>{}</p>{}</td></tr>)",
                        task_cell(summary, answer), method_cell(answer), picture_cell(summary, answer),
                        damage_cell(answer), html(short_remark(answer.remark)), use_of(summary, answer, use));
    return captioned("For each task: winner, score, damage and how to use it", table + "</tbody></table>");
}

}  // namespace

std::string answers_section(const Summary& summary, const UseText& use) {
    const AnalysisSummary* table = summary.analysis(kAnswers);
    if (!table) return "";
    const auto answers = answers_of(summary);
    const std::string note =
        table->note.empty() ? "" : fmt::format(R"(<p class="quiet">{}</p>)", html(table->note));
    const std::string numbers = analysis_table(*table, "For each task, all numbers") + note;
    std::string out = fmt::format(R"(<section id="answers"><h2>{}</h2>)", html(table->title));
    if (answers.empty()) return out + numbers + "</section>";  // the table is from an older version
    return out +
           fmt::format(
               R"(<div class="answer-legend"><p class="legend">{}<span class="quiet">lines: 95 % intervals</span></p>)"
               R"(<button type="button" class="save" hidden aria-label="Save the picture of all tasks as SVG">Save SVG</button></div>)"
               R"({}<details class="more"><summary>All numbers, and how to read them</summary>{}</details></section>)",
               answer_legend(), answers_table(summary, answers, use), numbers);
}

}  // namespace tiller::report

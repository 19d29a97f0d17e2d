#include <gtest/gtest.h>

#include <limits>
#include <sstream>

#include "report/escape.h"
#include "report/numbers.h"
#include "tiller/report.h"
#include "unit/test_report_summary.h"

namespace tiller {
namespace {

using namespace report;

TEST(ReportCsv, Golden) {
    EXPECT_EQ(
        report_csv(test::small_summary()),
        "model,task,family,seed,phase,setting,method,kind,parameters,metric,versus,mean,low,high,n\n"
        "tiny,antonym,functional,18446744073709551615,test,zero-shot,none,baseline,,first_token,,0.125,0,0."
        "25,20\n"
        "tiny,antonym,functional,18446744073709551615,test,zero-shot,none,baseline,,rank,,12.5,10,15,20\n"
        "tiny,antonym,functional,18446744073709551615,test,fv-paper,fv,paper,,first_token,,0.25,0.125,0.375,"
        "20\n"
        "tiny,antonym,functional,18446744073709551615,test,fv-paper,fv,paper,,rank,,12.5,10,15,20\n"
        "tiny,antonym,functional,18446744073709551615,test,fv-paper,fv,paper,,first_token,random,0.125,-0."
        "0625,0.25,20\n"
        "tiny,antonym,functional,18446744073709551615,test,fv-chosen,fv,chosen,heads=2 layer=1 "
        "scale=1.5,first_token,,0.5,0.375,0.625,20\n"
        "tiny,antonym,functional,18446744073709551615,test,fv-chosen,fv,chosen,heads=2 layer=1 "
        "scale=1.5,rank,,12.5,10,15,20\n"
        "tiny,antonym,functional,18446744073709551615,test,fv-chosen,fv,chosen,heads=2 layer=1 "
        "scale=1.5,first_token,random,0.375,0.125,0.5,20\n"
        "tiny,antonym,functional,18446744073709551615,test,fv-chosen,fv,chosen,heads=2 layer=1 "
        "scale=1.5,first_token,zero-shot,0.375,0.125,0.5,20\n"
        "tiny,antonym,functional,18446744073709551615,test,random,random,control,,first_token,,0.125,0,0.25,"
        "20\n"
        "tiny,antonym,functional,18446744073709551615,test,random,random,control,,rank,,12.5,10,15,20\n"
        "tiny,antonym,functional,18446744073709551615,grid,fv heads=2 layer=1 scale=1,fv,grid,heads=2 "
        "layer=1 scale=1,first_token,,0.25,0.125,0.375,20\n"
        "tiny,antonym,functional,18446744073709551615,grid,fv heads=2 layer=1 scale=1.5,fv,grid,heads=2 "
        "layer=1 scale=1.5,first_token,,0.375,0.25,0.5,20\n"
        "tiny,antonym,functional,18446744073709551615,parts,place,,analysis,,share,,0.5,0.25,0.75,\n"
        "tiny,antonym,functional,18446744073709551615,parts,place,,analysis,,cells,,4,,,\n"
        "tiny,antonym,functional,18446744073709551615,parts,operation,,analysis,,share,,0.125,,,\n"
        "tiny,antonym,functional,18446744073709551615,parts,operation,,analysis,,cells,,,,,\n"
        ",all,,0,flips,exact,,analysis,,agree,,0.75,,,\n");
}

TEST(ReportCsv, TextsAreQuotedAndNoFormulas) {
    EXPECT_EQ(csv_text("a,b"), "\"a,b\"");
    EXPECT_EQ(csv_text("say \"hi\"\n"), "\"say \"\"hi\"\"\n\"");
    for (const char* start : {"=", "+", "-", "@", "\t", "\uff1d"}) {
        const std::string cell = csv_text(std::string(start) + "cmd");
        EXPECT_EQ(cell, "'" + std::string(start) + "cmd");
    }
    EXPECT_EQ(csv_text("\ncmd"), "\"'\ncmd\"");
    EXPECT_EQ(csv_text(std::string("a\0b\xff", 4)), "a\u2400b\ufffd");
}

TEST(ReportCsv, NumbersStayNumbersAndNanIsNamed) {
    Summary summary = test::small_summary();
    summary.tasks[0].test[0].metrics["rank"] = {-3.5, std::numeric_limits<double>::quiet_NaN(), 1e300};
    EXPECT_NE(report_csv(summary).find(",rank,,-3.5,n/a,1e+300,20\n"), std::string::npos);
}

TEST(ReportMarkdown, Golden) {
    EXPECT_EQ(report_markdown(test::small_summary(), test::small_costs()), R"(# A small study

Does it steer?

## Findings

- It does, a little.

## All tasks

Mean of the task's primary metric with its 95 % interval. Bold: the best steering method, where it is shown to work. `=`: no better than the random directions.

| task | metric | zero-shot | FV paper | FV chosen | random |
|---|---|--:|--:|--:|--:|
| antonym | first token | 0.12 \[0.00, 0.25\] | 0.25 \[0.12, 0.38\] = | **0.50 \[0.38, 0.62\]** | 0.12 \[0.00, 0.25\] |

Rankings:

| metric | agree |
|---|--:|
| exact | 0.75 |

## Task by task

### antonym

FV beats random directions.

functional, seed 18446744073709551615; 60 training, 10 validation and 20 test items; judged by first token.

| setting | first token | rank | over zero-shot | over random | items up / down | n |
|---|--:|--:|--:|--:|--:|--:|
| Zero-shot | 0.12 \[0.00, 0.25\] | 12.5 \[10.0, 15.0\] |  |  |  | 20 |
| FV, paper | 0.25 \[0.12, 0.38\] = | 12.5 \[10.0, 15.0\] |  | 0.12 \[-0.06, 0.25\] |  | 20 |
| FV, chosen \(heads 2\) | **0.50 \[0.38, 0.62\]** | 12.5 \[10.0, 15.0\] | 0.38 \[0.12, 0.50\] | 0.38 \[0.12, 0.50\] | 9 / 1 | 20 |
| Random | 0.12 \[0.00, 0.25\] | 12.5 \[10.0, 15.0\] |  |  |  | 20 |

| first against second | difference | items up / down | p | p, adjusted |
|---|--:|--:|--:|--:|
| fv-chosen against fv-paper | 0.25 \[0.06, 0.50\] | 6 / 1 | 0.12 | 0.25 |

Share of variance:

| factor | share | cells | remark |
|---|--:|--:|--:|
| place | 0.50 \[0.25, 0.75\] | 4 |  |
| operation | 0.12 |  | one cell is missing |

Shares of what differs between cells.

Examples:

| input | wanted | zero-shot | FV paper | FV chosen | random |
|---|---|---|---|---|---|
| ` big ` | ` small ` | `  big↵Q: ` |  | `  small ` |  |

## Cost

| model | method | phase | seconds | tokens | decodes |
|---|---|---|--:|--:|--:|
| tiny | fv | extract | 2.0 | 1000 | 10 |
| tiny | fv | test | 0.5 | 500 | 5 |
| all |  |  | 2.5 | 1500 | 15 |

## How it was done

- Intervals are 95 % intervals.

## Provenance

| model | architecture | parameters | layers | width | heads | file | SHA-256 |
|---|---|--:|--:|--:|--:|--:|--:|
| tiny | llama, F32 | 1 M | 2 | 8 | 2 | ` /models/tiny.gguf `, 5 MB | ` aa11 ` |

| item | value |
|---|---|
| tiller | ` 0.1.0 ` |
| engine | ` 0.5.0 ` |
| machine | ` 2 cores ` |
| command | ` tiller run plan.toml ` |
| plan, SHA-256 | ` bb22 ` |
| task antonym, SHA-256 | ` cc33 ` |
| vector antonym/fv | ` vectors/antonym-fv.gguf ` |
)");
}

TEST(ReportMarkdown, TextHasNoMeaningOfItsOwn) {
    EXPECT_EQ(markdown("<b>|*x*"), "&lt;b&gt;\\|\\*x\\*");
    EXPECT_EQ(markdown("![a](https://a.b)"), "\\!\\[a\\]\\(https&#58;//a.b\\)");
    EXPECT_EQ(markdown("www.a.b"), "&#119;ww.a.b");
    EXPECT_EQ(markdown("a\nb"), "a b");
    EXPECT_EQ(markdown_sample("a``b|c\n", 99), "``` a``b\\|c\u21b5 ```");
    EXPECT_EQ(markdown_sample(std::string(1 << 20, 'x'), 3),
              "` xxx\u2026 (1\u202f048\u202f573 more characters) `");
}

TEST(ReportTerminal, NoLineIsWiderThanAsked) {
    Summary summary = test::small_summary();
    TaskSummary& task = summary.tasks[0];
    task.test[1].label = "\u6f22\u5b57\u6f22\u5b57 wide characters in a label that goes on and on";
    task.name = "\x1b[31mred\n";
    task.verdict = std::string(300, 'v') + " and more";
    for (const int width : {0, 20, 25, 33, 40, 60, 80, 100, 200}) {
        const std::string table = terminal_table(task, width, false);
        EXPECT_EQ(table.find('\x1b'), std::string::npos);
        std::istringstream lines(table);
        for (std::string line; std::getline(lines, line);)
            EXPECT_LE(columns_of(line), std::max(width, 20)) << line;
    }
}

TEST(ReportTerminal, MarksTheBestAndKeepsIntervalsWhenTheyFit) {
    const TaskSummary task = test::small_summary().tasks[0];
    EXPECT_EQ(terminal_table(task, 80, false),
              "antonym  (functional, tiny, 20 test items, seed 18446744073709551615)\n"
              "FV beats random directions.\n"
              "  setting                     first token               rank\n"
              "  Zero-shot             0.12 [0.00, 0.25]  12.5 [10.0, 15.0]\n"
              "  FV, paper             0.25 [0.12, 0.38]  12.5 [10.0, 15.0]\n"
              "* FV, chosen (heads 2)  0.50 [0.38, 0.62]  12.5 [10.0, 15.0]\n"
              "  Random                0.12 [0.00, 0.25]  12.5 [10.0, 15.0]\n"
              "* the best steered setting by first token\n");
    const std::string narrow = terminal_table(task, 30, false);
    EXPECT_NE(narrow.find("0.50\n"), std::string::npos) << narrow;
    const std::string coloured = terminal_table(task, 80, true);
    EXPECT_NE(coloured.find("\x1b[1;32m* FV, chosen"), std::string::npos);
    EXPECT_NE(coloured.find("\x1b[2m  FV, paper"), std::string::npos);
    EXPECT_EQ(terminal_table(TaskSummary{}, 80, false).find("setting"), std::string::npos);
}

TEST(ReportNumbers, Formats) {
    EXPECT_EQ(format_value(0.456), "0.46");
    EXPECT_EQ(format_value(-0.001), "0.00");
    EXPECT_EQ(format_value(12.34), "12.3");
    EXPECT_EQ(format_value(12345.6), "12346");
    EXPECT_EQ(format_value(1.5e9), "1.5e+09");
    EXPECT_EQ(format_value(std::numeric_limits<double>::infinity()), "n/a");
    EXPECT_EQ(format_count(1234567), "1\u202f234\u202f567");
    EXPECT_EQ(format_count(123), "123");
    EXPECT_EQ(format_seconds(7200), "2.0 h");
    EXPECT_EQ(format_seconds(600), "10 min");
    EXPECT_EQ(format_bytes(291546112), "292 MB");
    EXPECT_EQ(metric_label("my_score"), "my score");
}

TEST(TerminalAnalysis, ColumnsThatFitAndNoWiderLine) {
    const AnalysisSummary analysis = test::small_summary().tasks[0].analyses[0];
    EXPECT_EQ(terminal_analysis(analysis, 80),
              "Share of variance\n"
              "factor                 share  cells\n"
              "place      0.50 [0.25, 0.75]      4\n"
              "operation               0.12      -\n");
    EXPECT_EQ(terminal_analysis(analysis, 25),
              "Share of variance\n"
              "factor     share  cells\n"
              "place       0.50      4\n"
              "operation   0.12      -\n");
    for (const int width : {20, 22, 30, 50})
        for (std::string rest = terminal_analysis(analysis, width); !rest.empty();
             rest.erase(0, rest.find('\n') + 1))
            EXPECT_LE(columns_of(rest.substr(0, rest.find('\n'))), width) << rest;
}

}  // namespace
}  // namespace tiller

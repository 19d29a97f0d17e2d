// What a reader with a keyboard, a screen reader, a phone or a sheet of paper relies on, in every page.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <vector>

#include "report/inspect_page.h"
#include "report/page.h"
#include "tiller/report.h"
#include "tiller/study.h"
#include "tiller/sweep.h"
#include "tiller/universal_heads.h"
#include "unit/test_report_summary.h"

namespace tiller {
namespace {

using namespace report;

/// A page without the scripts' and styles' text.
std::string markup_of(const std::string& page) {
    return std::regex_replace(page.substr(0, page.find("</main>")), std::regex("<style>[^<]*</style>"), "");
}

std::vector<std::string> matches(const std::string& text, const std::string& pattern) {
    const std::regex expression(pattern);
    std::vector<std::string> out;
    for (std::sregex_iterator it(text.begin(), text.end(), expression), end; it != end; ++it)
        out.push_back((*it)[0]);
    return out;
}

std::string attribute(const std::string& tag, const std::string& name) {
    std::smatch found;
    return std::regex_search(tag, found, std::regex(" " + name + "=\"([^\"]*)\"")) ? found[1].str() : "";
}

/// The text between this tag and the end tag, without the elements in it.
std::string text_of(const std::string& page, std::size_t begin, const std::string& end) {
    const std::string inside = page.substr(begin, page.find(end, begin) - begin);
    return std::regex_replace(inside, std::regex("<[^>]*>"), "");
}

void expect_every_table_has_a_caption(const std::string& page) {
    for (std::size_t at = page.find("<table"); at != std::string::npos; at = page.find("<table", at + 1)) {
        const std::size_t inside = page.find('>', at) + 1;
        ASSERT_EQ(page.compare(inside, 9, "<caption "), 0) << page.substr(at, 200);
        EXPECT_FALSE(text_of(page, page.find('>', inside) + 1, "</caption>").empty());
    }
}

void expect_every_stop_has_a_name(const std::string& page) {
    for (const auto& tag : matches(page, "<[a-z]+[^>]* tabindex=[^>]*>")) {
        EXPECT_NE(attribute(tag, "aria-label"), "") << tag;
        EXPECT_NE(attribute(tag, "role"), "") << "a name without a role is not said: " << tag;
    }
    for (const std::string name : {"button", "summary", "a"}) {
        const std::regex open("<" + name + "( [^>]*)?>");
        for (std::sregex_iterator it(page.begin(), page.end(), open), end; it != end; ++it) {
            const auto behind = static_cast<std::size_t>(it->position() + it->length());
            EXPECT_FALSE(text_of(page, behind, "</" + name + ">").empty()) << it->str();
        }
    }
}

struct Page {
    const char* name;
    std::string html;
};

std::vector<Page> all_pages() {
    const UseText use = [](const TaskSummary&, const WinnerSummary& winner) { return "use " + winner.file; };
    std::vector<Page> pages;
    for (const char* run : {"tuned", "paper", "crossed", "dose", "transfer"}) {
        const auto folder = std::filesystem::path(TILLER_TESTS_DIR) / "unit" / "old_runs" / run;
        pages.push_back({run, report_html(summarise_run(folder), test::small_costs(), use)});
    }
    // The summary of an older version, whose tables have no ids.
    std::ifstream in(std::filesystem::path(TILLER_TESTS_DIR) / "unit" / "old_runs" / "tuned" /
                     "summary.json");
    const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    pages.push_back({"old summary", report_html(summary_from_json(text), {}, use)});
    pages.push_back({"made up", report_html(test::small_summary(), test::small_costs(), use)});
    Sweep sweep;
    sweep.columns.resize(1);
    sweep.columns[0].cells.resize(1);
    pages.push_back({"sweep", sweep_html(sweep)});
    HeadsAcrossTasks heads;
    heads.tasks.resize(1);
    heads.tasks[0].task = "antonym";
    heads.overlap = {{1}};
    heads.common.resize(1);
    heads.transfer.resize(1, std::vector<SweepCell>(1));
    pages.push_back({"heads", heads_html(heads)});
    std::vector<InspectedText> texts(2);
    texts[1].strength = 1;
    pages.push_back({"inspect", inspect_page({"model", "prompt", {"v.gguf"}}, texts)});
    return pages;
}

TEST(ReportAccess, EveryTableHasACaptionAndEveryStopAName) {
    int n_table = 0, n_frame = 0;
    for (const auto& page : all_pages()) {
        SCOPED_TRACE(page.name);
        const std::string markup = markup_of(page.html);
        expect_every_table_has_a_caption(markup);
        expect_every_stop_has_a_name(markup);
        n_table += static_cast<int>(matches(markup, "<table").size());
        n_frame += static_cast<int>(matches(markup, "class=\"scroll\" tabindex=\"0\"").size());
    }
    EXPECT_GT(n_table, 40);
    EXPECT_GT(n_frame, 30);
}

TEST(ReportAccess, EveryPictureHasANameAndAButtonThatSavesIt) {
    int n_figure = 0;
    for (const auto& page : all_pages()) {
        SCOPED_TRACE(page.name);
        const std::string markup = markup_of(page.html);
        const auto figures = matches(markup, "<figure class=\"chart\"[^>]*>");
        n_figure += static_cast<int>(figures.size());
        for (const auto& tag : figures) EXPECT_GT(attribute(tag, "aria-label").size(), 8U) << tag;
        EXPECT_EQ(matches(markup, "class=\"save\" hidden aria-label=\"Save the chart [^\"]+ as SVG\"").size(),
                  figures.size());
        for (const auto& tag : matches(markup, "<svg [^>]*>"))
            EXPECT_TRUE(!attribute(tag, "aria-label").empty() || attribute(tag, "aria-hidden") == "true")
                << tag;
    }
    EXPECT_GT(n_figure, 10);
}

// The policy forbids handlers in attributes, so one would be a button that does nothing.
TEST(ReportAccess, ButtonsWaitForTheScriptAndHaveNoHandlersOfTheirOwn) {
    for (const auto& page : all_pages()) {
        SCOPED_TRACE(page.name);
        const std::string markup = markup_of(page.html);
        EXPECT_TRUE(matches(markup, " on[a-z]+=").empty());
        for (const auto& tag : matches(markup, "<button [^>]*>")) {
            EXPECT_NE(tag.find(" hidden"), std::string::npos) << tag;
            EXPECT_EQ(attribute(tag, "type"), "button");
        }
    }
    for (const char* action : {"copy", "save", "unfold"})
        EXPECT_NE(page_script().find(std::string("function ") + action + "(button)"), std::string_view::npos);
}

TEST(ReportAccess, EachChartsLegendStandsWithIt) {
    Summary summary = test::small_summary();
    summary.tasks.push_back(summary.tasks[0]);
    summary.tasks[1].name = "formality";
    summary.tasks[1].family = Family::behavioural;
    summary.tasks[1].test.pop_back();
    const std::string page = markup_of(report_html(summary, {}));
    const auto parts = matches(page, "<div class=\"whole\"><h3>[^<]*</h3><p class=\"legend\">");
    EXPECT_EQ(parts.size(), 2U);
    const std::size_t second = page.find("Behavioural"), figure = page.find("<figure", second);
    EXPECT_EQ(page.substr(second, figure - second).find("random"), std::string::npos)
        << "a sign that its chart does not have";
}

TEST(ReportAccess, PrintKeepsTogetherWhatBelongsTogether) {
    const std::string style = page_style(Palette(Summary{}));
    const std::string print = style.substr(style.find("@media print"));
    for (const char* part :
         {"details.more:not([open])", "button", ".whole", "break-inside:avoid", "break-after:avoid"})
        EXPECT_NE(print.find(part), std::string::npos) << part;
    EXPECT_EQ(page_script().find("beforeprint"), std::string_view::npos) << "what is folded stays folded";
}

}  // namespace
}  // namespace tiller

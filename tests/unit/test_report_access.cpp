// What a reader with a keyboard, a screen reader, a phone or a sheet of paper relies on, in every page.
#include <gtest/gtest.h>

#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
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

/// A start tag as it stands in a page, and where the text after it begins.
struct Tag {
    std::string text;
    std::size_t behind = 0;
    /// The element's name.
    std::string name() const { return text.substr(1, text.find_first_of(" >") - 1); }
    bool has(const std::string& part) const { return text.find(part) != std::string::npos; }
    /// The attribute's value; empty where there is none.
    std::string at(const std::string& attribute) const {
        const std::string start = " " + attribute + "=\"";
        const auto begin = text.find(start);
        if (begin == std::string::npos) return "";
        return text.substr(begin + start.size(), text.find('"', begin + start.size()) - begin - start.size());
    }
};

/// The page up to the libraries' scripts.
std::string markup_of(const std::string& page) { return page.substr(0, page.find("</main>")); }

/// All start tags; what styles and scripts hold is skipped as a browser does.
std::vector<Tag> tags_of(const std::string& page) {
    std::vector<Tag> out;
    for (std::size_t at = page.find('<'); at != std::string::npos; at = page.find('<', at + 1)) {
        if (!std::isalpha(static_cast<unsigned char>(page[at + 1]))) continue;
        const std::size_t end = page.find('>', at);  // The writer escapes it in attributes.
        out.push_back({page.substr(at, end - at + 1), end + 1});
        if (const auto name = out.back().name(); name == "style" || name == "script")
            at = page.find("</", end);
    }
    return out;
}

std::vector<Tag> tags_with(const std::string& page, const std::string& part) {
    std::vector<Tag> out = tags_of(page);
    std::erase_if(out, [&](const Tag& tag) { return !tag.has(part); });
    return out;
}

/// The text between this tag and the next end tag of its name, without the elements in it.
std::string text_of(const std::string& page, const Tag& tag) {
    std::string out;
    bool inside = false;
    for (std::size_t i = tag.behind, end = page.find("</" + tag.name() + ">", i); i < end; ++i) {
        if (page[i] == '<') inside = true;
        if (!inside) out += page[i];
        if (page[i] == '>') inside = false;
    }
    return out;
}

void expect_every_table_has_a_caption(const std::string& page) {
    for (const auto& table : tags_with(page, "<table")) {
        ASSERT_EQ(page.compare(table.behind, 9, "<caption "), 0) << page.substr(table.behind, 100);
        const std::size_t end = page.find('>', table.behind);
        EXPECT_NE(page[end + 1], '<') << "an empty caption";
    }
}

void expect_every_stop_has_a_name(const std::string& page) {
    for (const auto& tag : tags_of(page)) {
        if (tag.has(" tabindex=")) {
            EXPECT_NE(tag.at("aria-label"), "") << tag.text;
            EXPECT_NE(tag.at("role"), "") << "a name without a role is not said: " << tag.text;
        }
        if (tag.name() == "button" || tag.name() == "summary" || tag.name() == "a") {
            EXPECT_FALSE(text_of(page, tag).empty()) << tag.text;
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
    sweep.plan.heads = {2}, sweep.plan.layers = {0}, sweep.plan.scales = {1};
    sweep.columns.resize(1);
    sweep.columns[0].cells = {SweepCell{2, 0, 1, {}, {}, {}}};
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
    std::size_t n_table = 0, n_frame = 0;
    for (const auto& page : all_pages()) {
        SCOPED_TRACE(page.name);
        const std::string markup = markup_of(page.html);
        expect_every_table_has_a_caption(markup);
        expect_every_stop_has_a_name(markup);
        n_table += tags_with(markup, "<table").size();
        n_frame += tags_with(markup, "class=\"scroll\" tabindex=\"0\"").size();
    }
    EXPECT_GT(n_table, 40U);
    EXPECT_GT(n_frame, 30U);
}

TEST(ReportAccess, EveryPictureHasANameAndAButtonThatSavesIt) {
    std::size_t n_figure = 0;
    for (const auto& page : all_pages()) {
        SCOPED_TRACE(page.name);
        const std::string markup = markup_of(page.html);
        const auto figures = tags_with(markup, "<figure class=\"chart\"");
        n_figure += figures.size();
        for (const auto& tag : figures) EXPECT_GT(tag.at("aria-label").size(), 7U) << tag.text;
        std::size_t n_save = 0;
        for (const auto& tag : tags_with(markup, "class=\"save\""))
            n_save += tag.at("aria-label").starts_with("Save the chart ") ? 1 : 0;
        EXPECT_EQ(n_save, figures.size());
        for (const auto& tag : tags_with(markup, "<svg "))
            EXPECT_TRUE(!tag.at("aria-label").empty() || tag.at("aria-hidden") == "true") << tag.text;
    }
    EXPECT_GT(n_figure, 10U);
}

// The policy forbids handlers in attributes, so one would be a button that does nothing.
TEST(ReportAccess, ButtonsWaitForTheScriptAndHaveNoHandlersOfTheirOwn) {
    for (const auto& page : all_pages()) {
        SCOPED_TRACE(page.name);
        const std::string markup = markup_of(page.html);
        for (const char* handler : {" onclick", " onchange", " onkey", " onload", "javascript:"})
            EXPECT_TRUE(tags_with(markup, handler).empty()) << handler;
        for (const auto& tag : tags_with(markup, "<button")) {
            EXPECT_TRUE(tag.has(" hidden")) << tag.text;
            EXPECT_EQ(tag.at("type"), "button");
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
    const auto parts = tags_with(page, "class=\"whole\"");
    ASSERT_EQ(parts.size(), 2U);
    for (std::size_t i = 0; i < 2; ++i) {
        const auto figure = page.find("<figure", parts[i].behind);
        const std::string above = page.substr(parts[i].behind, figure - parts[i].behind);
        EXPECT_NE(above.find("<p class=\"legend\">"), std::string::npos);
        EXPECT_EQ(above.find(">random<") == std::string::npos, i == 1) << "only signs that the chart has";
    }
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

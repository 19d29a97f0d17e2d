#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "tiller/error.h"
#include "tiller/report.h"
#include "unit/test_report_summary.h"

namespace tiller {
namespace {

using Json = nlohmann::json;

std::string message_of(const std::string& text) {
    try {
        summary_from_json(text);
    } catch (const Error& e) {
        EXPECT_EQ(e.code(), Code::bad_input);
        return e.what();
    }
    ADD_FAILURE() << "accepted: " << text.substr(0, 200);
    return "";
}

std::string message_after(const std::function<void(Json&)>& change) {
    Json json = Json::parse(to_json(test::small_summary()));
    change(json);
    return message_of(json.dump());
}

TEST(ReportJson, RoundTripKeepsEveryField) {
    const Summary summary = test::small_summary();
    const std::string text = to_json(summary);
    const Summary again = summary_from_json(text);
    EXPECT_EQ(to_json(again), text);
    const TaskSummary& task = again.tasks.at(0);
    EXPECT_EQ(task.seed, 18446744073709551615U);
    EXPECT_EQ(task.scorer_accuracy, -1);
    EXPECT_EQ(task.test.at(2).setting.at("scale"), 1.5);
    EXPECT_EQ(task.test.at(2).difference.at("random").low, 0.125);
    EXPECT_EQ(task.aie, summary.tasks[0].aie);
    EXPECT_EQ(task.examples.at(0).outputs.at("zero-shot"), " big\nQ:");
    EXPECT_EQ(again.provenance.vector_files.at("antonym/fv"), "vectors/antonym-fv.gguf");
    EXPECT_EQ(again.models.at(0).file_bytes, 5000000U);
}

TEST(ReportJson, AReportIsReadAsASummary) {
    const std::string report = report_json(test::small_summary(), test::small_costs());
    EXPECT_EQ(Json::parse(report)["cost"][0]["phase"], "extract");
    EXPECT_EQ(to_json(summary_from_json(report)), to_json(test::small_summary()));
}

TEST(ReportJson, AnEmptySummaryGoesThrough) {
    EXPECT_EQ(to_json(summary_from_json(to_json(Summary{}))), to_json(Summary{}));
}

TEST(ReportJson, NumbersThatAreNotFiniteAreNull) {
    Summary summary = test::small_summary();
    summary.tasks[0].aie[0][0] = std::numeric_limits<double>::quiet_NaN();
    summary.tasks[0].test[0].metrics["rank"].high = std::numeric_limits<double>::infinity();
    const std::string text = to_json(summary);
    EXPECT_EQ(text.find(": nan"), std::string::npos);
    EXPECT_EQ(text.find(": inf"), std::string::npos);
    const Summary again = summary_from_json(text);
    EXPECT_TRUE(std::isnan(again.tasks[0].aie[0][0]));
    EXPECT_TRUE(std::isnan(again.tasks[0].test[0].metrics.at("rank").high));
}

TEST(ReportJson, InvalidUtf8BecomesReplacementCharacters) {
    Summary summary = test::small_summary();
    summary.tasks[0].examples[0].outputs["zero-shot"] = std::string("\xff\x00\xc3", 3);
    const Summary again = summary_from_json(to_json(summary));
    EXPECT_EQ(again.tasks[0].examples[0].outputs.at("zero-shot"), std::string("\ufffd\0\ufffd", 7));
}

TEST(ReportJson, MessagesNameThePathOfTheBadField) {
    using namespace std::string_literals;
    const std::pair<std::string, std::function<void(Json&)>> cases[] = {
        {"summary.title: ", [](Json& j) { j["title"] = 3; }},
        {"summary.title: ", [](Json& j) { j.erase("title"); }},
        {"summary.extra: ", [](Json& j) { j["extra"] = 3; }},
        {"summary.format: ", [](Json& j) { j["format"] = "tiller.summary/9"; }},
        {"summary.format: ", [](Json& j) { j.erase("format"); }},
        {"summary.findings[0]: ", [](Json& j) { j["findings"][0] = nullptr; }},
        {"summary.tasks[0].test[1].metrics.rank.low: ",
         [](Json& j) { j["tasks"][0]["test"][1]["metrics"]["rank"]["low"] = "1"; }},
        {"summary.tasks[0].n_test: ", [](Json& j) { j["tasks"][0]["n_test"] = 1.5; }},
        {"summary.tasks[0].n_test: ", [](Json& j) { j["tasks"][0]["n_test"] = 3000000000U; }},
        {"summary.tasks[0].seed: ", [](Json& j) { j["tasks"][0]["seed"] = -1; }},
        {"summary.tasks[0].aie[1]: ", [](Json& j) { j["tasks"][0]["aie"][1] = 0.5; }},
        {"summary.models[0].post_norm: ", [](Json& j) { j["models"][0]["post_norm"] = 0; }},
        {"summary.provenance.task_digests: ",
         [](Json& j) { j["provenance"]["task_digests"] = Json::array(); }},
        {"summary.cost[0]: ", [](Json& j) { j["cost"] = {1}; }},
    };
    for (const auto& [start, change] : cases)
        EXPECT_EQ(message_after(change).find(start), 0U) << start << " / " << message_after(change);
}

TEST(ReportJson, RefusesWhatIsNoSummary) {
    EXPECT_NE(message_of("").find("not a JSON text"), std::string::npos);
    EXPECT_NE(message_of("{\"title\": NaN}").find("not a JSON text"), std::string::npos);
    EXPECT_NE(message_of("[1]").find("expected an object"), std::string::npos);
    EXPECT_NE(message_of("{\"title\":\"a\",\"title\":\"b\"}").find("title: found it twice"),
              std::string::npos);
    EXPECT_NE(message_of("{\"title\":1e999}").find("not a JSON text"), std::string::npos);
    EXPECT_NE(message_of(std::string(100000, '[')).find("nesting"), std::string::npos);
    const std::string whole = to_json(test::small_summary());
    for (std::size_t length = 0; length + 2 < whole.size(); length += 37) message_of(whole.substr(0, length));
}

}  // namespace
}  // namespace tiller

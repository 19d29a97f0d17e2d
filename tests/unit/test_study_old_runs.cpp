// Runs of the format before records and summaries had types, one of each protocol: they still give the
// summary that they gave (a sentence that said nothing is in its present words).
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "tiller/study.h"
#include "tiller/summary.h"

namespace tiller {
namespace {

using nlohmann::json;

json without_ids(json j) {
    if (j.is_object() && j.contains("columns")) {
        j.erase("column_ids");
        for (auto& row : j["rows"])
            for (const auto* key : {"id", "about", "setting"}) row.erase(key);
    }
    if (j.is_structured())
        for (auto& part : j) part = without_ids(part);
    return j;
}

class OldRun : public testing::TestWithParam<const char*> {};

TEST_P(OldRun, GivesTheSameSummary) {
    const auto run = std::filesystem::path(TILLER_TESTS_DIR) / "unit" / "old_runs" / GetParam();
    std::ifstream in(run / "summary.json");
    const auto old = json::parse(in), now = without_ids(json::parse(to_json(summarise_run(run))));
    EXPECT_EQ(now, old) << json::diff(old, now).dump(1).substr(0, 2000);
    EXPECT_EQ(without_ids(json::parse(to_json(summary_from_json(old.dump())))), old);
}

INSTANTIATE_TEST_SUITE_P(Study, OldRun, testing::Values("tuned", "paper", "crossed", "dose", "transfer"),
                         [](const auto& run) { return std::string(run.param); });

}  // namespace
}  // namespace tiller

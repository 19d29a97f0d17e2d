// Runs of the format before records and summaries had types, one of each protocol: they still give the
// summary that they gave (a sentence that said nothing is in its present words).
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "tiller/study.h"
#include "tiller/summary.h"

namespace tiller {
namespace {

using nlohmann::json;

// What was measured: the means of every score of every setting, by table and id.
std::map<std::string, double> means_of(const json& summary) {
    std::map<std::string, double> means;
    const auto add = [&](const std::string& table, const json& settings) {
        for (const auto& setting : settings)
            for (const auto& [name, interval] : setting["metrics"].items())
                means[table + "/" + setting["id"].get<std::string>() + "/" + name] =
                    interval["mean"].is_null() ? 0.0 : interval["mean"].get<double>();
    };
    for (const auto& task : summary["tasks"]) {
        const std::string name = task["name"];
        add(name, task["test"]);
        add(name + "/grid", task["grid"]);
        for (const auto& table : task["tables"])
            add(name + "/" + table["id"].get<std::string>(), table["settings"]);
    }
    return means;
}

class OldRun : public testing::TestWithParam<const char*> {};

// Intervals, tests and verdicts are today's; what was measured stays.
TEST_P(OldRun, KeepsWhatWasMeasured) {
    const auto run = std::filesystem::path(TILLER_TESTS_DIR) / "unit" / "old_runs" / GetParam();
    std::ifstream in(run / "summary.json");
    const auto old = json::parse(in), now = json::parse(to_json(summarise_run(run)));
    const auto means = means_of(old);
    EXPECT_FALSE(means.empty());
    EXPECT_EQ(means_of(now), means);
    ASSERT_EQ(now["tasks"].size(), old["tasks"].size());
    for (std::size_t t = 0; t < old["tasks"].size(); ++t) {
        for (const char* key : {"primary", "n_train", "n_valid", "n_test", "aie", "examples"})
            EXPECT_EQ(now["tasks"][t][key], old["tasks"][t][key]) << key;
        EXPECT_FALSE(now["tasks"][t]["verdict"].get<std::string>().empty());
    }
    EXPECT_NO_THROW(summary_from_json(old.dump())) << "files of that version are read";
}

INSTANTIATE_TEST_SUITE_P(Study, OldRun, testing::Values("tuned", "paper", "crossed", "dose", "transfer"),
                         [](const auto& run) { return std::string(run.param); });

}  // namespace
}  // namespace tiller

// tiller bench on a tiny model: every part gives its figures, whatever they are. Nothing here depends on
// time.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/util.h"
#include "support/cli_test.h"

namespace tiller {
namespace {

using nlohmann::json;
using test::Arguments;
using test::expect_parts;

class CliBench : public test::CliTest {
protected:
    static Arguments bench(const Arguments& more) {
        Arguments all = {"bench",
                         "-m",
                         "m.gguf",
                         "-t",
                         "data/functional/twice.json",
                         "--threads",
                         "1",
                         "--shots",
                         "2",
                         "--n-prompts",
                         "3",
                         "--repeats",
                         "2",
                         "--quiet",
                         "--items",
                         "2",
                         "--alone",
                         "1",
                         "--new-tokens",
                         "3"};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
    static void expect_positive(const json& values, const std::vector<std::string>& keys) {
        for (const auto& key : keys) {
            ASSERT_TRUE(values.contains(key)) << key << " in " << values.dump();
            EXPECT_GT(values.at(key).get<double>(), 0) << key;
        }
    }
};

TEST_F(CliBench, TheSweepCountsItsWork) {
    const json all = run_json(bench({"--part", "sweep"}));
    EXPECT_EQ(all.at("n_head"), 12);
    EXPECT_EQ(all.at("threads"), 1);
    const json& sweep = all.at("sweep");
    EXPECT_EQ(sweep.at("prompts"), 3);
    EXPECT_EQ(sweep.at("rows"), 13);
    EXPECT_EQ(sweep.at("seconds_all").size(), 2u);
    EXPECT_EQ(sweep.at("plain_seconds_all").size(), 2u);
    expect_positive(sweep, {"seconds", "plain_seconds", "tokens_per_second", "plain_tokens_per_second"});
    const double ratio =
        sweep.at("tokens_per_second").get<double>() / sweep.at("plain_tokens_per_second").get<double>();
    EXPECT_NEAR(sweep.at("efficiency").get<double>(), ratio, 1e-9 * ratio);
    EXPECT_FALSE(all.contains("generation"));

    // The tokens are those of the prompts that --prompts writes: each prompt once, its last token in every
    // row; and one prompt more for the means.
    ASSERT_EQ(run(bench({"--prompts", "p.json"})).code, 0);
    const json prompts = json::parse(read_file(folder.path() / "p.json", 1 << 20));
    EXPECT_EQ(prompts.at("n_head"), 12);
    ASSERT_EQ(prompts.at("prompts").size(), 3u);
    double tokens = 0, longest = 0;
    for (const auto& p : prompts.at("prompts")) {
        tokens += static_cast<double>(p.size()) + 12;
        longest = std::max(longest, static_cast<double>(p.size()));
    }
    EXPECT_GT(sweep.at("tokens").get<double>(), tokens);
    EXPECT_LE(sweep.at("tokens").get<double>(), tokens + 2 * longest);
}

TEST_F(CliBench, GenerationSettingsAndMemory) {
    const json all = run_json(bench({"--part", "generation", "--generate-rows", "4", "--generate-rows", "6",
                                     "--part", "settings", "--part", "memory"}));
    ASSERT_EQ(all.at("generation").size(), 2u);
    EXPECT_EQ(all.at("generation")[0].at("rows"), 4);
    EXPECT_EQ(all.at("generation")[1].at("rows"), 6);
    for (const auto& g : all.at("generation"))
        expect_positive(
            g, {"steered_seconds", "unsteered_seconds", "steered_tokens", "unsteered_tokens", "ratio"});
    const json &few = all.at("settings").at("few_shot"), &zero = all.at("settings").at("zero_shot");
    EXPECT_EQ(few.at("settings"), 384);
    EXPECT_EQ(few.at("items"), 2);
    EXPECT_GT(few.at("prompt_tokens_mean").get<double>(), zero.at("prompt_tokens_mean").get<double>());
    expect_positive(few, {"seconds", "alone_seconds_extrapolated", "ratio"});
    const json& memory = all.at("memory");
    expect_positive(memory, {"peak_bytes", "cache_bytes", "buffer_bytes", "free_bytes"});
    EXPECT_EQ(memory.at("allowed_bytes").get<double>(),
              memory.at("model_bytes").get<double>() + memory.at("cache_bytes").get<double>() + 3e8);
    EXPECT_FALSE(all.contains("sweep"));
}

TEST_F(CliBench, GrowthFitsItsPoints) {
    const json all = run_json(bench({"--part", "growth"}));
    const json& curves = all.at("growth").at("curves");
    ASSERT_EQ(curves.size(), 4u);
    for (const auto& c : curves) {
        ASSERT_EQ(c.at("x").size(), c.at("seconds").size());
        // A line of least relative squares leaves misses that, over the seconds, have neither a mean nor a
        // slope.
        double sum = 0, slope = 0, size = 0, worst = 0;
        for (std::size_t i = 0; i < c.at("x").size(); ++i) {
            const double x = c.at("x")[i].get<double>(), seconds = c.at("seconds")[i].get<double>();
            const double miss = seconds - c.at("fixed").get<double>() - c.at("each").get<double>() * x;
            sum += miss / (seconds * seconds);
            slope += x * miss / (seconds * seconds);
            size += x / seconds;
            worst = std::max(worst, std::fabs(miss) / seconds);
        }
        EXPECT_NEAR(sum / size, 0, 1e-9) << c.dump();
        EXPECT_NEAR(slope / size, 0, 1e-9) << c.dump();
        EXPECT_NEAR(c.at("largest_miss").get<double>(), worst, 1e-9) << c.dump();
    }
}

TEST_F(CliBench, TextAndRefusals) {
    const auto text = run(bench({"--generate-rows", "4"}));
    EXPECT_EQ(text.code, 0) << text.err;
    expect_parts(text.out, {"head search, 3 prompts of 13 rows", "plain decoding", "efficiency",
                            "4 rows of 3 tokens", "peak memory"});
    EXPECT_EQ(text.err, "");
    expect_parts(refusal(2, bench({"--part", "speed"})), {"--part"});
    expect_parts(refusal(2, bench({"--generate-rows", "257"})), {"--generate-rows"});
    expect_parts(refusal(4, bench({"--prompts", "absent/p.json"})), {"absent/p.json", "does not exist"});
    EXPECT_FALSE(is_there("absent"));
}

}  // namespace
}  // namespace tiller

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/paths.h"
#include "study/broken_texts.h"
#include "tiller/scoring.h"
#include "tiller/task.h"

namespace tiller {
namespace {

std::string repeat(const std::string& piece, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += piece;
    return out;
}

TEST(TextHealth, EntropyByHand) {
    // 4 words, all different: 3 pairs (log2 3 bits) and 2 triples (1 bit).
    EXPECT_DOUBLE_EQ(text_health("one two three four").ngram_entropy,
                     (2.0 / 3.0 * std::log2(3.0) + 4.0 / 3.0 * 1.0) / 2.0);
    // a b a b a: pairs ab ba ab ba (1 bit), triples aba bab aba (0.9183 bits).
    const double triples = -(2.0 / 3.0) * std::log2(2.0 / 3.0) - (1.0 / 3.0) * std::log2(1.0 / 3.0);
    EXPECT_DOUBLE_EQ(text_health("a b a b a").ngram_entropy, (2.0 / 3.0 * 1.0 + 4.0 / 3.0 * triples) / 2.0);
    EXPECT_DOUBLE_EQ(text_health("x x x x x x").ngram_entropy, 0);
    EXPECT_DOUBLE_EQ(text_health("one").ngram_entropy, 0);
    EXPECT_DOUBLE_EQ(text_health("").ngram_entropy, 0);
}

TEST(TextHealth, DistinctByHand) {
    const auto health = text_health("a b a b a");
    EXPECT_DOUBLE_EQ(health.distinct_1, 2.0 / 5.0);
    EXPECT_DOUBLE_EQ(health.distinct_2, 2.0 / 4.0);
    EXPECT_DOUBLE_EQ(text_health("one").distinct_1, 1);
    EXPECT_DOUBLE_EQ(text_health("one").distinct_2, 0);  // there is no pair
    EXPECT_DOUBLE_EQ(text_health("").distinct_1, 0);
    EXPECT_DOUBLE_EQ(text_health("stop . stop .").distinct_1, 0.5);  // marks are words here
}

TEST(Collapse, BrokenTexts) {
    const std::string broken[] = {
        "",
        " \n\t ",
        "...",
        "?",
        "\uFFFD",
        "the the the the the the the the",
        "very very very very very very very much so today",
        "I am not sure. I am not sure. I am not sure. I am not sure.",
        "go on and on and on and on and on and on",
        "no, no, no, no, no, no",
        "2012 2012 2012 2012 2012",
        "2222222222222222",
        "3.14159 26535 89793 23846",
        "aaaaaaaaaaaaaaaaaaa",
        "hahahahahahahaha",
        "well hahahahahahahahaha",
        "!!!!!!!!!!!!!!! yes",
        "-- -- -- -- -- -- --",
        "______________",
        "{\"a\":[[[[]]]],};();",
        "Hello!!!!!!!!!!!!!!!!!!!!",
        repeat("\u6211\u4E0D\u77E5\u9053", 6),  // a loop in a script without blanks
        repeat("\u00E9", 12),
        repeat("\xff", 14),
        "1. 2. 3. 4. 5. 6. 7. 8.",
    };
    for (const auto& text : broken) EXPECT_TRUE(text_health(text).collapsed) << text;
}

TEST(Collapse, OrdinaryTexts) {
    const std::string good[] = {
        "Paris",
        "5",
        "a",
        "42",
        "1,250,000",
        "no",
        "No, no, no!",
        "bye bye",
        "12 March 1998",
        "\u20AC 12",
        "Mississippi",
        "3, 5, 7, 9",
        "New York City",
        "umbrella, lamp, tree, stone, cloud",
        "the more I read, the more I want to read",
        "It was the best soup that I had in the whole of the winter.",
        "Yes! I would like to come, but I have to work until six.",
        "We went to the market, to the baker and to the bank.",
        "The bus leaves at 10:45 and gets there at 12:30.",
        "\u00C9l\u00E8ve de la grande \u00E9cole, il \u00E9tudiait le soir.",
        "\u041A\u043E\u0448\u043A\u0430 \u0441\u043F\u0438\u0442 \u043D\u0430 \u043E\u043A\u043D\u0435.",
        "\u732B\u306F\u7A93\u306E\u305D\u3070\u3067\u9759\u304B\u306B\u5BDD\u3066\u3044\u307E\u3059\u3002",
        "I said that it was fine, and she said that it was not fine at all.",
    };
    for (const auto& text : good) EXPECT_FALSE(text_health(text).collapsed) << text;
}

TEST(Collapse, TheBoundsOfTheRule) {
    // More than half one word: 7 words pass, 8 do not.
    EXPECT_FALSE(text_health("so we so go so so far").collapsed);
    EXPECT_TRUE(text_health("so we so go so so far so").collapsed);
    // Exactly half of the words are one word: passes; one more does not.
    EXPECT_FALSE(text_health("so we so go so far so now").collapsed);
    EXPECT_TRUE(text_health("so we so go so far so now so").collapsed);
    // 11 characters pass, 12 do not.
    EXPECT_FALSE(text_health("12345678901").collapsed);
    EXPECT_TRUE(text_health("123456789012").collapsed);
    // A third of letters is enough.
    EXPECT_FALSE(text_health("abcd12345678").collapsed);
    EXPECT_TRUE(text_health("abc123456789").collapsed);
    // One character may be 60 % of the characters, not more.
    EXPECT_FALSE(text_health("axxbxxcxxdxxefx").collapsed);
    EXPECT_TRUE(text_health("axxbxxcxxdxxexx").collapsed);
    // A piece three times passes, four times does not.
    EXPECT_FALSE(text_health("abcdabcdabcd").collapsed);
    EXPECT_FALSE(text_health("abcdabcdabcdabc").collapsed);
    EXPECT_TRUE(text_health("abcdabcdabcdabcd").collapsed);
    EXPECT_NE(std::string(collapse_rule()).find("60 %"), std::string::npos);
}

TEST(Collapse, OurOwnSentencesPass) {
    int seen = 0, flagged = 0;
    for (const auto& path : list_tasks(data_dir())) {
        const Task task = load_task(path);
        if (task.family != Family::behavioural) continue;
        for (const auto& item : task.items) {
            for (const auto* text : {&item.input, &item.output}) {
                ++seen;
                if (!text_health(*text).collapsed) continue;
                ++flagged;
                RecordProperty("flagged", *text);
            }
        }
    }
    EXPECT_GT(seen, 500);
    EXPECT_LE(100 * flagged, seen);
}

TEST(SaysTooLittle, AgainstAQuarterOfTheInputsWords) {
    const std::string input = "Parking is a nightmare, and the signs are misleading.";  // 9 words
    EXPECT_TRUE(says_too_little("is\n\n\n", input));
    EXPECT_TRUE(says_too_little("Parking is!", input));
    EXPECT_FALSE(says_too_little("Parking is easy.", input));
    EXPECT_TRUE(says_too_little("", "Bad."));
    EXPECT_FALSE(says_too_little("Good.", "Bad day."));
}

TEST(RepeatsPhrases, LoopsOfLongPhrases) {
    EXPECT_TRUE(repeats_phrases("I love the food here. I love the food here. I love the food"));
    EXPECT_FALSE(repeats_phrases("I love the food here. The staff is kind. We will come back soon."));
    // 3 of 9 words repeat; then 6 of 11.
    EXPECT_FALSE(repeats_phrases("one two three four five six one two three"));
    EXPECT_TRUE(repeats_phrases("one two three four five one two three one two three"));
    EXPECT_TRUE(repeats_phrases("")) << "no word is left";
    EXPECT_TRUE(repeats_phrases("Q:\nA: "));
    EXPECT_FALSE(repeats_phrases("fine"));
}

TEST(RepeatsPhrases, LabelsDoNotHideALoop) {
    EXPECT_TRUE(repeats_phrases("go home now\nB: go home now\nC: go home now"));
    EXPECT_FALSE(repeats_phrases("Note: go home now")) << "a word is no label";
}

// 300 outputs of two models, labelled by reading (scripts/broken_texts.py): the rule says of them what its
// Python form says, and docs/scores.md says how often that is right.
TEST(BrokenTexts, AgreeWithTheReaderAsOftenAsTheDocsSay) {
    std::ifstream in(std::filesystem::path(TILLER_TESTS_DIR) / "unit" / "broken_texts.jsonl");
    ASSERT_TRUE(in);
    std::map<std::string, std::array<int, 4>> counts;  // broken, missed, whole, false alarms
    for (std::string line; std::getline(in, line);) {
        const auto row = nlohmann::json::parse(line);
        const std::string output = row["output"], input = row["input"];
        const bool collapsed = text_health(output).collapsed || says_too_little(parse_answer(output), input);
        EXPECT_EQ(collapsed, row["collapsed_today"] == 1) << output;
        const bool broken =
            collapsed || repeats_phrases(output) ||
            row["nll"].get<double>() >
                study::perplexity_limit(std::vector<double>{row["zero_shot_nll_mean"].get<double>()});
        auto& count = counts[row["part"]];
        const bool labelled = row["broken"];
        ++count[labelled ? 0 : 2];
        if (broken != labelled) ++count[labelled ? 1 : 3];
    }
    EXPECT_EQ(counts["choose"], (std::array{34, 4, 66, 0}));
    EXPECT_EQ(counts["validate"], (std::array{59, 12, 141, 2}));
}

}  // namespace
}  // namespace tiller

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "report/inspect_page.h"

namespace tiller {
namespace {

InspectedText text_of(float strength, const std::vector<std::string>& words) {
    InspectedText text;
    text.strength = strength;
    for (const auto& word : words) text.tokens.push_back({1, word, std::log(0.5), std::log(0.25), 0.5});
    return text;
}

std::vector<std::string> repeated(const std::string& word, std::size_t n) {
    return std::vector<std::string>(n, word);
}

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t n = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++n;
    return n;
}

TEST(InspectedTexts, Means) {
    InspectedText text;
    EXPECT_EQ(text.mean_kl(), 0);
    EXPECT_EQ(text.perplexity(), 0);
    text.tokens = {{1, "a", std::log(0.5), 0, 1.0}, {2, "b", std::log(0.125), 0, 3.0}};
    EXPECT_DOUBLE_EQ(text.mean_kl(), 2.0);
    EXPECT_NEAR(text.perplexity(), 4.0, 1e-12);  // 1 / sqrt(0.5 * 0.125)
    EXPECT_EQ(text.text(), "ab");
}

TEST(InspectedTexts, TokensThatShareACharacterAreJoined) {
    const std::vector<InspectedToken> tokens = {{1, "a", -1, -2, 0.5},
                                                {2, "\xe2\x82", -1, -2, 0.5},
                                                {3, "\xac", -1, -2, 0.5},
                                                {4, "\xff", -1, -1, 0}};
    const auto joined = whole_characters(tokens);
    ASSERT_EQ(joined.size(), 3u);
    EXPECT_EQ(joined[1].text, "\u20ac");
    EXPECT_DOUBLE_EQ(joined[1].logprob_unsteered, -2);
    EXPECT_DOUBLE_EQ(joined[1].logprob_steered, -4);
    EXPECT_DOUBLE_EQ(joined[1].kl, 1.0);
    EXPECT_EQ(joined[2].text, "\ufffd");
}

TEST(InspectReport, LevelsAreFactors) {
    const auto level = [](double factor) {
        return report::effect_level(std::log(0.001), std::log(0.001 * factor));
    };
    EXPECT_EQ(level(1), 0);
    EXPECT_EQ(level(1.9), 0);
    EXPECT_EQ(level(2.1), 1);
    EXPECT_EQ(level(11), 2);
    EXPECT_EQ(level(101), 3);
    EXPECT_EQ(level(1 / 2.1), -1);
    EXPECT_EQ(level(1 / 101.0), -3);
    EXPECT_EQ(report::effect_level(-INFINITY, -1), 3);
}

TEST(InspectReport, WhereTextsBreak) {
    const std::vector<std::string> good = {"The ", "old ",   "house ", "stood ", "by ",
                                           "a ",   "small ", "quiet ", "lake."};
    const auto bad = repeated("no ", 20);
    const auto sentence = [](std::vector<InspectedText> texts) { return report::where_it_breaks(texts); };
    EXPECT_NE(sentence({text_of(0, good), text_of(1, good), text_of(2, good)})
                  .find("No text repeats itself up to strength 2"),
              std::string::npos);
    EXPECT_NE(sentence({text_of(0, good), text_of(1, bad), text_of(2, bad)}).find("From strength 1 on"),
              std::string::npos);
    EXPECT_NE(sentence({text_of(0, good), text_of(1, bad), text_of(2, good)}).find("1 of 3"),
              std::string::npos);
    EXPECT_NE(sentence({text_of(0, bad), text_of(1, bad)}).find("without steering already"),
              std::string::npos);
    auto nan = text_of(0, good);
    nan.broken = true;  // nothing repeats itself there
    EXPECT_NE(sentence({nan, text_of(1, good)}).find("or its numbers are not finite"), std::string::npos);
    EXPECT_NE(sentence({text_of(-2, bad), text_of(-1, good), text_of(0, good)}).find("From strength -2 on"),
              std::string::npos);
    auto broken = text_of(3, good);
    broken.broken = true;
    EXPECT_NE(sentence({text_of(0, good), text_of(1, good), broken}).find("From strength 3 on"),
              std::string::npos);
}

TEST(InspectReport, ThePageHoldsAllTextsAndRunsOnlyItsOwnScript) {
    const std::string evil = "<script>alert(1)</script>\"'&\x1b";
    std::vector<InspectedText> texts = {text_of(0, {"one", "\n", "two"}), text_of(0.5f, {evil}),
                                        text_of(1, {})};
    texts[2].broken = true;
    const std::string page = report::inspect_page({evil, evil, {evil, "v.gguf:0.7"}}, texts);
    EXPECT_EQ(count(page, "<script"), 1u);
    EXPECT_EQ(count(page, "<section class=\"text\""), 3u);
    EXPECT_EQ(page.find("alert(1)</script>"), std::string::npos);
    EXPECT_EQ(page.find('\x1b'), std::string::npos);
    EXPECT_NE(page.find("default-src 'none'; script-src 'sha256-"), std::string::npos);
    EXPECT_EQ(page.find("http"), page.find("http-equiv"));  // no address anywhere
    EXPECT_NE(page.find("strength 0.5"), std::string::npos);
    EXPECT_NE(page.find("broken (NaN or infinity)"), std::string::npos);
    EXPECT_NE(page.find("max=\"2\" value=\"2\""), std::string::npos);  // strength 1 is shown first
    EXPECT_NE(page.find("25 % with steering, 50 % without; KL 0.50"), std::string::npos);
}

}  // namespace
}  // namespace tiller

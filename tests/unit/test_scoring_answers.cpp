#include <gtest/gtest.h>

#include "core/util.h"
#include "test_tasks_files.h"
#include "tiller/scoring.h"

namespace tiller {
namespace {

using Texts = std::vector<std::string>;

AnswerScores score(std::string_view generated, const Texts& targets, bool keep_case = false) {
    return score_answer(generated, targets, keep_case);
}

TEST(ParseAnswer, EndsAtALineBreakOrTheNextQuestion) {
    EXPECT_EQ(parse_answer(" Paris\n\nQ: Italy\nA: Rome"), "Paris");
    EXPECT_EQ(parse_answer(" Paris Q: Italy"), "Paris");
    EXPECT_EQ(parse_answer(" Paris.Q: Italy"), "Paris.");
    EXPECT_EQ(parse_answer("\n\n  Paris  \r\nx"), "Paris");
    EXPECT_EQ(parse_answer("New York City"), "New York City");
    EXPECT_EQ(parse_answer("see the FAQ: page 3"), "see the FAQ: page 3");
    EXPECT_EQ(parse_answer("the FAQ: page 3 Q: next"), "the FAQ: page 3");
    EXPECT_EQ(parse_answer("Question 3"), "Question 3");
    EXPECT_EQ(parse_answer("Q: again"), "");
    EXPECT_EQ(parse_answer(""), "");
    EXPECT_EQ(parse_answer(" \n "), "");
}

TEST(ParseAnswer, AQuestionBeginsAfterAnythingButALetterOrDigit) {
    for (const char* before : {"0", "9", "A", "Z", "a", "z", "\u00C0", "\u4E2D"})
        EXPECT_EQ(parse_answer(std::string("x") + before + "Q: y"), std::string("x") + before + "Q: y");
    for (const char* before : {"/", ":", "@", "[", "`", "{", "-"})
        EXPECT_EQ(parse_answer(std::string("x") + before + "Q: y"), std::string("x") + before);
    EXPECT_EQ(parse_answer(std::string_view("FAQ: y").substr(2)), "")
        << "what lies before the text does not count";
}

TEST(ParseAnswer, IsAlwaysValidUtf8) {
    const auto answer = parse_answer(" caf\xc3");  // generation stopped inside a character
    EXPECT_TRUE(is_valid_utf8(answer));
    EXPECT_EQ(answer, "caf\uFFFD");
}

TEST(NormaliseAnswer, ThePapersSteps) {
    EXPECT_EQ(normalise_answer("  The Cat,  sat on a mat! ", false), "cat sat on mat");
    EXPECT_EQ(normalise_answer("well-known", false), "wellknown");
    EXPECT_EQ(normalise_answer("$5 + <b>", false), "5 b");
    EXPECT_EQ(normalise_answer("anthem theatre a1", false), "anthem theatre a1");  // articles are whole words
    EXPECT_EQ(normalise_answer("", false), "");
    EXPECT_EQ(normalise_answer(" \n", false), "");
}

TEST(NormaliseAnswer, KeepsTheCaseWhenAsked) {
    EXPECT_EQ(normalise_answer("The Cat.", true),
              "The Cat");  // as in the paper's code, "The" is no article then
    EXPECT_EQ(normalise_answer("the Cat.", true), "Cat");
}

TEST(NormaliseAnswer, WorksInUnicode) {
    EXPECT_EQ(normalise_answer("\u00C9lan", false), "\u00E9lan");
    EXPECT_EQ(normalise_answer("E\u0301lan", false), "\u00E9lan");  // letter and combining accent
    EXPECT_EQ(normalise_answer("E\u0301lan", true), "\u00C9lan");
    EXPECT_EQ(normalise_answer("\u00ABBonjour\u00BB \u2014 monde\u2026", false), "bonjour monde");
    EXPECT_EQ(normalise_answer("\u041C\u041E\u0421\u041A\u0412\u0410", false),
              "\u043C\u043E\u0441\u043A\u0432\u0430");
    EXPECT_EQ(normalise_answer("Gro\u00DFe", false), "grosse");  // case folding
    EXPECT_EQ(normalise_answer("la\u00A0mer\u3000bleue", false), "la mer bleue");
    EXPECT_TRUE(is_valid_utf8(normalise_answer("a\xff\xfe", false)));
}

TEST(NormaliseAnswer, AStepThatLeavesNothingIsSkipped) {
    EXPECT_EQ(normalise_answer("a", false), "a");
    EXPECT_EQ(normalise_answer(" The.", false), "the");
    EXPECT_EQ(normalise_answer("?!", false), "?!");
}

TEST(KeepsCase, LetterCaseTasks) {
    for (const char* name : {"capitalize", "capitalize_first_letter", "capitalize_last_letter",
                             "lowercase_last_letter", "last-capitalize"})
        EXPECT_TRUE(keeps_case(name)) << name;
    for (const char* name : {"antonym", "english-french", "word_length", ""})
        EXPECT_FALSE(keeps_case(name)) << name;
}

TEST(ScoreAnswer, RightAnswers) {
    for (const char* generated : {" Paris", "paris.\n\nQ: x", "\n The Paris", "\"Paris\""}) {
        SCOPED_TRACE(generated);
        const auto s = score(generated, {" Paris"});
        EXPECT_EQ(s.first_word, 1);
        EXPECT_EQ(s.exact, 1);
        EXPECT_EQ(s.f1, 1);
        EXPECT_EQ(s.contains, 1);
    }
}

TEST(ScoreAnswer, WrongAndEmptyAnswers) {
    for (const char* generated : {" Rome", "", " \n", "Q: Paris?", "Parisian", "..."}) {
        SCOPED_TRACE(generated);
        const auto s = score(generated, {" Paris"});
        EXPECT_EQ(s.first_word, 0);
        EXPECT_EQ(s.exact, 0);
        EXPECT_EQ(s.f1, 0);
    }
    EXPECT_EQ(score("Parisian", {"Paris"}).contains, 0);  // whole words
    EXPECT_EQ(score("the", {"a"}).exact, 0);              // both are articles
    EXPECT_EQ(score("", {"a"}).first_word, 0);
    EXPECT_EQ(score("a", {"a"}).exact, 1);
}

TEST(ScoreAnswer, PartlyRight) {
    const auto s = score(" New York is large\n", {" New York City"});
    EXPECT_EQ(s.first_word, 1);
    EXPECT_EQ(s.exact, 0);
    EXPECT_DOUBLE_EQ(s.f1, 4.0 / 7.0);  // precision 2/4, recall 2/3
    EXPECT_EQ(s.contains, 0);
    EXPECT_DOUBLE_EQ(score("red red red", {"red blue"}).f1, 0.4);  // a word counts as often as it is in both
}

TEST(ScoreAnswer, ContainsLooksAtTheWholeText) {
    EXPECT_EQ(score("They met\nin New-York, in May", {"new york"}).contains, 1);
    EXPECT_EQ(score("York is new", {"new york"}).contains, 0);
    EXPECT_EQ(score("we went to Hague", {"The Hague"}).contains, 1);
    EXPECT_EQ(score("I don't know", {"don't"}).contains, 1);
    EXPECT_EQ(score("it costs \u20AC 5", {"\u20AC"}).contains, 1);
    EXPECT_EQ(score("it costs 5", {"\u20AC"}).contains, 0);
    EXPECT_EQ(score("", {"x"}).contains, 0);
}

TEST(ScoreAnswer, EachScoreIsTheBestOverTheAnswers) {
    const auto s = score("large house", {"tiny", "house", "large home"});
    EXPECT_EQ(s.first_word, 1);         // from the third
    EXPECT_EQ(s.contains, 1);           // from the second
    EXPECT_DOUBLE_EQ(s.f1, 2.0 / 3.0);  // from the second
    EXPECT_EQ(s.exact, 0);
    test::error_of(Code::usage, [] { score("x", {}); });
}

TEST(ScoreAnswer, Case) {
    EXPECT_EQ(score("paris", {"Paris"}, false).exact, 1);
    EXPECT_EQ(score("paris", {"Paris"}, true).exact, 0);
    EXPECT_EQ(score("paris", {"Paris"}, true).contains, 0);
    EXPECT_EQ(score("Paris", {"Paris"}, true).contains, 1);
    EXPECT_EQ(score("r", {"R"}, true).first_word, 0);
}

TEST(ScoreAnswer, SymbolsThatHaveACase) {
    const auto contains = [](const char* text, const char* answer, bool keep_case) {
        const std::string answers[] = {answer};
        return score_answer(text, answers, keep_case).contains;
    };
    EXPECT_EQ(contains("the \u24B6 there", "\u24B6", true), 1);  // a circled A
    EXPECT_EQ(contains("the \u24B6 there", "\u24D0", true), 0);  // a circled a
    EXPECT_EQ(contains("the \u24B6 there", "\u24D0", false), 1);
}

TEST(RougeL, LongestCommonSubsequence) {
    EXPECT_DOUBLE_EQ(rouge_l("the cat sat", "the cat sat"), 1);
    EXPECT_DOUBLE_EQ(rouge_l("The cat, sat!", "the CAT sat"), 1);
    EXPECT_DOUBLE_EQ(rouge_l("dogs run", "cats sleep"), 0);
    // "police the gunman" has the common subsequence "the gunman" or "police gunman": 2 of 4 and 4 words.
    EXPECT_DOUBLE_EQ(rouge_l("police ended the gunman", "the gunman shot police"), 0.5);
    EXPECT_DOUBLE_EQ(rouge_l("a b c", "a x b y c z"), 2.0 * 3 / 9);  // a subsequence need not stand in a row
    EXPECT_DOUBLE_EQ(rouge_l("a", "a a a"), 0.5);                    // a word matches once
    EXPECT_DOUBLE_EQ(rouge_l("a a a", "a"), 0.5);
    EXPECT_DOUBLE_EQ(rouge_l("", "a"), 0);
    EXPECT_DOUBLE_EQ(rouge_l("a", "..."), 0);
}

// Order counts: the bags of words are equal, the longest common subsequence is not the whole.
TEST(RougeL, KnownAnswers) {
    EXPECT_DOUBLE_EQ(rouge_l("we are glad to see you", "we are happy to see you"), 5.0 / 6);
    EXPECT_DOUBLE_EQ(rouge_l("you see to glad are we", "we are glad to see you"), 1.0 / 6);
    EXPECT_DOUBLE_EQ(rouge_l("please send the file", "could you please send me the file today"),
                     2.0 * 4 / 12);
    EXPECT_DOUBLE_EQ(rouge_l("\u00C9TAIT", "\u00E9tait"), 1);
    EXPECT_DOUBLE_EQ(rouge_l("well-known", "well known"), 1);  // marks are borders, not words
}

TEST(RougeL, BestOfSeveralReferences) {
    const std::vector<std::string> references = {" a dog runs", " the cat sat down", " birds"};
    EXPECT_DOUBLE_EQ(rouge_l("the cat sat", references), 6.0 / 7);
    EXPECT_DOUBLE_EQ(rouge_l("nothing here", references), 0);
    EXPECT_THROW(rouge_l("a", std::span<const std::string>{}), Error);
}

TEST(WordsOf, RunsOfLettersAndSingleMarks) {
    EXPECT_EQ(words_of("Don't stop, Zo\u00EB: 3rd  time!"),
              (Texts{"Don", "'", "t", "stop", ",", "Zo\u00EB", ":", "3rd", "time", "!"}));
    EXPECT_EQ(words_of("..."), (Texts{".", ".", "."}));
    EXPECT_EQ(words_of("a_b"), (Texts{"a", "_", "b"}));
    EXPECT_EQ(words_of("e\u0301t\u00E9\u00A0chaud"), (Texts{"e\u0301t\u00E9", "chaud"}));
    EXPECT_EQ(words_of("\u0928\u092E\u0938\u094D\u0924\u0947"),
              (Texts{"\u0928\u092E\u0938\u094D\u0924\u0947"}));
    EXPECT_EQ(words_of("co\u00ADop\u200Bera"), (Texts{"coop", "era"}));  // soft hyphen; zero-width space
    EXPECT_EQ(words_of("\U0001F600x"), (Texts{"\U0001F600", "x"}));
    EXPECT_TRUE(words_of(" \n\t").empty());
    EXPECT_EQ(words_of("a\xff"), (Texts{"a", "\uFFFD"}));
}

}  // namespace
}  // namespace tiller

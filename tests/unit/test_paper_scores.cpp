// Answers and scores as the paper's code has them, corrected and with each defect.
#include <gtest/gtest.h>

#include "test_tasks_files.h"
#include "tiller/scoring.h"

namespace tiller {
namespace {

using Texts = std::vector<std::string>;

// The right-hand sides are what Python's re.findall("([\w. ]+)[\nQ]*", text) gives first, trimmed.
TEST(PaperAnswer, IsTheFirstMatch) {
    EXPECT_EQ(paper_answer(" Paris\n\nQ: Italy\nA: Rome"), "Paris");
    EXPECT_EQ(paper_answer("\n\n Paris, France"), "Paris");
    EXPECT_EQ(paper_answer(" the U.S. dollar!"), "the U.S. dollar");
    EXPECT_EQ(paper_answer(" don't"), "don");
    EXPECT_EQ(paper_answer(" well-known"), "well");
    EXPECT_EQ(paper_answer("snake_case 7"), "snake_case 7");
    EXPECT_EQ(paper_answer(" \xc3\xa9t\xc3\xa9!"), "\xc3\xa9t\xc3\xa9");
    EXPECT_EQ(paper_answer("!?\n"), "");
    EXPECT_EQ(paper_answer(""), "");
}

TEST(PaperAnswer, ABlankInFrontOfAQuotationMark) {
    EXPECT_EQ(paper_answer(" \"hello\""), "hello");
    EXPECT_EQ(paper_answer(" \"hello\"", true), "");
    EXPECT_EQ(paper_answer("... - yes", true), "...");
    EXPECT_EQ(paper_answer("... - yes"), "yes");
    const Texts right = {" hello"};
    EXPECT_EQ(score_paper(" \"hello\"", right, false).first_word, 1);
    EXPECT_EQ(score_paper(" \"hello\"", right, false, {.blank_first_match = true}).first_word, 0);
}

TEST(PaperScores, FirstWordAndF1) {
    const Texts right = {" New Delhi", " Delhi"};
    auto s = score_paper(" new delhi.\n", right, false);
    EXPECT_EQ(s.first_word, 1);
    EXPECT_EQ(s.f1, 1);
    s = score_paper(" New York", right, false);
    EXPECT_EQ(s.first_word, 1);
    EXPECT_EQ(s.f1, 0.5);
    s = score_paper(" The Delhi of old", right, false);
    EXPECT_EQ(s.first_word, 1);  // of the second answer, without the article
    EXPECT_EQ(s.f1, 0.5);        // one word of three against one
    s = score_paper(" Rome", right, false);
    EXPECT_EQ(s.first_word, 0);
    EXPECT_EQ(s.f1, 0);
    EXPECT_EQ(score_paper(" NEW", Texts{" New"}, true).first_word, 0);
    EXPECT_EQ(score_paper(" NEW", Texts{" New"}, false).first_word, 1);
    test::error_of(Code::usage, [] { score_paper("x", {}, false); });
}

TEST(PaperScores, PresentFindsAnswersOfSeveralWords) {
    const Texts right = {" New Delhi"};
    const std::string text = " it is a city, and New Delhi, of course, is its capital";
    EXPECT_EQ(score_paper(text, right, false).present, 1);
    EXPECT_EQ(score_paper(text, right, false, {.split_present = true}).present, 0);
    EXPECT_EQ(score_paper(text, Texts{" capital"}, false, {.split_present = true}).present, 1);
    EXPECT_EQ(score_paper(" Delhi is new", right, false).present, 0);  // not in a row
    EXPECT_EQ(score_paper(" cities", Texts{" city"}, false).present, 0);
    EXPECT_EQ(score_paper("", right, false).present, 0);
    EXPECT_EQ(score_paper("!", Texts{" a"}, false, {.articles_vanish = true}).first_word, 0);  // no match
}

TEST(PaperScores, TheAnswerA) {
    const Texts right = {" a"};
    EXPECT_EQ(score_paper(" a\n", right, false).first_word, 1);
    EXPECT_EQ(score_paper(" a\n", right, false).f1, 1);
    EXPECT_EQ(score_paper(" the\n", right, false).first_word, 0);
    const PaperScoreDefects vanish = {.articles_vanish = true};
    EXPECT_EQ(score_paper(" a\n", right, false, vanish).f1, 0);
    EXPECT_EQ(score_paper(" the\n", right, false, vanish).first_word, 1);
    EXPECT_EQ(score_paper(" b\n", right, false, vanish).first_word, 0);
}

TEST(PaperScores, DistinctIsOfTheWholeOutput) {
    const Texts right = {" x"};
    const std::string text = " go on go on";  // pairs: go on, on go, go on
    EXPECT_DOUBLE_EQ(score_paper(text, right, false).distinct_1, 0.5);
    EXPECT_DOUBLE_EQ(score_paper(text, right, false).distinct_2, 2.0 / 3);
    EXPECT_DOUBLE_EQ(score_paper(text, right, false, {.distinct_by_words = true}).distinct_2, 0.5);
    EXPECT_DOUBLE_EQ(score_paper("", right, false, {.distinct_by_words = true}).distinct_2, 0);
    EXPECT_DOUBLE_EQ(score_paper(text, right, false).ngram_entropy, text_health(text).ngram_entropy);
}

}  // namespace
}  // namespace tiller

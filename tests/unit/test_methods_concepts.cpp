// Representational similarity of heads: arithmetic by hand, and heads whose content is planted.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "methods/representational_similarity.h"
#include "tiller/error.h"
#include "tiller/task.h"

using namespace tiller;

namespace {

using Row = std::vector<float>;

TEST(ConceptScores, CosinesByHand) {
    const std::vector<Row> rows = {{9, 3, 4}, {9, 6, 8}, {9, -4, 3}, {9, 0, 0}};
    const std::vector<double> expected = {1, 0, 0, 0, 0, 0};
    const auto cosines = pairwise_cosines(rows, 1, 2);
    ASSERT_EQ(cosines.size(), 6u);
    for (std::size_t i = 0; i < 6; ++i) EXPECT_NEAR(cosines[i], expected[i], 1e-15) << i;
    EXPECT_EQ(same_concept(std::vector<int>{7, 7, 2, 7}), (std::vector<double>{1, 0, 1, 0, 1, 0}));
}

// Four prompts of two concepts, six pairs, in the order 01 02 03 12 13 23; 01 and 23 are of one concept.
TEST(ConceptScores, RankCorrelationByHandWithTies) {
    const auto at = [](double degrees) {
        return Row{static_cast<float>(std::cos(degrees * M_PI / 180)),
                   static_cast<float>(std::sin(degrees * M_PI / 180))};
    };
    // Angles 95, 100, 130, 5, 35, 30: cosines fall with the angle, so that ranks by rising cosine are
    // 3, 2, 1, 6, 4, 5. Design ranks: 2.5 for the four zeros, 5.5 for the two ones. Products of deviations
    // from 3.5: (-0.5 + 1.5) * 2 for 01 and 23, and -(-1.5 - 2.5 + 2.5 + 0.5) for the others: 3.
    // Squares: 17.5 and 2 * 4 + 4 * 1 = 12.
    const std::vector<int> concepts = {0, 0, 1, 1}, one_head = {1}, two_wide = {2};
    const auto score = [&](const std::vector<Row>& rows) {
        return concept_scores(rows, concepts, one_head, two_wide).scores[0][0];
    };
    EXPECT_NEAR(score({at(0), at(95), at(100), at(130)}), 3 / std::sqrt(17.5 * 12), 1e-6);
    // Angles 10 and 30 within, 90 to 130 between: the best that there is without ties.
    const auto best =
        concept_scores(std::vector<Row>{at(0), at(10), at(100), at(130)}, concepts, one_head, two_wide);
    EXPECT_NEAR(best.scores[0][0], 12 / std::sqrt(17.5 * 12), 1e-6);
    EXPECT_NEAR(best.ceiling, 12 / std::sqrt(17.5 * 12), 1e-12);
    EXPECT_EQ(best.n_constant, 0);
    // Two directions only: 01 and 23 at cosine 1, all others at 0, which is a perfect order with ties.
    EXPECT_NEAR(score({{1, 0}, {2, 0}, {0, 1}, {0, 3}}), 1, 1e-6);
}

// Five concepts in four forms, six prompts of each. What a head writes is a sum of random directions: one for
// the prompt's concept, form, or concept in this form, and noise.
class Planted : public testing::Test {
protected:
    static constexpr int kConcepts = 5, kForms = 4, kPrompts = 6, kWidth = 32;

    Row direction(const std::string& name) {
        Random random(seed, name);
        Row row(kWidth);
        for (float& x : row) x = static_cast<float>(random.normal());
        return row;
    }
    using Content = std::function<std::string(int of_concept, int of_form, int prompt)>;
    // Adds a head to every prompt's outputs.
    void add(const Content& content, float noise) {
        int prompt = 0;
        outputs.resize(kConcepts * kForms * kPrompts);
        of_concept.resize(outputs.size());
        for (int c = 0; c < kConcepts; ++c)
            for (int f = 0; f < kForms; ++f)
                for (int i = 0; i < kPrompts; ++i, ++prompt) {
                    const Row base = direction(content(c, f, prompt)),
                              extra =
                                  direction("noise " + std::to_string(n_head) + " " + std::to_string(prompt));
                    auto& row = outputs[static_cast<std::size_t>(prompt)];
                    of_concept[static_cast<std::size_t>(prompt)] = c;
                    for (std::size_t k = 0; k < kWidth; ++k) row.push_back(base[k] + noise * extra[k]);
                }
        ++n_head;
    }
    ConceptScores found() const {
        return concept_scores(outputs, of_concept, std::vector<int>{n_head}, std::vector<int>{kWidth});
    }

    std::uint64_t seed = 0;
    int n_head = 0;
    std::vector<Row> outputs;
    std::vector<int> of_concept;
};

TEST_F(Planted, ConceptHeadIsFoundAmongHeadsOfFormAndNoise) {
    double within = 0;
    for (seed = 0; seed < 5; ++seed) {
        outputs.clear(), n_head = 0;
        const auto text = [](const char* what, int i) { return std::string(what) + std::to_string(i); };
        add([&](int, int f, int) { return text("form ", f); }, 0.3f);
        add([&](int c, int, int) { return text("concept ", c); }, 1.0f);
        add([&](int, int, int p) { return text("prompt ", p); }, 0.3f);
        add([&](int c, int f, int) { return text("concept ", c) + text(" in form ", f); }, 0.3f);
        const auto result = found();
        const auto& s = result.scores[0];
        EXPECT_GT(static_cast<double>(s[1]), 0.85 * result.ceiling)
            << "a head of concepts with as much noise";
        EXPECT_LT(s[0], 0.02f) << "a head that tells forms apart";
        EXPECT_LT(std::abs(s[2]), 0.06) << "a head of nothing that prompts share";
        EXPECT_LT(s[3], 0.7f * s[1]) << "a head of concepts within each form alone";
        within += static_cast<double>(s[3]) / 5;
    }
    EXPECT_GT(within, 0.05) << "which is more than nothing";
}

// Scores of heads without content have the mean 0: a bias would fill the top of the ranking with some.
TEST_F(Planted, NoiseScoresAroundNothing) {
    double sum = 0, squares = 0;
    for (int h = 0; h < 100; ++h) add([&](int, int, int p) { return std::to_string(p * 1000 + n_head); }, 0);
    const ConceptScores result = found();
    for (const float s : result.scores[0]) sum += s, squares += static_cast<double>(s) * s;
    const double deviation = std::sqrt(squares / 100);
    EXPECT_LT(std::abs(sum / 100), 3 * deviation / 10);
    EXPECT_LT(deviation, 0.05);
}

TEST_F(Planted, HeadsThatDoNotVaryAreCountedAndScoreNothing) {
    add([](int, int, int) { return "always the same"; }, 0);
    add([](int c, int, int) { return std::to_string(c); }, 0);
    for (auto& row : outputs) row.insert(row.end(), kWidth, 0.0f);  // a third head, of zeros
    ++n_head;
    const auto result = found();
    EXPECT_EQ(result.scores[0][2], 0.0f);
    EXPECT_NEAR(result.scores[0][1], result.ceiling, 0.01);
    EXPECT_EQ(result.n_constant, 2);
    for (const float s : result.scores[0]) EXPECT_TRUE(std::isfinite(s));
}

TEST_F(Planted, LayersOfOtherWidthsAndWithoutHeads) {
    add([](int, int, int p) { return std::to_string(p); }, 0);
    add([](int c, int, int) { return std::to_string(c); }, 0.1f);
    const auto flat = found().scores[0];
    const auto layers =
        concept_scores(outputs, of_concept, std::vector<int>{1, 0, 1}, std::vector<int>{kWidth, 8, kWidth});
    ASSERT_EQ(layers.scores.size(), 3u);
    EXPECT_EQ(layers.scores[0], std::vector<float>{flat[0]});
    EXPECT_TRUE(layers.scores[1].empty());
    EXPECT_EQ(layers.scores[2], std::vector<float>{flat[1]});
}

std::string refusal(const std::vector<Row>& outputs, const std::vector<int>& concepts,
                    const std::vector<int>& n_head = {1}) {
    try {
        concept_scores(outputs, concepts, n_head, std::vector<int>{2});
    } catch (const Error& e) {
        EXPECT_EQ(e.code(), Code::bad_input);
        return e.what();
    }
    return "";
}

TEST(ConceptScores, RefusesWhatHasNoAnswer) {
    const std::vector<Row> rows = {{1, 0}, {0, 1}, {1, 1}};
    EXPECT_NE(refusal(rows, {0, 0, 0}).find("3 of 3 pairs"), std::string::npos);
    EXPECT_NE(refusal(rows, {0, 1, 2}).find("0 of 3 pairs"), std::string::npos);
    EXPECT_NE(refusal({{1, 0}}, {0}).find("0 of 0 pairs"), std::string::npos);
    EXPECT_NE(refusal(rows, {0, 1}).find("3 prompts with 2 concepts"), std::string::npos);
    EXPECT_NE(refusal(rows, {0, 0, 1}, {2}).find("prompt 0 have 2 values, expected 4"), std::string::npos);
    EXPECT_NE(refusal(rows, {0, 0, 1}, {1, 1}).find("2 layers with 1 widths"), std::string::npos);
    EXPECT_NE(refusal({{1, 0}, {1, 0}, {1, 0}}, {0, 0, 1}).find("all 1 heads are alike on all 3 prompts"),
              std::string::npos);
}

}  // namespace

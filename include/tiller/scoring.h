// Scores of generated texts. Knows no model.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tiller/task.h"

namespace tiller {

/// The answer inside a generated text: up to the first line break or the next "Q:", trimmed
/// (the paper's code: the first run of word characters, full stops and blanks). Line breaks before it are
/// skipped; always valid UTF-8.
std::string parse_answer(std::string_view generated);

/// Case-folded (Unicode, unless keep_case) and composed (NFC), without punctuation, articles (a, an, the) and
/// double blanks. Unlike the paper's code, a step that would leave nothing is skipped: the answer "a" stays
/// "a".
/// With `articles_vanish` that step is not skipped, as in the paper's code: "a" becomes "".
std::string normalise_answer(std::string_view text, bool keep_case, bool articles_vanish = false);

/// Should scores of this task keep the case? (Names with capitalize, lowercase or uppercase in them.)
bool keeps_case(std::string_view task_name);

/// Scores of one generated text against the right answers; each the best over the answers, in [0, 1].
/// The first three compare normalise_answer(parse_answer(generated)); `contains` looks at the whole text.
struct AnswerScores {
    double first_word = 0;  ///< First words equal.
    double exact = 0;       ///< Normalised texts equal.
    double f1 = 0;          ///< Bag-of-words F1 of the normalised texts.
    /// The answer's words occur side by side in the generated text; articles do not count.
    double contains = 0;
};
/// Throws usage when there is no target.
AnswerScores score_answer(std::string_view generated, std::span<const std::string> targets, bool keep_case);

/// Known defects of the scores in the code of arXiv 2411.07213, off unless asked for (docs/protocol.md).
struct PaperScoreDefects {
    bool blank_first_match = false;  ///< The answer may be a match of only blanks and full stops.
    bool articles_vanish = false;    ///< The answer "a" (an, the) is normalised to nothing.
    bool split_present = false;      ///< `present` looks for the whole answer among single words.
    bool distinct_by_words = false;  ///< distinct-2 is divided by the words, not by the word pairs.
};

/// The scores of arXiv 2411.07213 for one generated text, each in [0, 1] but the entropy (bits).
struct PaperScores {
    double first_word = 0;  ///< first_word_score: the first words of answer and target are equal.
    double f1 = 0;          ///< f1_score: bag-of-words F1 of answer and target.
    double present = 0;     ///< present_score: the target's words occur side by side in the generated text.
    double ngram_entropy = 0, distinct_1 = 0, distinct_2 = 0;  ///< Of the whole text; see TextHealth.
};

/// The answer as the paper's code finds it: the first run of word characters, full stops and blanks,
/// in the corrected form the first that has a letter or digit; "" when there is none. Trimmed of blanks at
/// both ends.
std::string paper_answer(std::string_view generated, bool blank_first_match = false);

/// Texts are compared after normalise_answer(); the best over the targets counts. Throws usage when there is
/// no target.
PaperScores score_paper(std::string_view generated, std::span<const std::string> targets, bool keep_case,
                        const PaperScoreDefects& defects = {});

/// ROUGE-L F-measure (Lin, "ROUGE: A Package for Automatic Evaluation of Summaries", 2004, eq. 2 to 4 with
/// beta = 1): 2 * LCS / (words of the candidate + words of the reference), where LCS is the length of the
/// longest common subsequence of words (words_of() without marks, case-folded). In [0, 1]; 0 when either has
/// no word.
double rouge_l(std::string_view candidate, std::string_view reference);
/// The best over several references. Throws usage when there is none.
double rouge_l(std::string_view candidate, std::span<const std::string> references);

/// How varied and how broken a text is.
struct TextHealth {
    /// Weighted mean (2/3, 4/3) of the entropies of 2- and 3-grams in bits, as in the paper.
    double ngram_entropy = 0;
    double distinct_1 = 0;   ///< Different words / words.
    double distinct_2 = 0;   ///< Different word pairs / word pairs.
    bool collapsed = false;  ///< See collapse_rule().
};
/// With `distinct_by_words` the word pairs are counted against the words, as in the code of arXiv 2411.07213.
TextHealth text_health(std::string_view text, bool distinct_by_words = false);
/// The rule of TextHealth::collapsed, one sentence for reports.
const char* collapse_rule() noexcept;

/// Does a text that should say the same as `input` in another style say next to nothing? True when it has
/// fewer than a quarter of the input's words (marks not counted). A classifier of style may still give a lone
/// "is" a score near 1.
bool says_too_little(std::string_view text, std::string_view input);

/// Does more than half of a text repeat phrases? True when more than half of its words are in runs of three
/// words that occurred before in the text, and when it has no words. Marks are not counted; labels like "Q:"
/// at the beginning of a line are left out.
bool repeats_phrases(std::string_view text);

/// Words of a text as the scores see them: runs of letters/digits (Unicode), and single punctuation marks.
std::vector<std::string> words_of(std::string_view text);

/// A fastText classifier of style, trained on a task's own training pairs: input side against output side.
/// Lower-cased, split from punctuation; wordNgrams 2, character n-grams 3-6, dim 50, learning rate 0.5, 50
/// epochs, 1 thread. Takes about 150 MB while training and 25 MB after. score() may be called from several
/// threads.
class StyleScorer {
public:
    /// Trains on `train` and measures on `held_out` (indices into task.items, disjoint). Deterministic.
    /// Throws bad_input when train has fewer than 20 items, usage when the lists overlap or name no item,
    /// environment when no temporary file can be written.
    static StyleScorer train(const Task& task, std::span<const int> train, std::span<const int> held_out);

    ~StyleScorer();
    StyleScorer(StyleScorer&&) noexcept;
    StyleScorer& operator=(StyleScorer&&) noexcept;

    /// Probability that the text has the output side's style, in [0, 1]. An empty text gives 0.5.
    double score(std::string_view text) const;
    /// Share of held-out sentences (both sides) classified rightly; 0 when there are none.
    double held_out_accuracy() const noexcept;
    int held_out_count() const noexcept;  ///< Sentences that held_out_accuracy() is a share of.

private:
    struct Impl;
    explicit StyleScorer(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace tiller

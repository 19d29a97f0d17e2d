// How the paper's protocol extracts and scores, with those known defects of the paper's code that the plan
// wants repeated.
#include <algorithm>

#include "protocols/paper/paper.h"

namespace tiller::study {
namespace {

// The text of the last max_new_tokens tokens of prompt and output together (the defect "prompt_tail").
std::string tail_of(const Engine& engine, const Row& row, const RowResult& result) {
    std::vector<Token> tokens = row.prompt;
    tokens.insert(tokens.end(), result.generated.begin(), result.generated.end());
    // The end-of-generation token counts as one token of the window, but has no text.
    const auto window = static_cast<std::size_t>(std::max(row.max_new_tokens - (result.ended ? 1 : 0), 0));
    const auto begin = tokens.size() - std::min(window, tokens.size());
    return engine.model().text(std::span(tokens).subspan(begin));
}

// The paper's scores of an answer.
std::map<std::string, double> scores_of(const ScoredOutput& output, const std::string& task, bool folds_case,
                                        const PaperScoreDefects& defects) {
    const bool keep_case = output.context().keep_case && !(task.starts_with("lowercase") && folds_case);
    const PaperScores s = score_paper(output.text(), output.context().targets, keep_case, defects);
    return {{"first_word", s.first_word}, {"f1", s.f1},
            {"present", s.present},       {"ngram_entropy", s.ngram_entropy},
            {"distinct_1", s.distinct_1}, {"distinct_2", s.distinct_2}};
}

}  // namespace

Policy Paper::policy(const Plan& plan) const {
    const auto on = [&](const char* name) { return has_defect(plan, name); };
    Policy policy;
    policy.always_bos = plan.paper.always_bos;
    policy.extraction = {{"pairs_keep_end", 1},
                         {"bias_per_head", on("bias_per_head")},
                         {"pairs_repeat", on("pairs_repeat")},
                         {"pairs_bare", on("negative_without_blank")}};
    policy.queries_from_validation = true;
    policy.vectors_are_conditions = true;
    policy.stop = {};            // the paper scores the whole output, whatever follows the answer
    policy.whole_answer = true;  // and its style classifiers judge the whole output
    policy.first_answer_only = on("first_answer_only");
    policy.distinct_by_words = on("distinct_by_words");
    if (on("greedy_fv")) policy.is_greedy = [](const Candidate& k) { return k.method == "fv"; };
    if (on("prompt_tail")) policy.scored_text = tail_of;
    policy.score_answer = [folds_case = on("lowercase_folded"),
                           defects = PaperScoreDefects{on("blank_first_match"), on("articles_vanish"),
                                                       on("split_present"), on("distinct_by_words")}](
                              const ScoredOutput& output, const std::string& task) {
        return scores_of(output, task, folds_case, defects);
    };
    return policy;
}

const Protocol& protocol_paper() {
    static const Paper protocol;
    return protocol;
}

}  // namespace tiller::study

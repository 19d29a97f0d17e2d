// The paper's protocol as a plan: its defaults, its known defects, what is impossible.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "study/paper/paper.h"

namespace tiller {

const std::vector<PaperDefect>& paper_defects() {
    static const std::vector<PaperDefect> defects = {
        {"bias_per_head",
         "The bias of W_O is added to the function vector once per head instead of belonging to no head "
         "(GPT-NeoX, Pythia)."},
        {"pairs_repeat",
         "The pairs of an in-context vector are drawn with replacement, so that some count twice."},
        {"negative_without_blank",
         "No blank stands between \"A:\" and the unrelated sentence of a negative text, while the positive "
         "text has one."},
        {"greedy_fv", "Outputs under a function vector are greedy, all others sampled (Pythia)."},
        {"prompt_tail",
         "The last 16 tokens of prompt and output are scored: when generation ends early, the prompt's own "
         "end is scored with it."},
        {"first_answer_only", "Of an item's several right answers only the first counts."},
        {"blank_first_match",
         "The answer is the first match of [\\w. ]+ even when that is a lone blank, as in front of a "
         "quotation mark: such answers score 0."},
        {"articles_vanish",
         "The answers a, an and the are normalised to nothing, and nothing equals nothing: letter tasks are "
         "scored wrongly."},
        {"lowercase_folded", "The lowercase_* tasks are scored without regard to case."},
        {"split_present",
         "present_score compares the whole answer with single words, so that an answer of several words is "
         "never found."},
        {"distinct_by_words", "distinct-2 is divided by the number of words instead of word pairs."},
    };
    return defects;
}

Plan paper_plan() {
    Plan plan;
    plan.protocol = "paper";
    plan.title = "The protocol of arXiv 2411.07213";
    plan.n_test = 100000;  // all items of the split
    plan.n_shot = plan.n_shot_behavioural = 50;
    plan.controls = false;
    plan.functional = plan.behavioural = {100, 25, 10, 100};
    plan.max_new_tokens = plan.max_new_tokens_behavioural = 16;
    plan.temperature = 0.1f;
    plan.top_p = 0.9f;
    return plan;
}

namespace study {

bool has_defect(const Plan& plan, std::string_view name) {
    const auto& names = plan.paper.defects;
    return std::find(names.begin(), names.end(), name) != names.end();
}

std::optional<Fault> paper_fault(const Plan& plan) {
    std::optional<Fault> fault;
    const auto refuse = [&](const std::string& key, const std::string& what) {
        if (!fault) fault = Fault{key, what};
    };
    const PaperPlan& p = plan.paper;
    if (plan.controls) refuse("controls", "is true, but the paper's protocol has no random controls");
    for (const auto& name : plan.methods)
        if (name != "fv" && name != "icv")
            refuse("methods", fmt::format("names {}, but the paper's protocol has fv and icv alone", name));
    for (const auto seed : plan.seeds)
        if (seed > std::numeric_limits<std::uint32_t>::max())
            refuse("seeds", fmt::format("has {}, expected at most 4294967295, the most that the paper's "
                                        "splits take",
                                        seed));
    const auto list = [&](const std::string& key, auto values, bool may_be_empty) {
        if (values.empty() && !may_be_empty) refuse(key, "is empty; give at least one value");
        std::sort(values.begin(), values.end());
        if (const auto twice = std::adjacent_find(values.begin(), values.end()); twice != values.end())
            refuse(key, fmt::format("names {} twice", *twice));
    };
    const auto counts = [&](const std::string& key, const std::vector<int>& values, int least) {
        list(key, values, false);
        for (const int n : values)
            if (n < least || n > 1000000)
                refuse(key, fmt::format("has {}, expected {} to 1000000", n, least));
    };
    const auto strengths = [&](const std::string& key, const std::vector<double>& values) {
        for (const double a : values)
            if (!std::isfinite(a) || std::abs(a) > 1000)
                return refuse(key, fmt::format("has {}, expected -1000 to 1000", a));
        list(key, values, false);
    };
    counts("paper.shots", p.shots, 0);
    counts("paper.n_pairs", p.n_pairs, 1);
    counts("paper.layer_pairs", p.layer_pairs, 1);
    strengths("paper.alphas", p.alphas);
    strengths("paper.layer_alphas", p.layer_alphas);
    if (p.n_template < 0 || p.n_template > 5)
        refuse("paper.n_template", fmt::format("is {}, expected 0 to 5", p.n_template));
    list("paper.layers", p.layers, true);
    for (const auto& code : p.layers) {
        try {
            layers_of(code, 8);
        } catch (const Error& e) {
            refuse("paper.layers", fmt::format("has an {}", e.what()));
        }
    }
    list("paper.defects", p.defects, true);
    for (const auto& name : p.defects) {
        std::vector<std::string> known;
        for (const auto& defect : paper_defects()) known.emplace_back(defect.name);
        if (std::find(known.begin(), known.end(), name) == known.end())
            refuse("paper.defects",
                   fmt::format("has \"{}\", which is unknown; known: {}", name, fmt::join(known, ", ")));
    }
    return fault;
}

}  // namespace study
}  // namespace tiller

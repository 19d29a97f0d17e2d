// The paper's protocol as a plan: its defaults, the known defects of its code, and which plans are refused.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "protocols/paper/paper.h"
#include "study/toml_fields.h"

namespace tiller {

namespace study {

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

}  // namespace study

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

Paper::Paper()
    : Protocol({.name = "paper",
                .summary = "the conditions of arXiv 2411.07213, nothing tuned (docs/protocol.md)",
                .question = "What do function vectors and in-context vectors do under the conditions of the "
                            "paper that compared them (arXiv 2411.07213)?",
                .table = "paper"}) {}

void Paper::table_fields(Fields& f, Plan& plan) const {
    PaperPlan& p = plan.paper;
    f("shots", p.shots), f("n_pairs", p.n_pairs), f("alphas", p.alphas), f("n_template", p.n_template);
    f("layers", p.layers), f("layer_pairs", p.layer_pairs), f("layer_alphas", p.layer_alphas);
    f("always_bos", p.always_bos), f("defects", p.defects);
}

void Paper::check(const Plan& plan, PlanFaults& faults) const {
    const PaperPlan& p = plan.paper;
    faults.refuse_if(plan.controls, "controls", "is true, but the paper's protocol has no random controls");
    for (const auto& name : plan.methods)
        faults.refuse_if(name != "fv" && name != "icv", "methods",
                         fmt::format("names {}, but the paper's protocol has fv and icv alone", name));
    faults.each(
        "seeds", plan.seeds,
        [](std::uint64_t seed) { return seed <= std::numeric_limits<std::uint32_t>::max(); },
        "at most 4294967295, the most that the paper's splits take");
    const auto counts = [&](const std::string& key, const std::vector<int>& values, int least) {
        faults.filled(key, values, "give at least one value");
        faults.once(key, values);
        faults.each(
            key, values, [&](int n) { return n >= least && n <= 1000000; },
            fmt::format("{} to 1000000", least));
    };
    const auto strengths = [&](const std::string& key, const std::vector<double>& values) {
        faults.each(
            key, values, [](double a) { return std::isfinite(a) && std::abs(a) <= 1000; }, "-1000 to 1000");
        faults.filled(key, values, "give at least one value");
        faults.once(key, values);
    };
    counts("paper.shots", p.shots, 0);
    counts("paper.n_pairs", p.n_pairs, 1);
    counts("paper.layer_pairs", p.layer_pairs, 1);
    strengths("paper.alphas", p.alphas);
    strengths("paper.layer_alphas", p.layer_alphas);
    faults.within("paper.n_template", p.n_template, 0, 5);
    faults.once("paper.layers", p.layers);
    for (const auto& code : p.layers) {
        try {
            layers_of(code, 8);
        } catch (const Error& e) {
            faults.refuse("paper.layers", fmt::format("has an {}", e.what()));
        }
    }
    faults.once("paper.defects", p.defects);
    std::vector<std::string> known;
    for (const auto& defect : paper_defects()) known.emplace_back(defect.name);
    for (const auto& name : p.defects)
        faults.refuse_if(
            std::find(known.begin(), known.end(), name) == known.end(), "paper.defects",
            fmt::format("has \"{}\", which is unknown; known: {}", name, fmt::join(known, ", ")));
}

}  // namespace study
}  // namespace tiller

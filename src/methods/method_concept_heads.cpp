// Concept heads: a function vector whose heads are picked by what their outputs represent instead of by their
// indirect effects (arXiv 2602.22424; earlier arXiv 2503.03666).
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "core/util.h"
#include "methods/checkpoint.h"
#include "methods/head_method.h"
#include "methods/head_outputs.h"
#include "methods/inputs.h"
#include "methods/provenance.h"
#include "methods/representational_similarity.h"
#include "tiller/error.h"

namespace tiller {
namespace {

using Texts = std::vector<std::string>;

constexpr std::size_t kConcepts = 3, kForms = 3;  // fewest tasks and forms accepted

// Names in the order of their first appearance.
template <class Name>
Texts names_of(std::span<const ConceptForm> concepts, const Name& name) {
    Texts names;
    for (const auto& c : concepts)
        if (std::find(names.begin(), names.end(), name(c)) == names.end()) names.push_back(name(c));
    return names;
}

class ConceptHeads final : public HeadMethod {
public:
    std::string name() const override { return "concept-heads"; }
    std::string summary() const override {
        return "function vector of the heads whose outputs tell tasks apart in every form (arXiv 2602.22424)";
    }
    bool wants_concepts() const override { return true; }

    SteeringVector extract(const MethodInput& in) const override {
        SteeringVector v = HeadMethod::extract(in);
        // Of a head search with patched heads, which this method does not run.
        v.provenance.settings.erase("clean_probability");
        v.provenance.settings.erase("aie_noise");
        return v;
    }

protected:
    Ranking rank(const MethodInput& in) const override {
        const Texts concepts = names_of(in.concepts, [](const auto& c) { return c.task.name; });
        const Texts forms = names_of(in.concepts, [](const auto& c) { return c.form; });
        check(in, concepts, forms);
        const int n_shot = option(in, "n_shot", 10);
        const auto n_form = static_cast<int>(forms.size());
        const int n_each = std::max(2, (option(in, "n_patch", 25) + n_form - 1) / n_form);

        Ranking out;
        Digest digest;
        const auto note = [&](const Texts& texts) {
            for (const auto& text : texts) digest.add(text);
            out.n_text += texts.size();
            out.n_token += count_tokens(in.engine.model(), texts);
        };
        const Texts means = texts_of(make_prompts(in.task, in.train, option(in, "n_mean", 100), n_shot,
                                                  in.seed, false, in.form, in.queries));
        note(means);
        std::size_t done = 0, chunks = 0;
        const auto step = [&](std::size_t, std::size_t all) {
            chunks = all;
            if (in.progress) in.progress(++done, chunks + in.concepts.size());
        };
        out.search.mean_head_output = mean_head_outputs(in.engine, means, in.checkpoint, step);

        std::vector<std::vector<float>> outputs;
        std::vector<int> of_concept;
        for (const ConceptForm& c : in.concepts) {
            const auto at = [](const Texts& names, const std::string& name) {
                return std::find(names.begin(), names.end(), name) - names.begin();
            };
            // Each form draws its items with another seed, and none with the seed of the means. Otherwise
            // prompts of one task would share items, and a head that represents items would score like one
            // that represents the task.
            const auto stream = in.seed + 2 + static_cast<std::uint64_t>(at(forms, c.form));
            const Texts texts =
                texts_of(make_prompts(c.task, c.train, n_each, n_shot, stream, false, c.pieces));
            note(texts);
            for (auto& row : outputs_of(in, texts, outputs.size())) {
                outputs.push_back(std::move(row));
                of_concept.push_back(static_cast<int>(at(concepts, c.task.name)));
            }
            step(0, chunks);
        }
        const ModelInfo& info = in.engine.info();
        auto scores = concept_scores(outputs, of_concept, info.n_head, info.d_head);
        out.search.aie = std::move(scores.scores);
        out.digest = digest.hex();
        out.settings = {{"n_mean", std::to_string(means.size())},
                        {"n_shot", std::to_string(n_shot)},
                        {"n_per_form", std::to_string(n_each)},
                        {"concepts", fmt::format("{}", fmt::join(concepts, ", "))},
                        {"forms", fmt::format("{}", fmt::join(forms, ", "))},
                        {"head_score", "concept score"},
                        {"score_ceiling", fmt::format("{:.6g}", scores.ceiling)},
                        {"heads_constant", std::to_string(scores.n_constant)}};
        return out;
    }

private:
    void check(const MethodInput& in, const Texts& concepts, const Texts& forms) const {
        std::set<std::pair<std::string, std::string>> cells;
        for (const auto& c : in.concepts) cells.emplace(c.task.name, c.form);
        const bool has_own = std::find(concepts.begin(), concepts.end(), in.task.name) != concepts.end();
        const bool is_whole =
            cells.size() == in.concepts.size() && cells.size() == concepts.size() * forms.size();
        if (concepts.size() >= kConcepts && forms.size() >= kForms && has_own && is_whole) return;
        throw Error(
            Code::usage,
            fmt::format("{}: {} tasks (\"{}\") in {} forms (\"{}\"), {} prompt sets in all; expected "
                        "{} tasks or more, {} among them, each once in the same {} forms or more: "
                        "give them in MethodInput::concepts",
                        name(), concepts.size(), fmt::join(concepts, "\", \""), forms.size(),
                        fmt::join(forms, "\", \""), in.concepts.size(), kConcepts, in.task.name, kForms));
    }

    // Head outputs of the texts, [n_text][sum over layers of n_head * d_head]. The checkpoint's key is a
    // digest of the texts, so that tasks which compare the same prompts compute them once.
    static std::vector<std::vector<float>> outputs_of(const MethodInput& in, const Texts& texts,
                                                      std::size_t first) {
        const ModelInfo& info = in.engine.info();
        std::size_t width = 0;
        for (std::size_t il = 0; il < info.n_head.size(); ++il)
            width += static_cast<std::size_t>(info.n_head[il] * info.d_head[il]);
        const std::string key =
            texts_key(in.engine.info()) + "outputs-" + prompts_digest(texts).substr(0, 16);
        const auto flat = cached(in.checkpoint, key, texts.size() * width, [&] {
            std::vector<float> all;
            for (const auto& row : head_outputs(in.engine, texts, first))
                all.insert(all.end(), row.begin(), row.end());
            return all;
        });
        std::vector<std::vector<float>> rows;
        for (auto it = flat.begin(); it != flat.end(); it += static_cast<std::ptrdiff_t>(width))
            rows.emplace_back(it, it + static_cast<std::ptrdiff_t>(width));
        return rows;
    }
};

}  // namespace

const Method& method_concept_heads() {
    static const ConceptHeads method;
    return method;
}

}  // namespace tiller

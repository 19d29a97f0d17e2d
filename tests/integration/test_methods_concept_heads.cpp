// Concept heads: scores from captures by hand, the vector that is made of them, and what is shared with
// function vectors.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/util.h"
#include "support/methods_model.h"
#include "support/methods_task.h"

using namespace tiller;
using namespace tiller::test;

namespace {

constexpr int kShots = 2, kEach = 3;  // 7 prompts of each task, spread over three forms and rounded up

class ConceptHeads : public testing::Test {
protected:
    ConceptHeads() : model_(tiny()), engine_(model_, exact()), train_(10) {
        std::iota(train_.begin(), train_.end(), 0);
        concepts_ = small_concepts(task_, train_);
    }
    MethodInput input(Checkpoint* checkpoint = nullptr) {
        MethodInput in{engine_,    task_, train_,
                       kUnrelated, 11,    {{"n_mean", 18}, {"n_patch", 7}, {"n_shot", kShots}},
                       checkpoint, {}};
        in.concepts = concepts_;
        return in;
    }
    SteeringVector extract(const MethodInput& in) const { return find_method("concept-heads").extract(in); }
    // One prompt at a time.
    std::vector<float> captured(const std::string& prompt, int layer) {
        Row row;
        row.prompt = model_->tokenize(prompt);
        row.captures = {{Site::head_output, layer, layer + 1, {Positions::Kind::last_prompt, 0, 0}, false}};
        return engine_.run(std::vector<Row>{row}).at(0).captured.at(0).values;
    }

    std::shared_ptr<const Model> model_;
    Engine engine_;
    Task task_ = small_task();
    std::vector<int> train_;
    std::vector<ConceptForm> concepts_;
};

// Rank from 1; equals share the mean of theirs.
double rank_of(const std::vector<double>& values, std::size_t i) {
    double below = 0, equal = 0;
    for (const double v : values) below += v < values[i], equal += v == values[i];
    return below + (equal + 1) / 2;
}

double correlation_of_ranks(const std::vector<double>& a, const std::vector<double>& b) {
    const double mean = (static_cast<double>(a.size()) + 1) / 2;
    double ab = 0, aa = 0, bb = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const double x = rank_of(a, i) - mean, y = rank_of(b, i) - mean;
        ab += x * y, aa += x * x, bb += y * y;
    }
    return ab / std::sqrt(aa * bb);
}

TEST_F(ConceptHeads, ScoresAreThoseOfTheCapturesByHand) {
    const SteeringVector v = extract(input());
    ASSERT_EQ(v.aie.size(), 3u);
    std::vector<std::string> prompts, names;
    for (std::size_t i = 0; i < concepts_.size(); ++i)
        for (const Prompt& p :
             make_prompts(concepts_[i].task, train_, kEach, kShots, 13 + i % 3, false, concepts_[i].pieces)) {
            prompts.push_back(p.text);
            names.push_back(concepts_[i].task.name);
        }
    ASSERT_EQ(prompts.size(), 27u);
    const auto d = static_cast<std::size_t>(model_->info().d_head[0]);
    for (const auto& [layer, head] : {std::pair{0, 3}, std::pair{2, 1}}) {
        std::vector<std::vector<double>> outputs;
        for (const auto& prompt : prompts) {
            const auto all = captured(prompt, layer);
            const auto begin = all.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(head) * d);
            outputs.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(d));
        }
        const auto dot = [](const auto& x, const auto& y) {
            return std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
        };
        std::vector<double> cosines, same;
        for (std::size_t i = 0; i < prompts.size(); ++i)
            for (std::size_t j = i + 1; j < prompts.size(); ++j) {
                cosines.push_back(dot(outputs[i], outputs[j]) /
                                  std::sqrt(dot(outputs[i], outputs[i]) * dot(outputs[j], outputs[j])));
                same.push_back(names[i] == names[j]);
            }
        const auto score = v.aie[static_cast<std::size_t>(layer)][static_cast<std::size_t>(head)];
        // Cosines of 351 pairs whose order rounding may turn in a place or two.
        EXPECT_NEAR(static_cast<double>(score), correlation_of_ranks(cosines, same), 1e-3)
            << layer << "." << head;
        EXPECT_NE(score, 0.0f);
    }
}

// The vector is a function vector's in all but the ranking.
TEST_F(ConceptHeads, VectorIsTheFunctionVectorOfOtherHeads) {
    const Method &concept_heads = find_method("concept-heads"), &fv = find_method("fv");
    const SteeringVector v = extract(input()), f = fv.extract(input());
    EXPECT_EQ(v.mean_head_output, f.mean_head_output);
    EXPECT_NE(v.aie, f.aie);
    HeadSearch search;
    search.aie = v.aie, search.mean_head_output = v.mean_head_output;
    const auto build = concept_heads.builder(*model_, v);
    for (const int n : {1, 5, 12}) {
        const auto made = build({{"heads", n}, {"layer", 1}, {"scale", 2}});
        EXPECT_EQ(made.directions, function_vector(*model_, search, {.n_heads = n, .layer = 1}).directions);
        ASSERT_EQ(made.heads.size(), static_cast<std::size_t>(n));
        for (std::size_t i = 1; i < made.heads.size(); ++i)
            EXPECT_GE(made.heads[i - 1].aie, made.heads[i].aie);
        EXPECT_EQ(made.site, Site::residual);
        EXPECT_EQ(made.positions, Positions::Kind::steered);
    }
    const ModelInfo& info = model_->info();
    EXPECT_EQ(concept_heads.grid(info, false), fv.grid(info, false));
    EXPECT_EQ(concept_heads.grid(info, true), fv.grid(info, true));
    EXPECT_EQ(concept_heads.axes(info, 5), fv.axes(info, 5));
    EXPECT_EQ(concept_heads.paper_setting(info), fv.paper_setting(info));
    EXPECT_TRUE(concept_heads.wants_concepts());
    EXPECT_FALSE(fv.wants_concepts());
}

TEST_F(ConceptHeads, ProvenanceSaysWhatWasCompared) {
    const SteeringVector v = extract(input());
    const auto& s = v.provenance.settings;
    EXPECT_EQ(s.at("concepts"), "small, shifted by 2, shifted by 9");
    EXPECT_EQ(s.at("forms"), "qa, arrow, in the sun");
    EXPECT_EQ(s.at("n_per_form"), "3");
    EXPECT_EQ(s.at("n_mean"), "18");
    EXPECT_EQ(s.at("n_shot"), "2");
    EXPECT_EQ(s.at("input.texts"), "45");
    EXPECT_EQ(head_score_name(v), "concept score");
    EXPECT_FALSE(has_effects(v));
    EXPECT_FALSE(s.contains("aie_noise")) << "no head was patched";
    EXPECT_FALSE(s.contains("n_patch"));
    const auto path = temporary_file("concept.gguf");
    save_vector(v, path);
    EXPECT_EQ(head_score_name(load_vector(path)), "concept score");
    const SteeringVector f = find_method("fv").extract(input());
    EXPECT_EQ(head_score_name(f), "AIE");
    EXPECT_TRUE(has_effects(f));
    // Prompts of the other tasks count.
    concepts_[5].task.items[2].output = "the red sun";
    EXPECT_NE(extract(input()).provenance.prompts_digest, v.provenance.prompts_digest);
}

TEST_F(ConceptHeads, MeansAreSharedAndOutputsAreKept) {
    MemoryCheckpoint checkpoint;
    find_method("fv").extract(input(&checkpoint));
    EXPECT_EQ(checkpoint.n_store, 2 + 1) << "means, and trials that are computed at once";
    const SteeringVector v = extract(input(&checkpoint));
    EXPECT_EQ(checkpoint.n_store, 2 + 1 + 9) << "and a set of prompts of each task and form";
    EXPECT_EQ(v.aie, extract(input()).aie);
    const auto before = engine_.stats().n_token;
    EXPECT_EQ(extract(input(&checkpoint)).aie, v.aie);
    EXPECT_EQ(engine_.stats().n_token, before);
}

// The form in which a vector is taken changes what is summed, not which heads are.
TEST_F(ConceptHeads, HeadsDoNotDependOnTheVectorsForm) {
    const SteeringVector v = extract(input());
    MethodInput in = input();
    in.form = {"", "->", " ", "\n", ""};
    const SteeringVector arrow = extract(in);
    EXPECT_EQ(arrow.aie, v.aie);
    EXPECT_NE(arrow.mean_head_output, v.mean_head_output);
}

TEST_F(ConceptHeads, IncompleteDesignsAreRefused) {
    const auto refused = [&](const std::string& what) {
        expect_error(Code::usage, {"concept-heads", what, "MethodInput::concepts"},
                     [&] { extract(input()); });
    };
    const auto whole = concepts_;
    concepts_.clear();
    refused("0 tasks");
    concepts_.assign(whole.begin(), whole.begin() + 6);
    refused("2 tasks (\"small\", \"shifted by 2\") in 3 forms");
    concepts_ = whole;
    concepts_.erase(concepts_.begin() + 4);
    refused("8 prompt sets in all");
    concepts_ = whole;
    concepts_[8] = concepts_[7];
    refused("9 prompt sets in all");
    concepts_ = whole;
    std::erase_if(concepts_, [](const auto& c) { return c.form == "arrow"; });
    refused("3 tasks (\"small\", \"shifted by 2\", \"shifted by 9\") in 2 forms (\"qa\", \"in the sun\")");
    concepts_ = whole;
    for (auto& c : concepts_)
        if (c.task.name == "small") c.task.name = "another";
    refused("small among them");
}

}  // namespace

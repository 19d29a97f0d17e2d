// tiller doctor: sound models pass every check, and each check fails on something that is really wrong.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <set>

#include "methods/doctor_judge.h"
#include "support/engine_rows.h"
#include "support/patch_model.h"

using namespace tiller;
using namespace tiller::test;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TinyOptions architecture(const std::string& name) {
    TinyOptions o;
    o.architecture = name;
    if (name == "deci") o.layer_without_heads = 1;
    return o;
}

const Check& find(const Diagnosis& d, const std::string& name) {
    for (const Check& c : d.checks)
        if (c.name == name) return c;
    ADD_FAILURE() << "no check " << name;
    return d.checks.front();
}
Outcome outcome(const Diagnosis& d, const std::string& name) { return find(d, name).outcome; }

std::set<std::string> failed(const Diagnosis& d) {
    std::set<std::string> names;
    for (const Check& c : d.checks)
        if (c.outcome == Outcome::failed) names.insert(c.name);
    return names;
}
using Names = std::set<std::string>;

Diagnosis diagnose_file(const std::filesystem::path& path, const DoctorOptions& options = {}) {
    Engine engine(Model::load(path), exact());
    return diagnose(engine, options);
}

class DoctorArchitecture : public testing::TestWithParam<const char*> {};

TEST_P(DoctorArchitecture, PassesEveryCheck) {
    const auto model = tiny(architecture(GetParam()));
    const bool holed = std::string(GetParam()) == "deci";
    Engine engine(model, exact());
    for (bool fast : {true, false}) {
        DoctorOptions options;
        options.fast = fast;
        std::size_t last = 0, all = 0;
        const Diagnosis d = diagnose(engine, options, [&](std::size_t done, std::size_t of) {
            EXPECT_EQ(done, last + 1);
            last = done;
            all = of;
        });
        EXPECT_EQ(last, all);
        EXPECT_TRUE(d.passed()) << d.failures();
        EXPECT_EQ(d.failures(), "");
        EXPECT_EQ(d.fast, fast);
        EXPECT_EQ(d.layers, (std::vector<int>{0, 1, 2}));
        EXPECT_EQ(d.layers_without_heads, holed ? std::vector<int>{1} : std::vector<int>{});
        for (const char* name : {"sites", "effect", "zero_edit", "self_replacement", "neighbours",
                                 "contribution", "head_contribution", "finite"})
            EXPECT_EQ(outcome(d, name), Outcome::passed) << name;
        for (const char* name : {"zero_edit", "self_replacement", "neighbours"}) {
            EXPECT_EQ(find(d, name).figure, 0) << name;
            EXPECT_EQ(find(d, name).bound, 0) << name;
        }
        // Float32 weights: what is left is rounding.
        EXPECT_LT(find(d, "contribution").figure, 1e-5);
        EXPECT_LT(find(d, "head_contribution").figure, 1e-4);
        EXPECT_EQ(outcome(d, "fork"), fast ? Outcome::not_applicable : Outcome::informative);
        EXPECT_LT(find(d, "fork").figure, 1e-4);
        EXPECT_EQ(find(d, "sites").text.find("without heads: layer 1") != std::string::npos, holed);
        EXPECT_NO_THROW(require_passed(d, model->info()));
    }
}

INSTANTIATE_TEST_SUITE_P(Tiny, DoctorArchitecture,
                         testing::Values("llama", "granite", "deci", "seed_oss", "qwen2", "qwen3moe", "olmo2",
                                         "gemma2", "gemma3", "gemma4", "glm4", "gptneox", "gpt2"));

TEST(Doctor, QuantisedModelsPassWithinTheBoundOf8Bits) {
    TinyOptions o;
    o.n_embd = o.n_ff = 256;
    o.d_head = 64;
    for (const char* type : {"F16", "BF16", "Q8_0", "Q4_1", "Q4_K"}) {
        EngineOptions options = exact();
        options.cache_f32 = false;
        Engine engine(Model::load(quantise_tiny_model(make_tiny_model(o), type)), options);
        const Diagnosis d = diagnose(engine);
        EXPECT_TRUE(d.passed()) << type << "\n" << d.failures();
        EXPECT_EQ(find(d, "contribution").bound, type[0] == 'Q' ? 0.15 : 0.02) << type;
    }
}

TEST(Doctor, ManyLayersAreSampledByTheFastPartAlone) {
    TinyOptions o;
    o.n_layer = 9;
    Engine engine(tiny(o), exact());
    DoctorOptions options;
    EXPECT_EQ(diagnose(engine, options).layers.size(), 9u);
    options.fast = true;
    const auto tokens = engine.stats().n_token;
    EXPECT_EQ(diagnose(engine, options).layers, (std::vector<int>{0, 4, 8}));
    EXPECT_LT(engine.stats().n_token - tokens, 500u);
}

TEST(Doctor, LeavesTheEngineAsItWas) {
    Engine engine(tiny(), exact());
    const Row row = logits_row(random_prompt(20, 3));
    const auto before = engine.run(std::span(&row, 1))[0].logits;
    const Diagnosis a = diagnose(engine), b = diagnose(engine);
    EXPECT_EQ(engine.run(std::span(&row, 1))[0].logits, before);
    for (std::size_t i = 0; i < a.checks.size(); ++i) {
        EXPECT_EQ(a.checks[i].figure, b.checks[i].figure);
        EXPECT_EQ(a.checks[i].text, b.checks[i].text);
    }
    std::atomic<bool> stop = true;
    engine.cancel_with(&stop);
    expect_error(Code::interrupted, {}, [&] { diagnose(engine); });
}

// --- Things that are really wrong
// -----------------------------------------------------------------------------

TEST(DoctorFails, WithoutThePostNormWhereThereIsOne) {
    DoctorOptions options;
    options.contributions.post_norm = false;
    for (const char* a : {"gemma2", "gemma3", "olmo2", "glm4"})
        EXPECT_EQ(failed(diagnose_file(make_tiny_model(architecture(a)), options)),
                  (Names{"contribution", "head_contribution"}))
            << a;
    for (const char* a : {"llama", "gptneox", "seed_oss"})
        EXPECT_TRUE(diagnose_file(make_tiny_model(architecture(a)), options).passed()) << a;
}

TEST(DoctorFails, WithTheBiasOncePerHead) {
    DoctorOptions options;
    options.contributions.bias_per_head = true;
    for (const char* a : {"gptneox", "gpt2"})
        EXPECT_EQ(failed(diagnose_file(make_tiny_model(architecture(a)), options)), Names{"contribution"})
            << a;
    EXPECT_TRUE(diagnose_file(make_tiny_model(architecture("llama")), options).passed());
}

// The engine computes with one file and the vectors are made from another.
TEST(DoctorFails, WhenTheFileIsReplacedAfterLoading) {
    const auto path = temporary_file("replaced.gguf");
    std::filesystem::copy_file(make_tiny_model(), path);
    const auto model = Model::load(path);
    Engine engine(model, exact());
    EXPECT_TRUE(diagnose(engine).passed());
    TinyOptions other;
    other.seed = 99;
    const auto newer = temporary_file("newer.gguf");
    std::filesystem::copy_file(make_tiny_model(other), newer);
    std::filesystem::rename(newer, path);
    const Diagnosis d = diagnose(engine);
    EXPECT_EQ(failed(d), (Names{"contribution", "head_contribution"}));
    expect_error(Code::unsupported,
                 {"tiny llama", "contribution", "worst: layer", "at most 0.001", "another model"},
                 [&] { require_passed(d, model->info()); });
}

TEST(DoctorFails, WhenALayersHeadsReachNothing) {
    const Diagnosis d = diagnose_file(patched_model(make_tiny_model(), "blk.1.attn_output.weight", 0));
    EXPECT_EQ(failed(d), Names{"effect"});
    EXPECT_EQ(find(d, "effect").figure, 1);
    EXPECT_NE(find(d, "effect").text.find("head_output in layer 1"), std::string::npos)
        << find(d, "effect").text;
}

TEST(DoctorFails, WhenLogitsAreNotFinite) {
    const Diagnosis d =
        diagnose_file(patched_model(make_tiny_model(), "blk.0.ffn_down.weight", static_cast<float>(kNaN)));
    EXPECT_EQ(failed(d), Names{"finite"});
    EXPECT_EQ(find(d, "finite").figure, 3);
    for (const char* name : {"effect", "zero_edit", "self_replacement", "neighbours", "contribution"})
        EXPECT_EQ(outcome(d, name), Outcome::not_applicable) << name;
}

// --- The trials see wrong inputs
// ------------------------------------------------------------------------------

class DoctorTrials : public testing::Test {
protected:
    doctor::Findings layer(const doctor::Baseline& baseline, bool all) {
        doctor::Findings findings;
        doctor::try_layer(engine_, baseline, 1, all, findings);
        return findings;
    }
    static SharedFloats nudged(const SharedFloats& values) {
        auto copy = *values;
        copy[5] += 0.01f * std::fabs(copy[5]) + 0.01f;
        return shared(copy);
    }
    Engine engine_{tiny(), exact()};
    const std::vector<int> layers_ = {0, 1, 2};
    doctor::Baseline baseline_ = doctor::measure_baseline(engine_, layers_);
};

TEST_F(DoctorTrials, ASiteReplacedByAlmostItself) {
    for (Site site : kAllSites)
        for (bool last : {false, true})
            for (bool all : {false, true}) {
                auto wrong = baseline_;
                auto& values = wrong.activations.at({site, 1, last});
                values = nudged(values);
                const auto findings = layer(wrong, all);
                EXPECT_GT(findings.self_replacement.figure, 0) << site_name(site) << last;
                EXPECT_NE(findings.self_replacement.where.find(site_name(site)), std::string::npos)
                    << findings.self_replacement.where;
                EXPECT_EQ(findings.zero_edit.figure, 0);
                EXPECT_EQ(findings.neighbours.figure, 0);
            }
}

TEST_F(DoctorTrials, ARowThatIsNotTheSameAlone) {
    for (std::size_t prompt : {0u, 1u, 2u}) {
        auto wrong = baseline_;
        auto& logits = wrong.results[prompt].logits;
        logits[7] = std::nextafter(logits[7], 1e9f);
        const auto findings = layer(wrong, false);
        EXPECT_GT(findings.neighbours.figure, 0);
        EXPECT_LT(findings.neighbours.figure, 1e-5);
        EXPECT_NE(findings.neighbours.where.find("unsteered"), std::string::npos);
        EXPECT_EQ(findings.self_replacement.figure, 0);
    }
}

// Heads in another order: their sum is the same, each alone is not.
TEST_F(DoctorTrials, ContributionsOfMixedUpHeads) {
    doctor::Findings right, wrong;
    doctor::try_contributions(engine_, baseline_, 1, {}, right);
    auto mixed = baseline_;
    auto& z = mixed.activations.at({Site::head_output, 1, true});
    auto values = *z;
    std::rotate(values.begin(), values.begin() + 16, values.end());
    z = shared(values);
    doctor::try_contributions(engine_, mixed, 1, {}, wrong);
    EXPECT_LT(right.contribution.figure, 1e-5);
    EXPECT_LT(right.head_contribution.figure, 1e-5);
    EXPECT_GT(wrong.contribution.figure, 0.3);
    EXPECT_GT(wrong.head_contribution.figure, 0.3);
}

TEST_F(DoctorTrials, ABrokenPromptIsSeen) {
    EXPECT_TRUE(doctor::broken_prompts(baseline_).empty());
    auto wrong = baseline_;
    wrong.results[1].logits[0] = std::numeric_limits<float>::infinity();
    wrong.results[2].forced_logprob[1] = -std::numeric_limits<float>::infinity();
    EXPECT_EQ(doctor::broken_prompts(wrong), (std::vector<std::size_t>{1, 2}));
}

// --- Bounds and sentences
// -------------------------------------------------------------------------------------

class DoctorJudge : public testing::Test {
protected:
    static Outcome unchanged(const doctor::Judge& judge, double figure) {
        doctor::Worst worst;
        worst.add(0, "residual in layer 0");
        worst.add(figure, "residual in layer 2");
        const Check c = judge.unchanged("zero_edit", "edits of strength 0", worst);
        if (c.outcome == Outcome::failed) {
            EXPECT_NE(c.text.find("residual in layer 2"), std::string::npos) << c.text;
        }
        return c.outcome;
    }
    std::shared_ptr<const Model> model_ = tiny(architecture("deci"));
};

TEST_F(DoctorJudge, UnchangedMeansBitForBitOnTheCpu) {
    EngineOptions options;
    const doctor::Judge exact_judge(model_->info(), options);
    EXPECT_EQ(unchanged(exact_judge, 0), Outcome::passed);
    for (double figure : {1e-12, 0.3, 5.0, static_cast<double>(INFINITY), kNaN})
        EXPECT_EQ(unchanged(exact_judge, figure), Outcome::failed) << figure;
    options.flash_attention = true;
    const doctor::Judge loose(model_->info(), options);
    EXPECT_EQ(unchanged(loose, 0.3), Outcome::passed);
    for (double figure : {5.0, static_cast<double>(INFINITY), kNaN})
        EXPECT_EQ(unchanged(loose, figure), Outcome::failed) << figure;
}

TEST_F(DoctorJudge, ASiteThatALayerWithHeadsLacks) {
    Engine engine(model_, exact());
    ModelInfo info = model_->info();
    EXPECT_EQ(doctor::Judge(info, {}).sites(engine, {}).outcome, Outcome::passed);
    info.n_head[1] = 4;  // the metadata says so, the graph does not
    const Check c = doctor::Judge(info, {}).sites(engine, {});
    EXPECT_EQ(c.outcome, Outcome::failed);
    EXPECT_EQ(c.figure, 2);
    for (const char* part : {"deci", "head_output in layer 1", "attention_output in layer 1"})
        EXPECT_NE(c.text.find(part), std::string::npos) << c.text;
    doctor::Findings findings;
    findings.not_carried_out.push_back("3 edits at residual in layer 2 were not carried out");
    const Check missed = doctor::Judge(model_->info(), {}).sites(engine, findings);
    EXPECT_EQ(missed.outcome, Outcome::failed);
    EXPECT_NE(missed.text.find("residual in layer 2"), std::string::npos) << missed.text;
}

TEST_F(DoctorJudge, ForkIsAFigureUnlessItIsNone) {
    doctor::Findings findings;
    const doctor::Judge judge(model_->info(), {});
    EXPECT_EQ(judge.fork(findings).outcome, Outcome::not_applicable);
    findings.fork.add(0.4, "the clean row");
    findings.fork_mean = 0.01;
    EXPECT_EQ(judge.fork(findings).outcome, Outcome::informative);
    findings.fork.add(kNaN, "the clean row");
    EXPECT_EQ(judge.fork(findings).outcome, Outcome::failed);
}

TEST(DoctorFigures, DifferencesAndErrors) {
    RowResult a, b;
    a.logits = b.logits = {1, 2, 3};
    EXPECT_EQ(doctor::difference(a, b), 0);
    b.logits[1] = 2.5f;
    EXPECT_EQ(doctor::difference(a, b), 0.5);
    b.forced_logprob = {-1};
    EXPECT_EQ(doctor::difference(a, b), INFINITY);
    a.forced_logprob = {static_cast<float>(kNaN)};
    EXPECT_EQ(doctor::difference(a, b), INFINITY);
    const std::vector<float> x = {3, 4}, y = {3, 3}, none = {0, 0};
    EXPECT_EQ(doctor::relative_error(x, x), 0);
    EXPECT_EQ(doctor::relative_error(none, none), 0);
    EXPECT_DOUBLE_EQ(doctor::relative_error(x, y), 0.2);
    EXPECT_DOUBLE_EQ(doctor::relative_error(x, y, 10), 0.1);
    EXPECT_EQ(doctor::relative_error(none, x), INFINITY);
    EXPECT_EQ(doctor::relative_error(x, std::vector<float>{3}), INFINITY);
    EXPECT_TRUE(std::isnan(doctor::relative_error(x, std::vector<float>{3, static_cast<float>(kNaN)})));
}

}  // namespace

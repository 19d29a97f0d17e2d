// Conceptors: what is extracted against the dense formula on the reference's residual stream, in use against
// arithmetic on it, and in whole studies on a tiny model.
#include <Eigen/Dense>
#include <filesystem>
#include <map>
#include <set>

#include "support/methods_model.h"
#include "support/methods_task.h"
#include "support/tiny_study.h"
#include "tiller/vocabulary.h"

using namespace tiller;
using namespace tiller::test;

namespace {

constexpr int kLayers = 3;

class MethodsConceptors : public testing::Test {
protected:
    MethodsConceptors() : m_({}), engine_(m_.model, exact()) {}

    MethodInput input() {
        return {engine_,    task_, train_,
                kUnrelated, 11,    {{"n_mean", 6}, {"n_patch", 3}, {"n_shot", 2}, {"n_pairs", 5}},
                nullptr,    {}};
    }
    // Residual stream after each layer at the last token of each text: [layer][text][n_embd].
    std::vector<Eigen::MatrixXd> latents(const std::vector<std::string>& texts) const {
        const auto n = static_cast<Eigen::Index>(texts.size());
        std::vector<Eigen::MatrixXd> out(kLayers, Eigen::MatrixXd(n, m_.model->info().n_embd));
        for (Eigen::Index i = 0; i < n; ++i) {
            const auto tokens = m_.model->tokenize(texts[static_cast<std::size_t>(i)]);
            const auto pass = m_.reference.run(tokens, static_cast<int>(tokens.size()), {});
            for (std::size_t il = 0; il < kLayers; ++il) {
                const Values& x = pass.captured[3][il].back();
                out[il].row(i) = Eigen::Map<const Eigen::RowVectorXd>(x.data(), out[il].cols());
            }
        }
        return out;
    }
    std::vector<std::string> prompts() const {
        std::vector<std::string> out;
        for (const auto& prompt : make_prompts(task_, train_, 6, 2, 11, false)) out.push_back(prompt.text);
        return out;
    }
    // What a built vector makes of activations, as a matrix and a centre.
    struct Applied {
        Eigen::RowVectorXd centre;
        Eigen::MatrixXd c;
    };
    Applied applied(const SteeringVector& v, int layer) const {
        using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
        const auto& values = v.directions.at(layer);
        const Eigen::Index width = m_.model->info().n_embd,
                           n = static_cast<Eigen::Index>(values.size()) / width;
        const Eigen::MatrixXd all = Eigen::Map<const Matrix>(values.data(), n, width).cast<double>();
        const Eigen::MatrixXd w = all.bottomRows(n - 1);
        return {all.row(0), w.transpose() * w};
    }
    // beta R (R + trace(R) / aperture^2 I)^-1 of the rows of x.
    static Eigen::MatrixXd dense(const Eigen::MatrixXd& x, double aperture, double beta) {
        const Eigen::MatrixXd r = x.transpose() * x / static_cast<double>(x.rows());
        const Eigen::MatrixXd shifted =
            r + r.trace() / (aperture * aperture) * Eigen::MatrixXd::Identity(r.rows(), r.cols());
        return beta * (r * shifted.inverse());
    }

    MethodsModel m_;
    Engine engine_;
    Task task_ = small_task();
    std::vector<int> train_ = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
};

TEST_F(MethodsConceptors, BuiltOnesAreTheDenseFormulaOfFewShotPrompts) {
    const Method& method = find_method("conceptor");
    const SteeringVector base = method.extract(input());
    EXPECT_EQ(base.operation, Operation::project);
    EXPECT_EQ(base.positions, Positions::Kind::last_prompt);
    EXPECT_EQ(base.site, Site::residual);
    ASSERT_EQ(base.directions.size(), std::size_t{kLayers});
    EXPECT_EQ(base.provenance.settings.at("n_mean"), "6");
    EXPECT_EQ(base.provenance.settings.at("kept_trace"), "1.000000");
    const auto build = method.builder(*m_.model, base);
    const auto x = latents(prompts());
    for (int layer = 0; layer < kLayers; ++layer)
        for (const double aperture : {1.0, 16.0})
            for (const double beta : {1.0, 2.0}) {
                const Setting setting = {
                    {"layer", layer}, {"aperture", aperture}, {"beta", beta}, {"scale", 1}};
                const SteeringVector v = build(setting);
                ASSERT_EQ(v.directions.size(), 1u);
                const Applied a = applied(v, layer);
                EXPECT_EQ(a.centre.norm(), 0);
                EXPECT_LT(
                    (a.c - dense(x[static_cast<std::size_t>(layer)], aperture, beta)).cwiseAbs().maxCoeff(),
                    2e-3 * beta)
                    << "layer " << layer << ", aperture " << aperture;
                EXPECT_EQ(method.strength(setting), 1);
                EXPECT_EQ(v.provenance.settings.at("aperture"), fmt::format("{}", aperture));
            }
}

TEST_F(MethodsConceptors, BehaviouralTasksShowTheirPositives) {
    task_.family = Family::behavioural;
    std::vector<std::string> positives;
    for (const auto& pair : make_pairs(task_, train_, 5, kUnrelated, 11)) positives.push_back(pair.positive);
    const Method& method = find_method("conceptor");
    const auto v = method.builder(
        *m_.model, method.extract(input()))({{"layer", 1}, {"aperture", 2}, {"beta", 1}, {"scale", 1}});
    EXPECT_EQ(v.provenance.settings.at("positives"), "5");
    EXPECT_LT((applied(v, 1).c - dense(latents(positives)[1], 2, 1)).cwiseAbs().maxCoeff(), 2e-3);
}

TEST_F(MethodsConceptors, CentredOnesProjectAboutTheMeanOverUnrelatedTexts) {
    const Method& method = find_method("conceptor-centred");
    const auto v = method.builder(
        *m_.model, method.extract(input()))({{"layer", 2}, {"aperture", 2}, {"beta", 1}, {"scale", 1}});
    const Eigen::RowVectorXd mean = latents(kUnrelated)[2].colwise().mean();
    const Eigen::MatrixXd x = latents(prompts())[2];
    const Applied a = applied(v, 2);
    EXPECT_LT((a.centre - mean).norm(), 1e-3 * mean.norm());
    EXPECT_LT((a.c - dense(x.rowwise() - mean, 2, 1)).cwiseAbs().maxCoeff(), 2e-3);
    EXPECT_EQ(v.provenance.settings.at("unrelated"), "4");
    MethodInput none = input();
    none.unrelated = {};
    expect_error(Code::usage, {"conceptor-centred", "unrelated"}, [&] { method.extract(none); });
}

// The residual stream of the last prompt token is m + beta C (x - m), and of every later one for a style.
TEST_F(MethodsConceptors, InUseTheResidualStreamIsProjected) {
    for (const char* name : {"conceptor", "conceptor-centred"})
        for (const auto& [family, end] : {std::pair(Family::functional, 9), {Family::behavioural, 12}}) {
            task_.family = family;
            const Method& method = find_method(name);
            const SteeringVector v = method.builder(*m_.model, method.extract(input()))(
                {{"layer", 1}, {"aperture", 4}, {"beta", 2}, {"scale", 1}});
            Row row = logits_row(random_prompt(9, 4), edits_of(v, v.scale));
            row.forced = {40, 270, 77};
            const auto result = engine_.run(std::vector<Row>{row});
            const Edit expected = {Site::residual,
                                   1,
                                   -1,
                                   Operation::project,
                                   {Positions::Kind::range, 8, end},
                                   shared(v.directions.at(1)),
                                   1};
            compare_with_reference(m_, row, result[0], {expected}, 5e-3, name);
        }
}

TEST_F(MethodsConceptors, TheyPointAtNoToken) {
    const SteeringVector v = find_method("conceptor").extract(input());
    expect_error(Code::bad_input, {"project", "no token"}, [&] { read_vocabulary(engine_, v); });
    expect_error(Code::bad_input, {"project", "no token"}, [&] { reconstruct_vocabulary(engine_, v); });
}

class ConceptorStudy : public testing::Test {
protected:
    void SetUp() override {
        ::setenv("TILLER_CACHE_DIR", (folder.path() / "cache").c_str(), 1);
        TinyOptions tiny;
        tiny.n_layer = 2;
        plan = tiny_plan(make_tiny_model(tiny), write_tasks(folder));
        plan.methods = {"conceptor", "conceptor-centred", "task-vector"};
        host.resolve_model = [](const std::string& name) { return std::filesystem::path(name); };
        host.engine.n_threads = 1;
        host.check = false;
    }
    void TearDown() override { ::unsetenv("TILLER_CACHE_DIR"); }

    ScratchFolder folder;
    Plan plan;
    StudyHost host;
};

TEST_F(ConceptorStudy, ChosenPapersAndRandomOnesAreScored) {
    const Summary summary = run_study(plan, folder.path() / "run", host);
    ASSERT_EQ(summary.tasks.size(), 2u);
    for (const auto& task : summary.tasks) {
        std::set<std::string> ids;
        for (const auto& s : task.test) ids.insert(s.id);
        for (const char* id : {"conceptor-chosen", "conceptor-paper", "conceptor-random",
                               "conceptor-centred-chosen", "task-vector-chosen"})
            EXPECT_TRUE(ids.count(id)) << id << " of " << task.name;
        std::map<std::string, std::set<double>> tried;
        for (const auto& point : task.grid)
            if (point.method == "conceptor")
                for (const auto& [key, value] : point.setting) tried[key].insert(value);
        EXPECT_GT(tried[task.behavioural() ? "scale" : "aperture"].size(), 1u) << task.name;
    }
}

TEST_F(ConceptorStudy, AtEqualDoseNoneIsProjectedMoreThanWholly) {
    plan.protocol = "dose";
    plan.tasks = {"twice"};
    plan.methods = {"conceptor"};
    plan.dose.targets = {0.1, 60};  // the second is more than any two distributions of it differ
    plan.dose.place = "paper";
    std::string thrice;
    for (const std::string w : kWords)
        thrice += (thrice.empty() ? "[" : ",\n") +
                  fmt::format(R"({{"input": "{}", "output": "{} {} {}"}})", w, w, w, w);
    folder.write("data/functional/thrice.json", thrice + "]\n");
    plan.dose.unrelated = {"thrice", "twice"};
    plan.dose.n_unrelated = 4, plan.dose.n_shot_unrelated = 1;
    run_study(plan, folder.path() / "run", host);
    const std::string records = slurp(folder.path() / "run/records.jsonl");
    std::size_t n = 0;
    for (std::size_t at = 0; (at = records.find("\"strength\":", at)) != std::string::npos; ++n) {
        at += 11;
        const double strength = std::stod(records.substr(at, 30));
        EXPECT_GE(strength, 0);
        EXPECT_LE(strength, 1);
    }
    EXPECT_GT(n, 2u);
}

}  // namespace

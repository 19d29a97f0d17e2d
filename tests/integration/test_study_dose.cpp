// The protocol of equal doses on a tiny model: doses against logits in float64, targets that are and are not
// reached, tables against the records, interruption.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "engine/shift.h"
#include "protocols/dose/dose.h"
#include "support/json_units.h"
#include "support/run_program.h"
#include "support/tiny_model.h"
#include "support/tiny_study.h"
#include "tiller/report.h"

namespace tiller {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::error_of;
using test::expect_parts;
using test::slurp;

// By the definition, without the shifts that keep exponentials small.
double divergence(const std::vector<float>& p, const std::vector<float>& q) {
    long double sum_p = 0, sum_q = 0, kl = 0;
    for (std::size_t i = 0; i < p.size(); ++i) {
        sum_p += std::exp(static_cast<long double>(p[i]));
        sum_q += std::exp(static_cast<long double>(q[i]));
    }
    for (std::size_t i = 0; i < p.size(); ++i) {
        const long double a = std::exp(static_cast<long double>(p[i])) / sum_p;
        const long double b = std::exp(static_cast<long double>(q[i])) / sum_q;
        kl += a * std::log(a / b);
    }
    return static_cast<double>(kl);
}

class DoseStudy : public test::StudyTest {
protected:
    void SetUp() override {
        StudyTest::SetUp();
        test::TinyOptions tiny;
        tiny.n_layer = 2;
        const auto data = test::write_tasks(folder);
        std::string thrice;
        for (const std::string w : test::kWords)
            thrice += (thrice.empty() ? "[" : ",\n") +
                      fmt::format(R"({{"input": "{}", "output": "{} {} {}"}})", w, w, w, w);
        folder.write("data/functional/thrice.json", thrice + "]\n");
        plan = test::tiny_plan(test::make_tiny_model(tiny), data);
        plan.protocol = "dose";
        plan.dose.targets = {0.1, 0.5, 60};  // the last is more than any two distributions of it differ
        plan.dose.place = "paper";
        plan.dose.unrelated = {"thrice", "twice"};
        plan.dose.n_unrelated = 4, plan.dose.n_shot_unrelated = 1;
        plan.dose.damage_limit = 1;
    }
    // Records of a phase of a task.
    std::vector<json> records(const std::string& task, const std::string& phase) const {
        std::vector<json> out;
        for (const auto& [unit, list] : test::json_units(folder.path() / "run"))
            for (const auto& r : list)
                if (r.value("phase", "") == phase && r.at("task") == task) out.push_back(r);
        return out;
    }
};

const AnalysisSummary& analysis(const TaskSummary& t, const std::string& id) {
    for (const auto& a : t.analyses)
        if (a.id == id) return a;
    throw std::out_of_range(id);
}

TEST_F(DoseStudy, DosesAreThoseOfTheLogits) {
    plan.tasks = {"twice"};
    const Summary s = run();
    const auto model = Model::load(plan.models[0]);
    Engine engine(model, host.engine);
    const Task task = find_task("twice", plan.data_dir);
    const Split split = split_task(task, 0);
    const auto logits = [&](int item, const std::vector<Edit>& edits) {
        Row row;
        row.prompt = model->tokenize(make_test_prompt(task, split.train, item, 0, 0).text);
        row.edits = edits;
        row.want_logits = true;
        return engine.run(std::span(&row, 1)).front().logits;
    };
    int n_checked = 0;
    for (const char* name : {"fv", "icv"}) {
        const Method& method = find_method(name);
        const auto base =
            load_vector(folder.path() / "run" / s.provenance.vector_files.at(std::string("twice/") + name));
        const SteeringVector own = method.builder(*model, base)(method.paper_setting(model->info()));
        for (const bool control : {false, true}) {
            const SteeringVector vector = control ? random_like(own, 0) : own;
            const std::string id = std::string(name) + (control ? "-random" : "");
            double at_half = 0;  // the strength found for 0.5 nats
            for (const auto& r : records("twice", "dose")) {
                if (r.at("setting") != id) continue;
                if (r.contains("target")) {
                    if (r.at("target") == 0.5) at_half = r.at("strength");
                    continue;
                }
                if (r.at("dose").get<double>() > 1) continue;  // enough are left
                double sum = 0;
                for (std::size_t i = 0; i < 3; ++i) {
                    const int item = split.valid[i];
                    EXPECT_EQ(r.at("items").at(i), task.items[static_cast<std::size_t>(item)].id);
                    const double expected = divergence(
                        logits(item, edits_of(vector, r.at("strength").get<float>())), logits(item, {}));
                    EXPECT_NEAR(r.at("kl").at(i).get<double>(), expected, 1e-9) << id;
                    sum += expected;
                    ++n_checked;
                }
                EXPECT_NEAR(r.at("dose").get<double>(), sum / 3, 1e-9);
            }
            // What was found on validation items is what test items get.
            ASSERT_GT(at_half, 0) << id;
            for (const auto& r : records("twice", "test"))
                if (r.at("setting") == id + " dose=0.5") {
                    const int item = r.at("item");
                    EXPECT_NEAR(r.at("kl").get<double>(),
                                divergence(logits(item, edits_of(vector, static_cast<float>(at_half))),
                                           logits(item, {})),
                                1e-9);
                    ++n_checked;
                }
        }
        // An edit of strength 0 is no dose, to the last bit.
        EXPECT_EQ(engine::shift_of(logits(0, edits_of(own, 0)), logits(0, {})).kl, 0);
    }
    EXPECT_GE(n_checked, 4 * (3 + 6));
    for (const auto& r : records("twice", "test"))
        if (r.at("setting") == "zero-shot") {
            EXPECT_FALSE(r.contains("kl"));
            EXPECT_GT(r.at("entropy"), 0.0);
        }
}

TEST_F(DoseStudy, ReachesTargetsAndNamesThoseOutOfReach) {
    const Summary s = run();
    ASSERT_EQ(s.tasks.size(), 2u);
    for (const auto& t : s.tasks) {
        const auto& frontier = analysis(t, "frontier");
        ASSERT_EQ(frontier.rows.size(), 2u * 2u * 3u) << t.name;
        const auto& response = analysis(t, "response");
        int n_reached = 0;
        for (std::size_t i = 0; i < frontier.rows.size(); ++i) {
            const auto& row = frontier.rows[i];
            const double target = row.values.at(0).mean;
            EXPECT_EQ(target, plan.dose.targets[i % 3]);
            EXPECT_EQ(row.about.at("role"), i / 3 % 2 == 1 ? "control" : "method");
            ASSERT_EQ(row.values.size(), frontier.columns.size());
            if (target == 60) {
                expect_parts(row.remark, {"not reachable: at most"});
                for (std::size_t c = 1; c < row.values.size(); ++c)
                    EXPECT_TRUE(std::isnan(row.values[c].mean)) << c;
            } else if (row.remark.empty()) {
                ++n_reached;
                // The dose measured at the strength found.
                EXPECT_NEAR(response.rows[i].values.back().mean, target, plan.dose.tolerance * target);
                for (std::size_t c = 0; c < row.values.size(); ++c)
                    EXPECT_TRUE(std::isfinite(row.values[c].mean)) << frontier.columns[c].id;
            }
        }
        EXPECT_EQ(n_reached, 8) << t.name;
        for (const auto& setting : t.test)
            EXPECT_NE(setting.setting.count("target"), setting.kind == Kind::baseline);
        ASSERT_EQ(t.tables.size(), 1u);
        EXPECT_EQ(t.tables[0].settings.size(), 4u);
        for (const auto& setting : t.tables[0].settings) {
            EXPECT_EQ(setting.kind, Kind::control);
            EXPECT_TRUE(setting.metrics.count("damage"));
        }
        EXPECT_TRUE(t.find("fv dose=0.5")->difference.count("random"));
        expect_parts(t.verdict, {"nats", "Doses not reached: FV 60 nats; ICV 60 nats"});
        ASSERT_GE(t.pairs.size(), 3u);  // the two methods, each with its control
        for (const auto& pair : t.pairs) EXPECT_GE(pair.p_holm, pair.p);
    }
    EXPECT_EQ(s.findings.size(), 4u);
    expect_parts(s.findings[0], {"precise-answer", "within the limits", "FV on", "random direction"});
    expect_parts(s.findings[3], {"behavioural", "whatever the damage"});
    // Reports have every table and the charts; a summary that is written is the one that is read.
    EXPECT_EQ(to_json(summary_from_json(to_json(s))), to_json(s));
    expect_parts(report_html(s, {}), {"Effect against damage at equal dose", "Steerability", "not reachable",
                                      "data-name=\"frontier\"", "data-name=\"response\""});
    expect_parts(report_markdown(s, {}), {"Effect against dose", "random for ICV"});
    expect_parts(report_csv(s), {"frontier", "slopes"});
}

// Each number of the tables from the records, by other means.
TEST_F(DoseStudy, TablesAreOfTheRecords) {
    plan.tasks = {"twice"};
    const Summary s = run();
    const TaskSummary& t = s.tasks[0];
    std::map<std::string, std::map<int, json>> test, damage;
    for (const auto& r : records("twice", "test")) test[r.at("setting")][r.at("item")] = r;
    for (const auto& r : records("thrice", "damage")) damage[r.at("setting")][r.at("item")] = r;
    EXPECT_EQ(damage.at("zero-shot").size(), 4u);
    EXPECT_EQ(damage.size(), 1u + 8u);  // not the few-shot prompt, nothing that was not reached
    const auto mean_gain = [](const auto& of, const std::string& id, const char* metric) {
        double sum = 0;
        for (const auto& [item, r] : of.at(id))
            sum += r.at(metric).template get<double>() -
                   of.at("zero-shot").at(item).at(metric).template get<double>();
        return sum / static_cast<double>(of.at(id).size());
    };
    const auto& frontier = analysis(t, "frontier");
    const std::string id = "icv dose=0.5";
    const std::string row = "icv 0.5";
    ASSERT_EQ(frontier.row(row)->label, "ICV");
    ASSERT_EQ(frontier.at(row, "dose").mean, 0.5);
    EXPECT_NEAR(frontier.at(row, "effect").mean, mean_gain(test, id, "first_token"), 1e-12);
    EXPECT_NEAR(frontier.at(row, "damage").mean, -mean_gain(damage, id, "first_token"), 1e-12);
    EXPECT_NEAR(frontier.at(row, "logprob_lost").mean, -mean_gain(damage, id, "logprob"), 1e-12);
    EXPECT_NEAR(analysis(t, "response").at(row, "logprob_gained").mean, mean_gain(test, id, "logprob"),
                1e-12);
    EXPECT_NEAR(t.find(id)->metrics.at("damage").mean, frontier.at(row, "damage").mean, 1e-12);

    const auto& slopes = analysis(t, "slopes");
    ASSERT_EQ(slopes.rows.size(), 4u);
    const double d1 = t.find("icv dose=0.1")->setting.at("dose"), d2 = t.find(id)->setting.at("dose");
    double sum = 0, wrong = 0;
    for (const auto& [item, r] : test.at("zero-shot")) {
        // Three points, by Cramer's rule.
        const double x[] = {0, d1, d2};
        const double y[] = {r.at("logprob"), test.at("icv dose=0.1").at(item).at("logprob"),
                            test.at(id).at(item).at("logprob")};
        const double sx = x[1] + x[2], sy = y[0] + y[1] + y[2], sxx = x[1] * x[1] + x[2] * x[2],
                     sxy = x[1] * y[1] + x[2] * y[2];
        const double slope = (3 * sxy - sx * sy) / (3 * sxx - sx * sx);
        sum += slope / 6;
        wrong += (slope < 0) / 6.0;
    }
    EXPECT_EQ(slopes.row("icv")->label, "ICV");
    EXPECT_NEAR(slopes.at("icv", "slope").mean, sum, 1e-9);
    EXPECT_NEAR(slopes.at("icv", "wrong_way").mean, wrong, 1e-9);
    EXPECT_NEAR(slopes.at("icv", "over_random").mean,
                slopes.at("icv", "slope").mean - slopes.at("icv-random", "slope").mean, 1e-9);
    EXPECT_NEAR(slopes.at("icv", "slope_common").mean, sum, 1e-9);  // both methods reach the same two
    EXPECT_EQ(slopes.at("icv", "doses").mean, 2);
}

TEST_F(DoseStudy, ChoosesThePlaceAndDropsTheStrength) {
    plan.tasks = {"twice"};
    plan.dose.place = "chosen";
    plan.dose.targets = {0.3};
    const Summary s = run();
    const TaskSummary& t = s.tasks[0];
    EXPECT_FALSE(t.grid.empty());
    const auto* fv = t.find("fv dose=0.3");
    ASSERT_NE(fv, nullptr);
    EXPECT_FALSE(fv->setting.count("scale"));
    bool in_grid = false;
    for (const auto& point : t.grid)
        in_grid |= point.method == "fv" && point.setting.at("heads") == fv->setting.at("heads") &&
                   point.setting.at("layer") == fv->setting.at("layer");
    EXPECT_TRUE(in_grid);
}

TEST_F(DoseStudy, StoppedAnywhereItGoesOn) {
    plan.dose.targets = {0.3};
    test::expect_resumes(
        host, folder.path(), [&](const std::string& name) { return run(name); }, 3);
}

// The unrelated task is input like the others: known before the work, and part of what numbers depend on.
TEST_F(DoseStudy, TheUnrelatedTaskIsChecked) {
    plan.tasks = {"twice"};
    plan.dose.unrelated = {"nowhere"};
    expect_parts(error_of(Code::usage, [&] { run(); }), {"nowhere"});
    EXPECT_FALSE(fs::exists(folder.path() / "run"));
    plan.dose.unrelated = {"cheer"};
    expect_parts(error_of(Code::bad_input, [&] { run("style"); }),
                 {"dose.unrelated", "cheer", "behavioural"});
    EXPECT_FALSE(fs::exists(folder.path() / "style/vectors"));

    plan.dose.unrelated = {"thrice"};
    plan.dose.targets = {0.3};
    run();
    const auto n_unit = test::json_units(folder.path() / "run").size();
    run();
    EXPECT_EQ(test::json_units(folder.path() / "run").size(), n_unit);
    const auto file = fs::path(plan.data_dir) / "functional/thrice.json";
    const std::string text = slurp(file);
    folder.write("data/functional/thrice.json", text + "\n");
    run();
    EXPECT_GT(test::json_units(folder.path() / "run").size(), n_unit);
}

TEST_F(DoseStudy, WithoutControls) {
    plan.controls = false;
    plan.methods = {"task-vector"};
    plan.tasks = {"cheer"};
    const Summary s = run();
    const auto& frontier = analysis(s.tasks[0], "frontier");
    ASSERT_EQ(frontier.rows.size(), 3u);
    // What is replaced is replaced at most wholly.
    for (const auto& r : records("cheer", "dose")) EXPECT_LE(r.at("strength").get<double>(), 1) << r.dump();
    EXPECT_FALSE(frontier.rows[2].remark.empty());
    expect_parts(report_html(s, {}), {"perplexity", "collapsed"});
}

}  // namespace
}  // namespace tiller

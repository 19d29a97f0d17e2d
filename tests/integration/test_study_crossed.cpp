// The crossed design on a tiny model: its cells, interruption, and that the schools' own cells are what their
// methods do.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "protocols/crossed/crossed.h"
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

class CrossedStudy : public test::StudyTest {
protected:
    void SetUp() override {
        StudyTest::SetUp();
        test::TinyOptions tiny;
        tiny.n_layer = 3;
        plan = test::tiny_plan(test::make_tiny_model(tiny), test::write_tasks(folder));
        plan.protocol = "crossed";
        plan.controls = false;
        plan.crossed.places = {"residual-one", "mlp-all"};
        plan.crossed.positions = {"steered", "all"};
        plan.crossed.doses = {0.5, 2};
        plan.crossed.layers = {1, 2};
        plan.crossed.heads = {2, 3};
    }
    json closing(const std::string& task, const std::string& name = "run") const {
        for (const auto& [unit, list] : test::json_units(folder.path() / name))
            for (const auto& r : list)
                if (r.value("type", "") == "task" && r.at("task") == task) return r;
        throw std::runtime_error("not closed");
    }
    /// Records of a phase by "setting/item".
    std::map<std::string, json> records(const char* phase, const std::string& task,
                                        const std::string& name = "run") const {
        std::map<std::string, json> out;
        for (const auto& [unit, list] : test::json_units(folder.path() / name))
            for (const auto& r : list)
                if (r.value("phase", "") == phase && r.at("task") == task)
                    out[r.at("setting").get<std::string>() + "/" + std::to_string(r.at("item").get<int>())] =
                        r;
        return out;
    }
};

TEST_F(CrossedStudy, HasEveryCellAndItsTables) {
    const Summary s = run();
    ASSERT_EQ(s.tasks.size(), 2u);
    for (const auto& t : s.tasks) {
        const bool behavioural = t.behavioural();
        ASSERT_EQ(t.test.size(), 4u);
        EXPECT_EQ(t.test[0].id, "zero-shot");
        EXPECT_EQ(t.test[2].id, "fv residual-one steered add");
        EXPECT_EQ(t.test[3].id, "icv mlp-all all turn");
        EXPECT_TRUE(t.test[3].difference.count("unsteered"));
        ASSERT_EQ(t.analyses.size(), 3u);
        EXPECT_EQ(t.analyses[0].id, "factors");
        EXPECT_EQ(t.analyses[1].id, "gap");
        EXPECT_EQ(t.analyses[1].rows.size(), 5u);
        const auto& cells = t.analyses[2];
        EXPECT_EQ(cells.rows.size(), 16u);
        for (const auto& row : cells.rows) EXPECT_EQ(row.values.size(), cells.columns.size());
        for (const auto& row : cells.rows) {
            const double dose = cells.at(row, "dose").mean;
            EXPECT_TRUE(dose == 0.5 || dose == 2) << row.id;
            const bool one = row.id.find("-one") != std::string::npos;
            EXPECT_EQ(std::isfinite(cells.at(row, "layer").mean), one) << row.id;
        }
        EXPECT_EQ(records("test", t.name).size(), 6u * 18);
        EXPECT_EQ(cells.columns[0].id, behavioural ? "style" : "first_token");
        EXPECT_EQ(cells.columns[0].label, behavioural ? "style" : "first token");
        EXPECT_FALSE(t.verdict.empty());
    }
    EXPECT_EQ(s.findings.size(), 2u);
    EXPECT_EQ(to_json(summary_from_json(to_json(s))), to_json(s));
    expect_parts(report_html(s, {}), {"Cells of the design", "changes four factors"});
    expect_parts(report_markdown(s, {}), {"three factors and more", "icv mlp-all steered turn"});
    expect_parts(report_csv(s), {",factors,", ",gap,"});
}

// Edits at generated tokens alone leave the first token as it is.
TEST_F(CrossedStudy, PromptAndAllGiveTheSameFirstToken) {
    plan.tasks = {"twice"};
    plan.crossed.positions = {"prompt", "all", "last_prompt", "steered"};
    run();
    const auto test = records("test", "twice");
    int n = 0;
    for (const auto& [key, r] : test)
        for (const auto& [from, to] :
             {std::pair(" prompt ", " all "), std::pair(" last_prompt ", " steered ")})
            if (const auto at = key.find(from); at != std::string::npos) {
                auto other = key;
                other.replace(at, std::string(from).size(), to);
                EXPECT_EQ(test.at(other).at("logprob"), r.at("logprob")) << key;
                ++n;
            }
    EXPECT_EQ(n, 2 * 2 * 2 * 2 * 6);
}

// The FV's own cell is the function vector added with some strength, the ICV's own cell the in-context vector
// turned with some alpha.
TEST_F(CrossedStudy, OwnCellsAreTheMethods) {
    plan.tasks = {"twice"};
    run();
    const json record = closing("twice");
    const auto model = Model::load(plan.models[0]);
    const auto test = records("test", "twice");
    const Task task = find_task("twice", plan.data_dir);
    const Split split = split_task(task, 0);
    const auto vector_of = [&](const char* method) {
        return load_vector(folder.path() / "run" / record.at("vector_files").at(method).get<std::string>());
    };
    const auto setting_of = [&](const std::string& id) -> json {
        for (const auto& cell : record.at("cells"))
            if (cell.at("id") == id) return cell.at("setting");
        return {};
    };
    Engine engine(model, host.engine);
    const auto agrees = [&](const std::string& id, const std::vector<Edit>& edits) {
        for (const int item : std::span(split.test).first(6)) {
            const Prompt prompt = make_test_prompt(task, split.train, item, 0, 0);
            Row row;
            row.prompt = model->tokenize(prompt.text);
            row.watch = {model->continuation(prompt.text, prompt.targets[0]).front()};
            row.edits = edits;
            const double found =
                test.at(id + "/" + std::to_string(task.items[static_cast<std::size_t>(item)].id))
                    .at("logprob");
            EXPECT_NEAR(found, static_cast<double>(engine.run(std::span(&row, 1))[0].watch_logprob[0]), 2e-4)
                << id;
        }
    };
    const json icv = setting_of("icv mlp-all all turn");
    EXPECT_NEAR(icv.at("alpha"), 10 * icv.at("dose").get<double>() / 3, 1e-9);
    const auto turned = find_method("icv").builder(*model, vector_of("icv"))({{"alpha", icv.at("alpha")}});
    agrees("icv mlp-all all turn", edits_of(turned, icv.at("alpha").get<float>()));

    const json fv = setting_of("fv residual-one steered add");
    const int layer = fv.at("layer");
    const auto base = vector_of("fv");
    const auto vector =
        find_method("fv").builder(*model, base)({{"heads", fv.at("heads")}, {"layer", layer}, {"scale", 1}});
    double size = 0, length = 0;
    int n_valid = 0;
    for (const int item : std::span(split.valid).first(3)) {
        Row row;
        row.prompt = model->tokenize(make_test_prompt(task, split.train, item, 0, 0).text);
        row.captures = {{Site::residual, layer, layer + 1}};
        double squares = 0;
        const auto results = engine.run(std::span(&row, 1));
        for (const float x : results[0].captured[0].values)
            squares += static_cast<double>(x) * static_cast<double>(x);
        size += std::sqrt(squares);
        ++n_valid;
    }
    for (const float v : vector.directions.at(layer))
        length += static_cast<double>(v) * static_cast<double>(v);
    agrees("fv residual-one steered add",
           edits_of(vector,
                    static_cast<float>(fv.at("dose").get<double>() * size / n_valid / std::sqrt(length))));
}

TEST_F(CrossedStudy, EveryLevelThereIsRuns) {
    plan.tasks = {"twice", "cheer"};
    plan.n_test = 2, plan.n_valid = 1;
    plan.crossed.sources = {"mean-diff", "random"};
    plan.crossed.places = {"mlp-one", "attention-heads", "residual-all"};
    plan.crossed.positions = {"last_prompt"};
    plan.crossed.operations = {"replace", "turn"};
    plan.crossed.doses = {1};
    const Summary s = run();
    for (const auto& t : s.tasks) {
        ASSERT_EQ(t.analyses.size(), 2u) << "no gap without the schools' own cells";
        EXPECT_EQ(t.analyses[1].rows.size(), 12u);
        // A factor with one level has no row.
        for (const auto& row : t.analyses[0].rows) EXPECT_EQ(row.id.find("positions"), std::string::npos);
        EXPECT_FALSE(t.verdict.empty());
    }
    EXPECT_TRUE(s.findings.empty());
}

TEST_F(CrossedStudy, StoppedAnywhereItGoesOn) {
    plan.n_test = 3;
    test::expect_resumes(
        host, folder.path(), [&](const std::string& name) { return run(name); }, 3, 3);
}

TEST_F(CrossedStudy, LayersAndHeadsThatTheModelLacksAreRefused) {
    plan.crossed.layers = {1, 3};
    expect_parts(error_of(Code::bad_input, [&] { run(); }), {"crossed.layers has 3", "0 to 2"});
    plan.crossed.layers = {1};
    plan.crossed.heads = {500};
    expect_parts(error_of(Code::bad_input, [&] { run("heads"); }), {"crossed.heads has 500", "1 to"});
    EXPECT_FALSE(fs::exists(folder.path() / "heads/vectors"));
}

}  // namespace
}  // namespace tiller

// A whole study on a tiny model, in this process: what it gives, and what it finds in the folder when it goes
// on.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "support/json_units.h"
#include "support/run_program.h"
#include "support/tiny_model.h"
#include "support/tiny_study.h"
#include "tiller/report.h"
#include "tiller/scoring.h"

namespace tiller {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::expect_parts;
using test::slurp;

class StudyRun : public test::StudyTest {
protected:
    void SetUp() override {
        StudyTest::SetUp();
        test::TinyOptions tiny;
        tiny.n_layer = 2;
        plan = test::tiny_plan(test::make_tiny_model(tiny), test::write_tasks(folder));
    }
    fs::path at(const std::string& file, const std::string& run = "run") const {
        return folder.path() / run / file;
    }
    std::vector<fs::path> vectors() const {
        std::vector<fs::path> files;
        for (const auto& entry : fs::directory_iterator(at("vectors"))) files.push_back(entry.path());
        return files;
    }
};

const SettingSummary* find(const std::vector<SettingSummary>& list, const std::string& id) {
    for (const auto& s : list)
        if (s.id == id) return &s;
    return nullptr;
}

TEST_F(StudyRun, GivesEverythingThatReportsShow) {
    std::vector<std::string> told;
    host.observer.task = [&](const TaskSummary& t) { told.push_back(t.name); };
    const Summary s = run();
    EXPECT_EQ(told, (std::vector<std::string>{"twice", "cheer"}));
    EXPECT_EQ(s.title, "A tiny study");
    EXPECT_EQ(s.findings.size(), 2u);
    ASSERT_EQ(s.models.size(), 1u);
    EXPECT_EQ(s.models[0].architecture, "llama");
    EXPECT_EQ(s.models[0].n_layer, 2);
    EXPECT_EQ(s.models[0].n_head, 8);
    ASSERT_EQ(s.tasks.size(), 2u);
    for (const auto& t : s.tasks) {
        const bool behavioural = t.name == "cheer";
        EXPECT_EQ(t.family, behavioural ? Family::behavioural : Family::functional);
        EXPECT_EQ(t.primary, behavioural ? "whole_style" : "first_token");
        EXPECT_EQ(t.n_train, 28);
        EXPECT_EQ(t.n_test, 6);
        EXPECT_EQ(t.n_valid, 3);
        EXPECT_EQ(t.scorer_count > 0, behavioural);
        std::vector<std::string> ids;
        for (const auto& setting : t.test) {
            ids.push_back(setting.id);
            EXPECT_EQ(setting.n, 6) << setting.id;
            ASSERT_TRUE(setting.metrics.count(t.primary)) << setting.id;
            const Interval& i = setting.metrics.at(t.primary);
            EXPECT_LE(i.low, i.mean);
            EXPECT_LE(i.mean, i.high);
            EXPECT_EQ(setting.difference.count("zero-shot"), setting.id != "zero-shot") << setting.id;
        }
        EXPECT_EQ(ids, (std::vector<std::string>{"zero-shot", behavioural ? "1-shot" : "2-shot", "fv-paper",
                                                 "fv-chosen", "fv-random", "icv-paper", "icv-chosen",
                                                 "icv-random"}));
        // Of the two, and of each to zero-shot and to its random direction.
        ASSERT_EQ(t.pairs.size(), 5u);
        EXPECT_EQ(t.pairs[0].a, "fv-chosen");
        EXPECT_EQ(t.pairs[0].b, "icv-chosen");
        EXPECT_LE(t.pairs[0].n_better + t.pairs[0].n_worse, 6);
        EXPECT_LE(t.pairs[0].p, t.pairs[0].p_holm);
        EXPECT_TRUE(find(t.test, "fv-chosen")->difference.count("random"));
        EXPECT_TRUE(find(t.test, "icv-chosen")->difference.count("random"));
        // What was chosen is a point of the grid.
        for (const char* method : {"fv", "icv"}) {
            bool in_grid = false;
            for (const auto& point : t.grid)
                in_grid |= point.method == method &&
                           point.setting == find(t.test, std::string(method) + "-chosen")->setting;
            EXPECT_TRUE(in_grid) << method;
        }
        for (const auto& point : t.grid) EXPECT_EQ(point.n, 3) << point.id;
        ASSERT_EQ(t.aie.size(), 2u);
        EXPECT_EQ(t.aie[0].size(), 4u);
        ASSERT_EQ(t.top_heads.size(), 8u);
        EXPECT_GE(t.top_heads[0].aie, t.top_heads[7].aie);
        ASSERT_EQ(t.examples.size(), 2u);
        EXPECT_EQ(t.examples[0].outputs.size(), 8u);
        EXPECT_FALSE(t.verdict.empty());
        for (const char* method : {"fv", "icv"}) {
            ASSERT_TRUE(s.provenance.vector_files.count(t.name + "/" + method)) << t.name << method;
            EXPECT_TRUE(fs::is_regular_file(at(s.provenance.vector_files.at(t.name + "/" + method))));
        }
        EXPECT_EQ(s.provenance.task_digests.at(t.name).size(), 64u);
    }
    EXPECT_EQ(s.provenance.command, "a test");
    EXPECT_EQ(s.provenance.plan_toml, slurp(at("plan.toml")));
}

// What was computed with other weights is not taken up again, although plan, model and tasks are the same.
TEST_F(StudyRun, OtherArithmeticIsComputedAnew) {
    test::TinyOptions wide;
    wide.n_layer = 2, wide.n_embd = 64;
    plan.models = {test::quantise_tiny_model(test::make_tiny_model(wide), "Q8_0").string()};
    plan.tasks = {"twice"};
    const std::string file = to_json(run());
    const std::string journal = slurp(at("records.jsonl"));
    host.weights = Weights::float32;
    const std::string fresh = to_json(run("fresh")), floats = to_json(run());
    EXPECT_GT(slurp(at("records.jsonl")).size(), journal.size());
    EXPECT_NE(floats, file);
    EXPECT_EQ(floats, fresh);
    EXPECT_NE(floats.find("float32 weights, float16 cache"), std::string::npos);
    EXPECT_NE(slurp(at("environment.json")).find(R"("weights": "float32")"), std::string::npos);
}

TEST_F(StudyRun, NoItemIsOfTwoParts) {
    const Summary s = run();
    std::set<int> valid, tested;
    for (const auto& [unit, records] : test::json_units(folder.path() / "run"))
        for (const auto& r : records) {
            if (r.value("phase", "") == "valid" && r["task"] == "twice") valid.insert(r["item"].get<int>());
            if (r.value("phase", "") == "test" && r["task"] == "twice") tested.insert(r["item"].get<int>());
        }
    EXPECT_EQ(valid.size(), 3u);
    EXPECT_EQ(tested.size(), 6u);
    for (int i : valid) EXPECT_FALSE(tested.count(i)) << i;
}

// Every behavioural record has its overlap with the item's own output, and every report shows the mean.
TEST_F(StudyRun, OverlapWithTheReferenceIsTheOneOfTheTexts) {
    const Summary s = run();
    const Task task = find_task("cheer", plan.data_dir);
    std::map<std::string, std::vector<double>> test;
    int n_overlapping = 0;
    for (const auto& [unit, records] : test::json_units(folder.path() / "run"))
        for (const auto& r : records) {
            if (!r.contains("generated")) continue;
            ASSERT_EQ(r.contains("rouge_l"), r["task"] == "cheer") << r;
            if (r["task"] != "cheer") continue;
            const auto& item = task.items.at(r["item"].get<std::size_t>());
            const double expected = rouge_l(parse_answer(r["generated"].get<std::string>()), item.output);
            EXPECT_EQ(r["rouge_l"].get<double>(), expected) << r;
            n_overlapping += expected > 0;
            if (r["phase"] == "test") test[r["setting"]].push_back(expected);
        }
    EXPECT_GT(n_overlapping, 0);
    for (const auto& setting : s.tasks[1].test) {
        const auto& values = test.at(setting.id);
        EXPECT_NEAR(setting.metrics.at("rouge_l").mean,
                    std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size()),
                    1e-12);
    }
    for (const auto& point : s.tasks[1].grid) EXPECT_TRUE(point.metrics.count("rouge_l")) << point.id;
    EXPECT_FALSE(s.tasks[0].test[0].metrics.count("rouge_l"));
    expect_parts(report_html(s, {}), {"ROUGE-L", "ROUGE-L against the reference"});
    expect_parts(report_markdown(s, {}), {"ROUGE-L against the reference"});
    expect_parts(report_csv(s), {",icv-chosen,icv,chosen,", ",rouge_l,,"});
    EXPECT_EQ(to_json(summary_from_json(to_json(s))), to_json(s));
}

// A folder of a version without the score: nothing is computed again, and all of it is still reported.
TEST_F(StudyRun, FolderWithoutOverlapIsGoneOnWith) {
    run();
    fs::create_directories(at("", "old"));
    fs::copy(at(""), at("", "old"), fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    std::ifstream in(at("records.jsonl"));
    std::string records;
    for (std::string line; std::getline(in, line);) {
        auto record = nlohmann::json::parse(line);
        record.erase("rouge_l");
        record.erase("digest");  // nor had it that
        records += record.dump() + "\n";
    }
    std::ofstream(at("records.jsonl", "old"), std::ios::binary) << records;
    const Summary s = run("old");
    EXPECT_EQ(slurp(at("records.jsonl", "old")), records);
    for (const auto& setting : s.tasks[1].test) {
        EXPECT_FALSE(setting.metrics.count("rouge_l")) << setting.id;
        EXPECT_TRUE(setting.metrics.count("style")) << setting.id;
    }
    EXPECT_EQ(to_json(summarise_run(folder.path() / "old")), to_json(s));
    EXPECT_EQ(report_markdown(s, {}).find("ROUGE-L against"), std::string::npos);
}

TEST_F(StudyRun, RunAgainIsTheSameWithoutWork) {
    const std::string summary = to_json(run());
    const std::string records = slurp(at("records.jsonl")), costs = slurp(at("cost.jsonl"));
    EXPECT_EQ(to_json(run()), summary);
    EXPECT_EQ(slurp(at("records.jsonl")), records);
    EXPECT_EQ(slurp(at("cost.jsonl")), costs);  // no call into the engine was charged
    EXPECT_EQ(to_json(summarise_run(folder.path() / "run")), summary);
    EXPECT_EQ(to_json(run("another")), summary);
}

TEST_F(StudyRun, CostsAreChargedToWhatTheyAreFor) {
    run();
    std::set<std::string> phases;
    for (const auto& c : read_costs(folder.path() / "run")) {
        phases.insert(c.phase + "/" + c.method);
        if (c.phase != "close") {
            EXPECT_GT(c.n_decode, 0u) << c.phase << c.method;
        }
    }
    for (const char* phase : {"extract/fv", "extract/icv", "tune/fv", "tune/icv", "test/all"})
        EXPECT_TRUE(phases.count(phase)) << phase;
}

// Stopped at every step in turn, and gone on with: the same summary, and no unit computed twice.
TEST_F(StudyRun, StoppedAnywhereItGoesOn) {
    test::expect_resumes(
        host, folder.path(), [&](const std::string& name) { return run(name); }, 5);
    const auto n_unit = test::json_units(folder.path() / "undisturbed").size();
    EXPECT_EQ(test::json_units(folder.path() / "run").size(), n_unit);
    EXPECT_EQ(slurp(at("records.jsonl")), slurp(at("records.jsonl", "undisturbed")));
}

TEST_F(StudyRun, DeletedVectorsAreMadeAgain) {
    const std::string summary = to_json(run()), records = slurp(at("records.jsonl"));
    std::map<fs::path, std::string> before;
    for (const auto& file : vectors()) before[file] = slurp(file);
    ASSERT_EQ(before.size(), 4u);
    fs::remove_all(at("vectors"));
    EXPECT_EQ(to_json(run()), summary);
    for (const auto& [file, bytes] : before) EXPECT_EQ(slurp(file), bytes) << file;
    EXPECT_EQ(slurp(at("records.jsonl")), records);
    EXPECT_TRUE(!fs::exists(at("checkpoints")) || fs::is_empty(at("checkpoints")));
    // In the middle of the work: the validation is in the journal, the vectors are gone.
    std::atomic<bool> stop = false;
    host.cancel = &stop;
    host.observer.step = [&](const std::string&, const std::string& what, std::size_t, std::size_t) {
        stop = what.find("test items") == 0;
    };
    error_of(Code::interrupted, [&] { run("stopped"); });
    EXPECT_FALSE(fs::is_empty(at("vectors", "stopped")));
    fs::remove_all(at("vectors", "stopped"));
    host.cancel = nullptr;
    EXPECT_EQ(to_json(run("stopped")), summary);
}

TEST_F(StudyRun, DamagedVectorIsNamed) {
    std::atomic<bool> stop = false;
    host.cancel = &stop;
    host.observer.step = [&](const std::string&, const std::string& what, std::size_t, std::size_t) {
        stop = what.find("test items") == 0;
    };
    error_of(Code::interrupted, [&] { run(); });
    stop = false;
    ASSERT_FALSE(vectors().empty());
    const auto file = vectors().front();
    fs::resize_file(file, fs::file_size(file) / 2);
    expect_parts(error_of(Code::bad_input, [&] { run(); }), {file.filename().c_str()});
}

// The plan names the file; its contents are part of what the numbers depend on.
TEST_F(StudyRun, AnotherTaskFileIsAnotherResult) {
    const Summary before = run();
    std::string text = slurp(plan.data_dir + "/functional/twice.json");
    text.replace(text.find("tin tin"), 7, "TIN TIN");
    folder.write("data/functional/twice.json", text);
    const Summary after = run();
    ASSERT_EQ(after.tasks.size(), 2u);
    EXPECT_EQ(after.tasks[0].name, "twice");
    EXPECT_NE(after.provenance.task_digests.at("twice"), before.provenance.task_digests.at("twice"));
    EXPECT_EQ(after.provenance.task_digests.at("cheer"), before.provenance.task_digests.at("cheer"));
    text.replace(text.find("TIN TIN"), 7, "tin tin");
    folder.write("data/functional/twice.json", text);
    EXPECT_EQ(to_json(run()), to_json(before));
}

// What a result depends on is in the name of its unit: what a change touches is computed again, and nothing
// else; when it is taken back, everything is there. (Other plans, and with them other seeds, are refused;
// OtherArithmeticIsComputedAnew has the weights, StudyChat the chat template.)
TEST_F(StudyRun, AChangeComputesAnewWhatItTouches) {
    const auto write_vector = [&](float value) {
        SteeringVector v;
        v.method = "mine", v.positions = Positions::Kind::all;
        v.directions[1] = std::vector<float>(48, value);
        save_vector(v, folder.path() / "mine.gguf");
    };
    write_vector(0.5F);
    add_vector(plan, (folder.path() / "mine.gguf").string());
    plan.models = {(folder.path() / "model.gguf").string()};
    test::TinyOptions tiny;
    tiny.n_layer = 2;
    const auto write_model = [&](unsigned seed) {
        tiny.seed = seed;
        fs::copy_file(test::make_tiny_model(tiny), plan.models[0], fs::copy_options::overwrite_existing);
    };
    write_model(7);
    const std::string task_file = plan.data_dir + "/functional/twice.json", task = slurp(task_file);

    const std::string summary = to_json(run());
    const auto units = [&] { return test::json_units(folder.path() / "run"); };
    auto known = units();
    // The tasks that have units which were not there before.
    std::string said;
    host.observer.note = [&](const std::string& text) { said += text + "\n"; };
    const auto added = [&] {
        said.clear();
        run();
        std::set<std::string> tasks;
        auto now = units();
        for (const auto& [unit, records] : now)
            if (!known.contains(unit))
                tasks.insert(unit.find("/twice/") != std::string::npos ? "twice" : "cheer");
        known = std::move(now);
        return tasks;
    };
    using Tasks = std::set<std::string>;
    const Tasks none, both{"cheer", "twice"};
    EXPECT_EQ(added(), none);
    host.engine.max_rows = 3, host.engine.n_threads = 2;
    EXPECT_EQ(added(), none);
    std::string other = task;
    other.replace(other.find("tin tin"), 7, "TIN TIN");
    folder.write("data/functional/twice.json", other);
    EXPECT_EQ(added(), Tasks{"twice"});
    expect_parts(said, {"twice: finished in this folder before"});
    EXPECT_EQ(said.find("cheer: finished"), std::string::npos);
    folder.write("data/functional/twice.json", task);
    EXPECT_EQ(added(), none);
    write_model(8);
    EXPECT_EQ(added(), both);
    write_model(7);
    EXPECT_EQ(added(), none);
    host.engine.cache_f32 = true;
    EXPECT_EQ(added(), both);
    host.engine.cache_f32 = false;
    EXPECT_EQ(added(), none);
    write_vector(0.25F);
    EXPECT_EQ(added(), both);
    expect_parts(said, {"twice: finished", "cheer: finished", "computed again"});
    write_vector(0.5F);
    host.engine.max_rows = 64, host.engine.n_threads = 1;
    EXPECT_EQ(to_json(run()), summary);
    EXPECT_EQ(added(), none);
}

TEST_F(StudyRun, ModelsAndSeedsStandInThePlansOrder) {
    test::TinyOptions tiny;
    tiny.n_layer = 2;
    tiny.seed = 9;
    plan.models.insert(plan.models.begin(), test::make_tiny_model(tiny).string());
    plan.tasks = {"twice"};
    plan.methods = {"icv"};
    plan.seeds = {5, 2};
    const Summary s = run();
    ASSERT_EQ(s.models.size(), 2u);
    EXPECT_NE(s.models[0].digest, s.models[1].digest);
    ASSERT_EQ(s.tasks.size(), 4u);
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(s.tasks[i].model, plan.models[i / 2]);
        EXPECT_EQ(s.tasks[i].seed, plan.seeds[i % 2]);
    }
    EXPECT_EQ(s.provenance.vector_files.size(), 4u);
    EXPECT_EQ(to_json(summary_from_json(to_json(s))), to_json(s));
}

// Every method that is built in, under one plan; stopped now and then.
TEST_F(StudyRun, AllMethodsInOnePlan) {
    plan.methods.clear();
    for (const Method* method : methods()) plan.methods.push_back(method->name());
    ASSERT_GE(plan.methods.size(), 8u);
    // Whoever is first pays for the mean head outputs: let it be fv.
    std::stable_partition(plan.methods.begin(), plan.methods.end(),
                          [](const auto& name) { return name != "concept-heads"; });
    const Summary s = run();
    ASSERT_EQ(s.tasks.size(), 2u);
    for (const auto& t : s.tasks) {
        EXPECT_EQ(t.test.size(), 2 + 3 * plan.methods.size());
        EXPECT_EQ(t.pairs.size(),
                  plan.methods.size() * (plan.methods.size() - 1) / 2 + 2 * plan.methods.size());
        for (const auto& name : plan.methods) {
            for (const char* kind : {"-paper", "-chosen", "-random"}) {
                const auto* setting = find(t.test, name + kind);
                ASSERT_TRUE(setting) << name << kind;
                EXPECT_EQ(setting->n, 6) << setting->id;
            }
            EXPECT_TRUE(std::any_of(t.grid.begin(), t.grid.end(), [&](const auto& point) {
                return point.method == name;
            })) << name;
            EXPECT_TRUE(fs::is_regular_file(at(s.provenance.vector_files.at(t.name + "/" + name))));
        }
    }
    EXPECT_TRUE(fs::is_empty(at("checkpoints"))) << "what the methods shared is not needed any more";
    // One head search for the three that need it: the first one pays.
    std::map<std::string, std::uint64_t> extraction;
    for (const auto& c : read_costs(folder.path() / "run"))
        if (c.phase == "extract" && c.task == "twice") extraction[c.method] = c.n_token;
    EXPECT_GT(extraction.at("fv"), 0u);
    EXPECT_EQ(extraction.at("fv-heads-random"), 0u);
    EXPECT_LT(extraction.at("fv-shuffled"), extraction.at("fv"));
    EXPECT_GT(extraction.at("fv-shuffled"), 0u);
    EXPECT_EQ(extraction.at("repe"), 0u) << "the mean difference has read the same pairs";

    const std::string records = slurp(at("records.jsonl"));
    std::atomic<bool> stop = false;
    host.cancel = &stop;
    bool done = false;
    for (int n_stop = 0; !done; ++n_stop) {
        ASSERT_LT(n_stop, 200);
        int n_step = 0;
        host.observer.step = [&](const std::string&, const std::string&, std::size_t, std::size_t) {
            stop = ++n_step >= 40 + 20 * n_stop;
        };
        stop = false;
        try {
            EXPECT_EQ(to_json(run("stopped")), to_json(s));
            done = true;
        } catch (const Error& e) {
            ASSERT_EQ(e.code(), Code::interrupted) << e.what();
        }
    }
    EXPECT_EQ(slurp(at("records.jsonl", "stopped")), records);
}

TEST_F(StudyRun, BaselinesAlone) {
    plan.methods = {};
    const Summary s = run();
    ASSERT_EQ(s.tasks.size(), 2u);
    EXPECT_EQ(s.tasks[0].test.size(), 2u);
    EXPECT_TRUE(s.tasks[0].grid.empty());
    EXPECT_FALSE(fs::exists(at("vectors")));
}

TEST_F(StudyRun, WrongInputIsFoundBeforeTheFolderIsMade) {
    const Plan good = plan;
    host.resolve_model = [](const std::string& name) {
        if (name == "absent") throw Error(Code::missing, "no model " + name);
        return fs::path(name);
    };
    plan.models.push_back("absent");
    expect_parts(error_of(Code::missing, [&] { run(); }), {"absent"});
    plan = good;
    plan.tasks.push_back("twise");
    expect_parts(error_of(Code::usage, [&] { run(); }), {"twise", "twice"});
    plan = good;
    plan.tasks.push_back((folder.path() / "data/functional/twice.json").string());
    expect_parts(error_of(Code::bad_input, [&] { run(); }), {"same name"});
    plan = good;
    plan.tasks = {
        folder
            .write("three.json",
                   R"([{"input":"a","output":"b"},{"input":"c","output":"d"},{"input":"e","output":"f"}])")
            .string()};
    expect_parts(error_of(Code::bad_input, [&] { run(); }), {"three"});
    EXPECT_FALSE(fs::exists(folder.path() / "run"));
}

TEST_F(StudyRun, AnotherPlanIsRefused) {
    run();
    const std::string records = slurp(at("records.jsonl")), kept = slurp(at("plan.toml"));
    plan.n_test = 5;
    expect_parts(error_of(Code::bad_input, [&] { run(); }), {"another plan", "another folder"});
    EXPECT_EQ(slurp(at("records.jsonl")), records);
    EXPECT_EQ(slurp(at("plan.toml")), kept);
}

// Somebody else's files are not written over, and nothing is made beside them.
TEST_F(StudyRun, AFolderThatIsNoRunIsLeftAlone) {
    for (const char* name : {"records.jsonl", "results.csv", "report.html", "vectors/mine.gguf"}) {
        fs::remove_all(folder.path() / "run");
        folder.write(std::string("run/") + name, "my own");
        expect_parts(error_of(Code::bad_input, [&] { run(); }), {"no plan.toml", "choose another folder"});
        EXPECT_EQ(slurp(at(name)), "my own");
        EXPECT_EQ(std::distance(fs::directory_iterator(folder.path() / "run"), fs::directory_iterator()), 1);
    }
    // What a run does not touch is no matter.
    fs::remove_all(folder.path() / "run");
    folder.write("run/notes.txt", "my own");
    EXPECT_NO_THROW(run());
    EXPECT_EQ(slurp(at("notes.txt")), "my own");
}

TEST_F(StudyRun, AStartThatFailsClaimsNothing) {
    const std::atomic<bool> stop = true;
    host.cancel = &stop;
    expect_parts(error_of(Code::interrupted, [&] { run(); }), {});
    EXPECT_FALSE(fs::exists(folder.path() / "run"));
    folder.write("run/notes.txt", "my own");
    error_of(Code::interrupted, [&] { run(); });
    EXPECT_EQ(std::distance(fs::directory_iterator(folder.path() / "run"), fs::directory_iterator()), 1);
    // Another plan may have the folder now, and what that one did is kept when a later start fails.
    host.cancel = nullptr;
    plan.n_test = 5;
    run();
    const std::string records = slurp(at("records.jsonl"));
    host.cancel = &stop;
    error_of(Code::interrupted, [&] { run(); });
    EXPECT_EQ(slurp(at("records.jsonl")), records);
}

// Whatever is wrong with the files of a run folder, it is the input that is bad.
TEST_F(StudyRun, DamagedFoldersAreBadInput) {
    run();
    const auto damaged = [&](const char* file, const std::string& bytes) {
        const std::string before = slurp(at(file));
        folder.write(std::string("run/") + file, bytes);
        const auto text = error_of(Code::bad_input, [&] { summarise_run(folder.path() / "run"); });
        EXPECT_FALSE(text.empty());
        folder.write(std::string("run/") + file, before);
    };
    const auto without = [&](const char* file, const std::string& part) {
        std::string text = slurp(at(file));
        const auto i = text.find(part);
        EXPECT_NE(i, std::string::npos) << part;
        damaged(file, text.replace(i, part.size(), "\"other\":"));
    };
    damaged("environment.json", "{");
    damaged("environment.json", "[]");
    damaged("environment.json", "{\"tasks\": 3}");
    damaged("plan.toml", "models = 3\n");
    damaged("records.jsonl", slurp(at("records.jsonl")).substr(7));
    without("records.jsonl", "\"setting\":");
    without("records.jsonl", "\"item\":");
    without("records.jsonl", "\"settings\":");
    without("records.jsonl", "\"test_units\":");
    EXPECT_NO_THROW(summarise_run(folder.path() / "run"));
    error_of(Code::missing, [&] { summarise_run(folder.path() / "absent"); });
}

TEST_F(StudyRun, TornLedgerLinesAreSkipped) {
    run();
    const auto n = read_costs(folder.path() / "run").size();
    std::ofstream(at("cost.jsonl"), std::ios::app)
        << "{\"model\": 3, \"seconds\": \"x\"}\n[1]\n{\"model\": \"m\", \"pha";
    EXPECT_EQ(read_costs(folder.path() / "run").size(), n);
}

}  // namespace
}  // namespace tiller

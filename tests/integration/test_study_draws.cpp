// Studies whose items are tested in turn, on a tiny model: who saw what, what is left, and what an
// interruption changes.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "support/tiny_model.h"
#include "support/tiny_study.h"
#include "tiller/task_check.h"

namespace tiller {
namespace {

namespace fs = std::filesystem;

class StudyDraws : public test::StudyTest {
protected:
    void SetUp() override {
        StudyTest::SetUp();
        plan = test::tiny_plan(test::make_tiny_model({}), test::write_tasks(folder));
        plan.n_test = 12, plan.n_valid = 9;
        plan.tuning.n_fold = 3, plan.tuning.n_setting = 6, plan.tuning.n_setting_behavioural = 4;
        plan.functional.n_pairs = plan.behavioural.n_pairs = 20;
        host.check = false;
    }
    std::vector<nlohmann::json> records(const std::string& name = "run") {
        std::vector<nlohmann::json> out;
        std::ifstream in(folder.path() / name / "records.jsonl");
        for (std::string line; std::getline(in, line);) out.push_back(nlohmann::json::parse(line));
        return out;
    }
};

TEST_F(StudyDraws, EachItemIsTestedOnceByADrawThatDidNotTrainOnIt) {
    std::vector<std::string> shown;
    host.observer.task = [&](const TaskSummary& task) { shown.push_back(task.name); };
    const Summary s = run();
    EXPECT_EQ(shown, plan.tasks);
    ASSERT_EQ(s.tasks.size(), 2u);
    for (const TaskSummary& task : s.tasks) {
        EXPECT_EQ(task.n_test, 12);
        EXPECT_EQ(task.n_valid, 9);
        const auto folds = fold_task(find_task(task.name, plan.data_dir), 0, 3);
        std::map<std::string, std::map<int, int>> draws;  // setting -> item -> draw
        for (const auto& record : records()) {
            if (record.value("task", "") != task.name || record.value("phase", "") != "test") continue;
            const int item = record["item"], draw = record["draw"];
            EXPECT_TRUE(draws[record["setting"]].emplace(item, draw).second) << "tested twice";
            const auto& train = folds[static_cast<std::size_t>(draw)].train;
            EXPECT_EQ(std::count(train.begin(), train.end(), item), 0) << "trained on";
            EXPECT_NE(record["unit"].get<std::string>().find(fmt::format("/s0/draw{}/", draw + 1)),
                      std::string::npos)
                << record["unit"];
        }
        for (const auto& setting : task.test) {
            EXPECT_EQ(draws[setting.id].size(), 12u) << setting.id;
            EXPECT_EQ(setting.by_draw.size(), 3u);
            EXPECT_EQ(setting.n, 12);
        }
        std::set<std::string> ids;
        for (const auto& setting : task.test) ids.insert(setting.id);
        for (const char* id : {"fv-random", "fv-shuffled", "icv-random"}) EXPECT_TRUE(ids.contains(id)) << id;
        EXPECT_EQ(task.behavioural(), task.test[0].metrics.contains("whole_style"));
        for (const auto& pair : task.pairs) {
            EXPECT_EQ(pair.n_draw, 3);
            EXPECT_LE(pair.n_draw_better + pair.n_draw_worse, 3);
        }
        EXPECT_EQ(task.n_train, static_cast<int>(folds[0].train.size()));
        // Each of the 40 items is held out by one draw, with its two sentences.
        if (task.behavioural()) {
            EXPECT_EQ(task.scorer_count, 80);
        }
    }
    for (const std::string& note : s.notes)
        EXPECT_EQ(note.find("among the training items"), note.npos) << note;
}

// Inputs that differ in upper and lower case only are two items, of which one may train and the other test.
TEST_F(StudyDraws, TestItemsThatADrawTrainedOnAreCountedForThatDraw) {
    std::ifstream in(plan.data_dir + "/functional/twice.json");
    auto items = nlohmann::json::parse(in);
    for (const char* twin : {"Tin", "TIN", "tIN"}) items.push_back({{"input", twin}, {"output", "tin tin"}});
    folder.write("data/functional/twice.json", items.dump());
    plan.tasks = {"twice"}, plan.n_test = 43;
    const Task task = find_task("twice", plan.data_dir);
    std::size_t n_seen = 0;
    for (const auto& fold : fold_task(task, 0, 3)) n_seen += items_seen(task, fold.train, fold.test).size();
    ASSERT_GT(n_seen, 0u);
    EXPECT_NE(run().notes.at(0).find(fmt::format("Of the 43 test items of twice (seed 0), {} have", n_seen)),
              std::string::npos);
}

// A control of random directions that lost its directions on the way would be the unsteered model.
TEST_F(StudyDraws, RandomDirectionsMoveTheModel) {
    plan.tasks = {"twice"};
    for (const int n_fold : {3, 1}) {
        plan.tuning.n_fold = n_fold;
        const std::string name = fmt::format("{} folds", n_fold);
        run(name);
        std::map<std::string, std::map<int, double>> logprobs;  // setting -> item
        for (const auto& record : records(name))
            if (record.value("phase", "") == "test")
                logprobs[record["setting"]][record["item"].get<int>()] = record["logprob"].get<double>();
        for (const char* control : {"fv-random", "icv-random"}) {
            ASSERT_GE(logprobs[control].size(), 6u);
            for (const auto& [item, logprob] : logprobs[control])
                EXPECT_NE(logprob, logprobs["zero-shot"].at(item)) << control << ", item " << item;
        }
    }
}

// The setting of an item is the choice of the other draws: what a draw's own items say of it does not count.
TEST_F(StudyDraws, SettingsAreChosenWithoutTheirOwnItems) {
    plan.tasks = {"twice"};
    run();
    nlohmann::json closing;
    std::vector<nlohmann::json> valid;
    for (const auto& record : records()) {
        if (record.value("type", "") == "task") closing = record;
        if (record.value("phase", "") == "valid" && record.contains("logprob")) valid.push_back(record);
    }
    ASSERT_EQ(closing["chosen_by_draw"].size(), 3u);
    for (int draw = 0; draw < 3; ++draw)
        for (const std::string method : {"fv", "icv"}) {
            // All hits are 0 on a tiny model, or nearly: the log-probability decides among equals.
            std::map<std::string, std::pair<double, double>> sums;
            for (const auto& record : valid)
                if (record["setting"].get<std::string>().starts_with(method + " ") &&
                    record["draw"] != draw) {
                    sums[record["setting"]].first += record["first_token"].get<double>();
                    sums[record["setting"]].second += record["logprob"].get<double>();
                }
            ASSERT_EQ(sums.size(), 6u);
            double hits = 0, best = -1e9;
            std::string expected;
            for (const auto& [id, sum] : sums) hits += sum.first;
            if (hits > 0) continue;
            for (const auto& [id, sum] : sums)
                if (sum.second > best) best = sum.second, expected = id;
            std::string chosen = method;
            for (const auto& [name, value] :
                 closing["chosen_by_draw"][static_cast<std::size_t>(draw)][method].items())
                chosen += fmt::format(" {}={}", name, value.get<double>());
            EXPECT_EQ(chosen, expected) << "draw " << draw;
        }
}

// What choosing wrote of a test item is its text: the same record but for what only test items have, and
// fewer texts to write.
TEST_F(StudyDraws, TextsThatChoosingWroteAreTakenOver) {
    plan.tasks = {"cheer"};
    std::size_t n_written = 0;
    host.observer.step = [&](const std::string&, const std::string& what, std::size_t done, std::size_t all) {
        if (what.starts_with("test items") && !what.ends_with("texts") && done == all) n_written += all;
    };
    run();
    std::map<std::string, std::map<int, nlohmann::json>> valid, test;  // setting -> item
    nlohmann::json closing;
    for (const auto& record : records()) {
        if (record.value("type", "") == "task") closing = record;
        if (record.contains("nll"))
            (record["phase"] == "valid" ? valid : test)[record["setting"]][record["item"]] = record;
    }
    std::size_t n_test = 0, n_same = 0;
    for (const auto& [setting, items] : test) n_test += items.size();
    const auto expect_same = [&](const std::string& tested, const std::string& tried, int draw) {
        for (const auto& [item, before] : valid.at(tried)) {
            if (before["draw"] != draw) continue;
            const auto& after = test.at(tested).at(item);
            for (const char* field : {"generated", "nll", "style", "n_token", "collapsed"})
                EXPECT_EQ(after[field], before[field]) << tested << " " << item << " " << field;
            ++n_same;
        }
    };
    for (int draw = 0; draw < 3; ++draw) {
        expect_same("zero-shot", "zero-shot", draw);
        for (const auto& [method, setting] : closing["chosen_by_draw"][draw].items())
            for (const auto& [id, items] : valid)
                if (id.starts_with(method + " ")) {
                    std::map<std::string, double> of_id;
                    std::istringstream words(id);
                    for (std::string word; words >> word;)
                        if (const auto at = word.find('='); at != std::string::npos)
                            of_id[word.substr(0, at)] = std::stod(word.substr(at + 1));
                    if (nlohmann::json(of_id) == setting) expect_same(method + "-chosen", id, draw);
                }
    }
    EXPECT_EQ(n_same, 9u * 3) << "zero-shot, FV, ICV";
    EXPECT_LE(n_written, n_test - n_same);
}

TEST_F(StudyDraws, WinnersAreOfTheFirstDraw) {
    plan.tasks = {"twice"};
    const Summary s = run();
    const auto vector = load_vector(folder.path() / "run" / s.tasks[0].winners.at(0).file);
    const auto& said = vector.provenance.settings;
    EXPECT_EQ(said.at("winner.draw"), "1 of 3");
    const auto model = Model::load(s.tasks[0].model);
    Engine engine(model, host.engine);
    const Task task = find_task("twice", plan.data_dir);
    const Split split = fold_task(task, 0, 3).front();
    int n = 0;
    for (const auto& record : records()) {
        if (record.value("phase", "") != "test" || record["draw"] != 0 ||
            record["setting"] != s.tasks[0].winners[0].setting)
            continue;
        const Prompt prompt = make_test_prompt(task, split.train, record["item"], 0, 0);
        Row row;
        row.prompt = model->tokenize_prompt(prompt.text);
        row.edits = edits_of(vector, vector.scale);
        row.watch = {model->continuation(prompt.text, prompt.target).front()};
        EXPECT_EQ(engine.run({&row, 1}).front().watch_logprob.front(), record["logprob"].get<float>());
        ++n;
    }
    EXPECT_EQ(n, 4);
}

TEST_F(StudyDraws, AnInterruptionChangesNothing) {
    plan.methods = {"fv", "icv"};
    test::expect_resumes(
        host, folder.path(), [&](const std::string& name) { return run(name); }, 8, 3);
}

TEST_F(StudyDraws, TheSameAgainIsTheSame) {
    const Summary first = run("a");
    EXPECT_EQ(to_json(run("a")), to_json(first)) << "the second start changed something";
    EXPECT_EQ(to_json(run("b")), to_json(first));
}

// Five items are tested, and nothing is claimed of them.
TEST_F(StudyDraws, FiveItemsShowNothing) {
    std::string items;
    for (const char* w : {"tin", "oak", "sun", "map", "cup"})
        items += fmt::format(R"({}{{"input": "{}", "output": "same"}})", items.empty() ? "[" : ",\n", w);
    folder.write("data/functional/few.json", items + "]\n");
    plan.tasks = {"few"};
    plan.tuning.n_fold = 5;
    plan.functional = {3, 2, 1, 3};
    plan.n_shot = 1;
    const Summary s = run();
    EXPECT_EQ(s.tasks[0].n_test, 5);
    EXPECT_NE(s.tasks[0].verdict.find("No method is shown to work"), std::string::npos) << s.tasks[0].verdict;
}

}  // namespace
}  // namespace tiller

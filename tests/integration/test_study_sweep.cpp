// Sweeps and heads across tasks on a tiny model: every number against the same setting run alone, and the
// same bytes after interruptions.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <map>

#include "support/engine_rows.h"
#include "support/tiny_study.h"
#include "tasks/natural_text.h"
#include "tiller/universal_heads.h"

namespace tiller {
namespace {

namespace fs = std::filesystem;
using test::error_of;

// fork() and run() agree to 1e-5 on float32 models; scores are rounded to 1e-6.
constexpr double kBound = 1.1e-5;

class Sweeps : public testing::Test {
protected:
    Sweeps() : model(test::tiny()), engine(model, test::exact()) {
        test::write_tasks(folder);
        folder.write("data/functional/first.json",
                     R"([{"input": "a b", "output": "a"}, {"input": "c d", "output": "c"},
 {"input": "e f", "output": "e"}, {"input": "g h", "output": "g"}, {"input": "i j", "output": "i"},
 {"input": "k l", "output": "k"}, {"input": "m n", "output": "m"}, {"input": "o p", "output": "o"},
 {"input": "q r", "output": "q"}, {"input": "s t", "output": "s"}, {"input": "u v", "output": "u"},
 {"input": "w x", "output": "w"}])");
        twice = with_words(load_task(folder.path() / "data/functional/twice.json"), *model);
        plan.heads = {1, 5, 12}, plan.layers = {0, 2}, plan.scales = {1, -4};
        plan.n_test = 7, plan.n_shot = 3, plan.n_bootstrap = 100;
        plan.extraction = {20, 4, 3, 0};
    }

    fs::path at(const std::string& name) const { return folder.path() / name; }

    // Every word of the model's vocabulary as a right answer, so that it is right now and then. Prompts show
    // the first answer only.
    static Task with_words(Task task, const Model& of) {
        for (Item& item : task.items)
            for (Token t = 3; t < of.info().n_vocab; ++t) {
                const std::string text = of.text(std::vector<Token>{t});
                if (text.size() > 1 && text[0] == ' ') item.outputs.push_back(text.substr(1));
            }
        return task;
    }

    // Hit and log-probability of the right first tokens of one row by itself.
    std::pair<bool, double> alone(const Prompt& prompt, std::vector<Edit> edits) {
        return alone(engine, prompt, std::move(edits));
    }
    static std::pair<bool, double> alone(Engine& of, const Prompt& prompt, std::vector<Edit> edits) {
        Row row;
        row.prompt = of.model().tokenize(prompt.text);
        row.edits = std::move(edits);
        for (const auto& target : prompt.targets)
            row.watch.push_back(of.model().continuation(prompt.text, target).at(0));
        const RowResult r = of.run({&row, 1}).at(0);
        return {*std::min_element(r.watch_rank.begin(), r.watch_rank.end()) == 0,
                static_cast<double>(*std::max_element(r.watch_logprob.begin(), r.watch_logprob.end()))};
    }

    test::ScratchFolder folder;
    std::shared_ptr<const Model> model;
    Engine engine;
    Task twice;
    SweepPlan plan;
};

TEST_F(Sweeps, EveryCellIsItsSettingRunAlone) {
    const Sweep sweep = run_sweep(engine, twice, plan, at("s"));
    const Split split = split_task(twice, 0);
    ASSERT_EQ(sweep.columns.size(), 3u);
    ASSERT_EQ(sweep.items.size(), 7u);
    const SteeringVector base = load_vector(at("s") / sweep.vector_file);
    const auto build = find_method("fv").builder(*model, base);
    std::size_t n_hit = 0, n_score = 0;
    for (const SweepColumn& column : sweep.columns) {
        ASSERT_EQ(column.cells.size(), 12u);
        for (std::size_t i = 0; i < sweep.items.size(); ++i) {
            const int item = split.test[i];
            ASSERT_EQ(sweep.items[i].item, twice.items[static_cast<std::size_t>(item)].id);
            Prompt prompt = make_test_prompt(twice, split.train, item, 0, 0);
            if (column.context == SweepContext::natural) prompt = natural_text_prompt(twice, item);
            if (column.context == SweepContext::shuffled) {
                Random shots(0, "shots/" + std::to_string(item)), labels(0, "labels/" + std::to_string(item));
                std::vector<int> demos;
                for (int k : shots.sample(static_cast<int>(split.train.size()), 3))
                    demos.push_back(split.train[static_cast<std::size_t>(k)]);
                prompt = make_prompt(twice, demos, item, {}, true, &labels);
            }
            const auto expect = [&](const SweepCell& cell, const std::vector<Edit>& edits) {
                const auto [hit, logprob] = alone(prompt, edits);
                const auto what =
                    fmt::format("{} item {} heads {} layer {} scale {}", sweep_context_name(column.context),
                                i, cell.heads, cell.layer, cell.scale);
                EXPECT_NEAR(cell.items.logprob.at(i), logprob, kBound) << what;
                EXPECT_EQ(cell.items.hit.at(i) != 0, hit) << what;
                n_hit += hit, ++n_score;
            };
            expect(column.unsteered, {});
            for (const SweepCell& cell : column.cells)
                expect(cell,
                       edits_of(build({{"heads", cell.heads}, {"layer", cell.layer}, {"scale", cell.scale}}),
                                static_cast<float>(cell.scale)));
        }
        EXPECT_EQ(column.best, best_cell(column.cells));
        const SweepCell* found = find_cell(column, 5, 2, -4);
        ASSERT_NE(found, nullptr);
        EXPECT_EQ(found, &column.cells[7]);
        EXPECT_EQ(find_cell(column, 5, 1, -4), nullptr);
    }
    EXPECT_GT(n_hit, 0u);
    EXPECT_LT(n_hit, n_score);
    // The contexts are three different things.
    EXPECT_NE(sweep.columns[0].unsteered.items.logprob, sweep.columns[1].unsteered.items.logprob);
    EXPECT_NE(sweep.columns[0].unsteered.items.logprob, sweep.columns[2].unsteered.items.logprob);
}

TEST_F(Sweeps, FilteredItemsAreThoseRightWithExamples) {
    // A model that answers some of the items with a word, and every word as a right answer.
    for (unsigned seed = 1; seed <= 40; ++seed) {
        test::TinyOptions tiny;
        tiny.seed = seed;
        const auto some = test::tiny(tiny);
        Engine other(some, test::exact());
        const Task task = with_words(load_task(at("data/functional/twice.json")), *some);
        const Split split = split_task(task, 0);
        std::vector<bool> right;
        for (int i = 0; i < 7; ++i) {
            const Prompt prompt =
                make_test_prompt(task, split.train, split.test[static_cast<std::size_t>(i)], 3, 0);
            right.push_back(alone(other, prompt, {}).first);
        }
        const auto n_right = static_cast<int>(std::count(right.begin(), right.end(), true));
        if (n_right == 0 || n_right == 7) continue;

        const Sweep sweep = run_sweep(other, task, plan, at("s"));
        for (std::size_t i = 0; i < 7; ++i) EXPECT_EQ(sweep.items[i].kept, right[i]) << i;
        EXPECT_EQ(sweep.few_shot.all.n, 7);
        EXPECT_EQ(sweep.few_shot.filtered.n, n_right);
        EXPECT_DOUBLE_EQ(sweep.few_shot.all.first_token.mean, n_right / 7.0);
        EXPECT_DOUBLE_EQ(sweep.few_shot.filtered.first_token.mean, 1);
        for (const SweepColumn& column : sweep.columns)
            for (const SweepCell& cell : column.cells) {
                int hits = 0;
                double logprob = 0;
                for (std::size_t i = 0; i < 7; ++i) {
                    if (!right[i]) continue;
                    hits += cell.items.hit[i];
                    logprob += cell.items.logprob[i];
                }
                EXPECT_EQ(cell.all.n, 7);
                EXPECT_EQ(cell.filtered.n, n_right);
                EXPECT_DOUBLE_EQ(cell.filtered.first_token.mean, static_cast<double>(hits) / n_right);
                EXPECT_NEAR(cell.filtered.logprob.mean, logprob / n_right, 1e-12);
            }
        return;
    }
    FAIL() << "no tiny model answers some items and not others";
}

TEST_F(Sweeps, InterruptedAndResumedGivesTheSameBytes) {
    std::atomic<bool> cancel = false;
    engine.cancel_with(&cancel);
    std::size_t n_step = 0;
    const std::string whole =
        sweep_json(run_sweep(engine, twice, plan, at("whole"), [&](auto&&...) { ++n_step; }));
    ASSERT_GT(n_step, 30u);
    const auto before = engine.stats().n_decode;
    run_sweep(engine, twice, plan, at("whole"));
    EXPECT_EQ(engine.stats().n_decode, before) << "finished work was done again";
    // Within the head search, after it, and within each context.
    for (std::size_t stop = 5; stop + 1 < n_step; stop += 6) {
        const auto name = fmt::format("stop{}", stop);
        std::size_t step = 0;
        error_of(Code::interrupted, [&] {
            run_sweep(engine, twice, plan, at(name), [&](auto&&...) { cancel = ++step >= stop; });
        });
        cancel = false;
        EXPECT_EQ(sweep_json(run_sweep(engine, twice, plan, at(name))), whole) << stop;
    }
    // Another sweep of the task in the same folder takes its head search from there.
    plan.layers = {1};
    std::size_t n_search = 0;
    run_sweep(engine, twice, plan, at("whole"), [&](const std::string& what, std::size_t, std::size_t) {
        n_search += what.find("head search") != std::string::npos || what.find("hooks") != std::string::npos;
    });
    EXPECT_EQ(n_search, 0u);
}

TEST_F(Sweeps, RefusesWhatMakesNoSenseAndLeavesNothing) {
    const auto refuses = [&](const char* part, auto change) {
        SweepPlan bad = plan;
        change(bad);
        const auto message = error_of(Code::usage, [&] { run_sweep(engine, twice, bad, at("bad")); });
        EXPECT_NE(message.find(part), std::string::npos) << message;
        EXPECT_FALSE(fs::exists(at("bad"))) << part;
    };
    refuses("head counts has 13", [](SweepPlan& p) { p.heads = {1, 13}; });
    refuses("head counts has 0", [](SweepPlan& p) { p.heads = {0}; });
    refuses("list of layers has 3", [](SweepPlan& p) { p.layers = {3}; });
    refuses("list of layers names 1 twice", [](SweepPlan& p) { p.layers = {1, 0, 1}; });
    refuses("list of strengths is empty", [](SweepPlan& p) { p.scales = {}; });
    refuses("list of strengths has inf", [](SweepPlan& p) { p.scales = {INFINITY}; });
    refuses("1 test items", [](SweepPlan& p) { p.n_test = 1; });
    const Task cheer = load_task(at("data/behavioural/cheer.json"));
    error_of(Code::usage, [&] { run_sweep(engine, cheer, plan, at("bad")); });
    SweepPlan bad = plan;
    bad.extraction.n_shot = 60;
    error_of(Code::bad_input, [&] { run_sweep(engine, twice, bad, at("bad")); });
    EXPECT_FALSE(fs::exists(at("bad")));
}

TEST_F(Sweeps, HeadsAcrossTasksAreWhatTheyAreAlone) {
    const std::vector<Task> tasks = {twice, load_task(at("data/functional/first.json"))};
    HeadsPlan heads;
    heads.top_k = 4, heads.layers = {0, 1}, heads.scales = {1, 3}, heads.n_valid = 2, heads.n_test = 3;
    heads.extraction = {6, 3, 2, 0}, heads.n_bootstrap = 100;
    const HeadsAcrossTasks result = compare_heads(engine, tasks, heads, at("h"));
    ASSERT_EQ(result.tasks.size(), 2u);
    std::vector<SteeringVector> bases;
    std::vector<std::vector<HeadEffect>> tops;
    for (const TaskHeads& t : result.tasks) {
        bases.push_back(load_vector(at("h") / t.vector_file));
        tops.push_back(rank_heads(bases.back().aie));
        tops.back().resize(4);
    }
    int shared = 0;
    for (const auto& a : tops[0])
        for (const auto& b : tops[1]) shared += a.layer == b.layer && a.head == b.head;
    EXPECT_DOUBLE_EQ(result.overlap[0][1], shared / (8.0 - shared));
    EXPECT_DOUBLE_EQ(result.overlap[1][0], result.overlap[0][1]);
    EXPECT_DOUBLE_EQ(result.overlap[0][0], 1);
    EXPECT_EQ(result.common.size(), static_cast<std::size_t>(8 - shared));

    std::vector<HeadEffect> universal;
    for (std::size_t i = 0; i < 4; ++i)
        universal.push_back({result.common[i].layer, result.common[i].head, 0});
    const auto edit = [&](std::size_t task, const std::vector<HeadEffect>& of, int layer, double scale) {
        SteeringVector v = bases[task];
        v.directions = {{layer, HeadContributions(*model, v.mean_head_output).sum(of)}};
        return edits_of(v, static_cast<float>(scale));
    };
    for (std::size_t b = 0; b < 2; ++b) {
        const TaskHeads& task = result.tasks[b];
        const Split split = split_task(tasks[b], 0);
        ASSERT_EQ(task.own.grid.size(), 4u);
        const SweepCell& best = task.own.grid[best_cell(task.own.grid)];
        EXPECT_EQ(task.own.layer, best.layer);
        EXPECT_EQ(task.own.scale, best.scale);
        const auto expect = [&](const SweepCell& cell, std::size_t n, const std::vector<int>& items,
                                const std::vector<Edit>& edits) {
            ASSERT_EQ(cell.items.hit.size(), n);
            for (std::size_t i = 0; i < n; ++i) {
                const auto [hit, logprob] =
                    alone(make_test_prompt(tasks[b], split.train, items[i], 0, 0), edits);
                EXPECT_EQ(cell.items.hit[i] != 0, hit);
                EXPECT_NEAR(cell.items.logprob[i], logprob, kBound);
            }
        };
        const std::size_t n_valid = std::min<std::size_t>(2, split.valid.size());
        const std::size_t n_test = std::min<std::size_t>(3, split.test.size());
        for (const SweepCell& cell : task.own.grid)
            expect(cell, n_valid, split.valid, edit(b, tops[b], cell.layer, cell.scale));
        for (const SweepCell& cell : task.universal.grid)
            expect(cell, n_valid, split.valid, edit(b, universal, cell.layer, cell.scale));
        expect(task.unsteered, n_test, split.test, {});
        for (std::size_t a = 0; a < 2; ++a)
            expect(result.transfer[a][b], n_test, split.test,
                   edit(a, tops[a], result.tasks[a].own.layer, result.tasks[a].own.scale));
        expect(task.universal_test, n_test, split.test,
               edit(b, universal, task.universal.layer, task.universal.scale));
    }
    EXPECT_EQ(heads_json(compare_heads(engine, tasks, heads, at("h"))), heads_json(result));
    EXPECT_EQ(heads_json(compare_heads(engine, tasks, heads, at("again"))), heads_json(result));

    error_of(Code::usage, [&] { compare_heads(engine, {tasks.data(), 1}, heads, at("bad")); });
    error_of(Code::usage, [&] { compare_heads(engine, std::vector<Task>{twice, twice}, heads, at("bad")); });
    heads.top_k = 13;
    error_of(Code::usage, [&] { compare_heads(engine, tasks, heads, at("bad")); });
    EXPECT_FALSE(fs::exists(at("bad")));
}

}  // namespace
}  // namespace tiller

// Runs of the default plan with effects that are known: how often a verdict says what is not so, and how
// often it says what is. Hits are drawn; everything behind them is the program's own: choice over draws,
// records, tables, tests and their adjustment. TILLER_SIMULATED_RUNS asks for more runs (./run stability
// simulate).
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "study/adjust.h"
#include "study/choose.h"
#include "study/phrases.h"
#include "study/summarise.h"
#include "study/task_records.h"
#include "tiller/random.h"

namespace tiller::study {
namespace {

constexpr int n_draw = 5, n_item = 100, n_task = 5, n_setting = 24;

/// What is true of a task: gains over zero-shot, and how much they spread from draw to draw.
struct Truth {
    double fv = 0, icv = 0, spread = 0.1;
};

class World {
public:
    World(Random& random, const Truth& truth) : random_(random), truth_(truth) {
        for (int i = 0; i < n_item; ++i) ease_.push_back(0.3 + 0.2 * random.normal());
    }

    TaskSummary task(const Plan& plan) {
        hits("zero-shot", 0, 0);
        TaskClosing closing;
        closing.task = "t", closing.primary = "first_token";
        closing.settings = {{zero_shot_id, "", "none", Kind::baseline}};
        for (const auto& [method, gain] :
             {std::pair<std::string, double>("fv", truth_.fv), {"icv", truth_.icv}}) {
            chosen(method, gain);
            closing.settings.push_back({method + "-chosen", "", method, Kind::chosen});
            for (const auto& control : control_ids(method)) {
                if (control == "icv-shuffled") continue;
                hits(control, 0, truth_.spread);
                closing.settings.push_back({control, "", "random", Kind::control});
            }
        }
        closing.test_units = {"u"};
        closing.chosen_by_draw.resize(n_draw);
        const Units units = {{"u", record_lines(records_, "u")}};
        return summarise_task(plan, records_of(units, record_lines(std::vector{closing}, "c").front()));
    }

private:
    static int draw_of(int item) { return item * n_draw / n_item; }

    ItemRecord record(const std::string& setting, int item, double gain) {
        ItemRecord r{.model = "m", .task = "t", .setting = setting, .item = item, .draw = draw_of(item)};
        const bool hit = random_.uniform() < ease_[static_cast<std::size_t>(item)] + gain;
        r.scores = {{"first_token", hit}, {"logprob", hit ? -1 : -2 - random_.uniform()}};
        return r;
    }
    std::vector<double> gains(double gain, double spread) {
        std::vector<double> out;
        for (int draw = 0; draw < n_draw; ++draw) out.push_back(gain + spread * random_.normal());
        return out;
    }
    void hits(const std::string& setting, double gain, double spread) {
        const auto by_draw = gains(gain, spread);
        for (int i = 0; i < n_item; ++i)
            records_.push_back(record(setting, i, by_draw[static_cast<std::size_t>(draw_of(i))]));
    }
    // The best of the settings over the other draws; their own gains differ, and all from draw to draw.
    void chosen(const std::string& method, double gain) {
        std::vector<Candidate> grid;
        std::vector<ItemRecord> tried;
        for (int s = 0; s < n_setting; ++s) {
            grid.push_back({std::to_string(s), "", method, Kind::grid});
            const auto by_draw = gains(s % 3 == 0 ? gain : gain / 2, truth_.spread);
            for (int i = 0; i < n_item; ++i)
                tried.push_back(record(grid.back().id, i, by_draw[static_cast<std::size_t>(draw_of(i))]));
        }
        for (int draw = 0; draw < n_draw; ++draw) {
            const auto& best =
                grid[choose(grid, tried, "first_token", [&](const ItemRecord& r) { return r.draw != draw; })];
            for (ItemRecord r : tried) {
                if (r.setting != best.id || r.draw != draw) continue;
                r.setting = method + "-chosen", r.phase = Phase::test;
                records_.push_back(std::move(r));
            }
        }
    }

    Random& random_;
    Truth truth_;
    std::vector<double> ease_;
    std::vector<ItemRecord> records_;
};

struct Said {
    int runs = 0, runs_with_any = 0, works = 0, better = 0;
};

Said simulate(const Truth& truth, int n_run) {
    Plan plan = default_plan("tuned");
    plan.n_bootstrap = 100, plan.n_example = 0;
    Random random(17, "simulated runs");
    Said said;
    for (int run = 0; run < n_run; ++run) {
        bool any = false;
        for (int t = 0; t < n_task; ++t) {
            const TaskSummary task = World(random, truth).task(plan);
            const bool fv = works(*task.find("fv-chosen")), icv = works(*task.find("icv-chosen"));
            const bool better_fv = fv && better(pair_of(task, "fv-chosen", "icv-chosen")),
                       better_icv = icv && better(pair_of(task, "icv-chosen", "fv-chosen"));
            said.works += fv, said.better += better_fv;
            any = any || fv || icv || better_fv || better_icv;
        }
        ++said.runs;
        said.runs_with_any += any;
    }
    return said;
}

int asked_runs(int otherwise) {
    const char* asked = std::getenv("TILLER_SIMULATED_RUNS");
    return asked ? std::max(1, std::atoi(asked)) : otherwise;
}

void say(const char* what, const Said& s) {
    std::printf(
        "SIMULATION %s: %d runs of %d tasks; %.1f %% of runs say anything; FV works %.1f %% of tasks, "
        "better than ICV %.1f %%\n",
        what, s.runs, n_task, 100.0 * s.runs_with_any / s.runs, 100.0 * s.works / s.runs / n_task,
        100.0 * s.better / s.runs / n_task);
}

// No effect anywhere: at most 5 % of runs say that anything works or is better, the choice included.
TEST(Simulation, WithoutEffectsRunsSayNothing) {
    for (const double spread : {0.0, 0.1}) {
        const Said said = simulate({0, 0, spread}, asked_runs(60));
        say(spread > 0 ? "no effect, draws differ" : "no effect", said);
        // 5 % and three standard errors of so few runs.
        const double n = said.runs;
        EXPECT_LE(said.runs_with_any, 0.05 * n + 3 * std::sqrt(0.05 * 0.95 * n));
    }
}

// A gain of 40 points that one method has and the other has not is seen on most tasks.
TEST(Simulation, PlantedEffectsAreFound) {
    const Said said = simulate({0.4, 0, 0.05}, asked_runs(20));
    say("FV gains 40 points", said);
    EXPECT_GE(said.works, said.runs * n_task * 8 / 10);
    EXPECT_GE(said.better, said.runs * n_task * 8 / 10);
    if (std::getenv("TILLER_SIMULATED_RUNS"))
        for (const double gain : {0.1, 0.2, 0.3})
            say(fmt::format("FV gains {:.0f} points", 100 * gain).c_str(),
                simulate({gain, 0, 0.1}, said.runs));
}

}  // namespace
}  // namespace tiller::study

// run_sweep(): function vectors at every layer, number of heads and strength. Each prompt is computed once.
#include "tiller/sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <numeric>
#include <set>

#include "core/util.h"
#include "study/first_token.h"
#include "study/run_files.h"
#include "study/sweeps/fv_source.h"
#include "tasks/natural_text.h"
#include "tiller/error.h"
#include "tiller/statistics.h"
#include "tiller/version.h"

namespace tiller {

using namespace study;

const char* sweep_context_name(SweepContext context) noexcept {
    switch (context) {
        case SweepContext::zero_shot: return "zero_shot";
        case SweepContext::shuffled: return "shuffled";
        case SweepContext::natural: return "natural";
    }
    return "";
}

const char* sweep_context_title(SweepContext context) noexcept {
    switch (context) {
        case SweepContext::zero_shot: return "zero-shot";
        case SweepContext::shuffled: return "shuffled labels";
        case SweepContext::natural: return "natural text";
    }
    return "";
}

std::vector<int> default_head_counts(const ModelInfo& info) {
    std::set<int> counts = {1, 2, 5, 10, 20, 40, paper_head_count(info)};
    std::erase_if(counts, [&](int n) { return n > info.n_head_total(); });
    return {counts.begin(), counts.end()};
}

namespace {

void check_plan(const SweepPlan& plan, const ModelInfo& info) {
    const auto within = [](const char* what, Topic topic, const std::vector<int>& values, int least,
                           int most) {
        for (const int v : values)
            if (v < least || v > most)
                throw Error(Code::usage,
                            fmt::format("{} has {}, expected {} to {} on this model", what, v, least, most),
                            topic);
        require_different(what, {values.begin(), values.end()}, topic);
    };
    within("the list of head counts", Topic::heads, plan.heads, 1, info.n_head_total());
    within("the list of layers", Topic::layers, plan.layers, 0, info.n_layer - 1);
    check_scales(plan.scales);
    if (plan.n_test < 2)
        throw Error(Code::usage, fmt::format("{} test items, expected at least 2", plan.n_test),
                    Topic::n_test);
    if (plan.n_shot < 1)
        throw Error(Code::usage,
                    fmt::format("{} demonstrations in a prompt, expected at least 1", plan.n_shot),
                    Topic::n_shot);
    if (plan.n_bootstrap < 100)
        throw Error(Code::usage, fmt::format("n_bootstrap is {}, expected at least 100", plan.n_bootstrap));
}

// Draws the same demonstrations as make_test_prompt() does for the few-shot prompt that filters items, so
// that only the labels differ.
Prompt shuffled_prompt(const Task& task, std::span<const int> pool, int item, const SweepPlan& plan) {
    Random random(plan.seed, fmt::format("shots/{}", item));
    const int n = static_cast<int>(pool.size());
    std::vector<int> demos;
    for (const int i : random.sample(n, std::min(plan.n_shot, n)))
        demos.push_back(pool[static_cast<std::size_t>(i)]);
    Random labels(plan.seed, fmt::format("labels/{}", item));
    return make_prompt(task, demos, item, {}, true, &labels);
}

Prompt prompt_of(SweepContext context, const Task& task, std::span<const int> pool, int item,
                 const SweepPlan& plan) {
    switch (context) {
        case SweepContext::zero_shot: break;
        case SweepContext::shuffled: return shuffled_prompt(task, pool, item, plan);
        case SweepContext::natural: return natural_text_prompt(task, item);
    }
    return make_test_prompt(task, pool, item, 0, plan.seed);
}

// The unsteered model (heads = 0) first, then every setting.
std::vector<SweepCell> settings_of(const SweepPlan& plan) {
    std::vector<SweepCell> cells(1);
    for (const int heads : plan.heads)
        for (const int layer : plan.layers)
            for (const double scale : plan.scales) cells.push_back({heads, layer, scale, {}, {}, {}});
    return cells;
}

// The edits of each cell. Cells with the same number of heads share one direction.
std::vector<std::vector<Edit>> edits_of_settings(const Model& model, const SteeringVector& base,
                                                 const std::vector<SweepCell>& cells) {
    const HeadContributions contributions(model, base.mean_head_output);
    const auto ranked = rank_heads(base.aie);
    std::map<int, SharedFloats> directions;
    std::vector<std::vector<Edit>> edits;
    for (const SweepCell& cell : cells) {
        auto& of_cell = edits.emplace_back();
        if (cell.heads == 0) continue;
        SharedFloats& direction = directions[cell.heads];
        if (!direction)
            direction = std::make_shared<const std::vector<float>>(
                contributions.sum(std::span(ranked).first(static_cast<std::size_t>(cell.heads))));
        of_cell.push_back(fv_edit(direction, cell.layer, cell.scale));
    }
    return edits;
}

// Scores over all items first, then those over the kept ones: bootstrap_mean() caches the resamples of one
// number of items only.
void score_cells(std::span<SweepCell* const> cells, const std::vector<bool>& kept, const SweepPlan& plan) {
    for (SweepCell* cell : cells) cell->all = sweep_score(cell->items, {}, plan.n_bootstrap, plan.seed);
    for (SweepCell* cell : cells)
        cell->filtered = sweep_score(cell->items, kept, plan.n_bootstrap, plan.seed);
}

}  // namespace

SweepScore sweep_score(const ItemScores& items, const std::vector<bool>& kept, int n_bootstrap,
                       std::uint64_t seed) {
    std::vector<double> hits, logprobs;
    SweepScore score;
    for (std::size_t i = 0; i < items.hit.size(); ++i) {
        if (!kept.empty() && !kept[i]) continue;
        ++score.n;
        hits.push_back(items.hit[i]);
        if (std::isfinite(items.logprob[i]))
            logprobs.push_back(items.logprob[i]);
        else
            ++score.n_broken;
    }
    score.first_token = bootstrap_mean(hits, Scale::hit, n_bootstrap, seed);
    score.logprob = bootstrap_mean(logprobs, Scale::number, n_bootstrap, seed);
    return score;
}

std::size_t best_cell(const std::vector<SweepCell>& cells) {
    if (cells.empty()) throw Error(Code::usage, "best_cell: no settings; expected at least one");
    // A setting under which some rows broke must not win a tie by the log-probabilities of the other rows.
    const auto rank = [](const SweepCell& c) {
        return std::pair(c.all.first_token.mean, c.all.n_broken > 0 ? -INFINITY : c.all.logprob.mean);
    };
    std::size_t best = 0;
    for (std::size_t i = 1; i < cells.size(); ++i)
        if (rank(cells[i]) > rank(cells[best])) best = i;
    return best;
}

const SweepCell* find_cell(const SweepColumn& column, int heads, int layer, double scale) {
    const auto found = std::find_if(column.cells.begin(), column.cells.end(), [&](const SweepCell& c) {
        return c.heads == heads && c.layer == layer && c.scale == scale;
    });
    return found == column.cells.end() ? nullptr : &*found;
}

Sweep run_sweep(Engine& engine, const Task& task, const SweepPlan& wanted,
                const std::filesystem::path& folder, const StepProgress& progress) {
    const ModelInfo& info = engine.info();
    require_answers(task, "sweep");
    Sweep sweep;
    sweep.plan = wanted;
    SweepPlan& plan = sweep.plan;
    if (plan.heads.empty()) plan.heads = default_head_counts(info);
    if (plan.layers.empty()) {
        plan.layers.resize(static_cast<std::size_t>(info.n_layer));
        std::iota(plan.layers.begin(), plan.layers.end(), 0);
    }
    check_plan(plan, info);
    const Split split = split_task(task, plan.seed);
    const auto test = first_items(split.test, plan.n_test);
    // Only to throw when the task has too few items, before the first file is made.
    make_trials(task, split.train, 1, 1, plan.extraction.n_shot, plan.seed);

    make_folder(folder);
    Journal journal(folder);
    const FvSource source{engine,    task,       split.train, plan.extraction,
                          plan.seed, plan.check, false,       plan.n_gpu_layers};
    const FvBase base = fv_base(source, folder, progress);
    const std::string key = source_key(source);

    sweep.model = info.name, sweep.model_digest = info.digest;
    sweep.architecture = info.architecture, sweep.quantisation = info.quantisation;
    sweep.n_layer = info.n_layer, sweep.n_head_total = info.n_head_total();
    sweep.task = task.name, sweep.task_digest = task.digest, sweep.family = family_name(task.family);
    sweep.vector_file = base.file.string();
    sweep.prompts_digest = base.vector.provenance.prompts_digest;
    sweep.program_version = TILLER_VERSION;

    const auto said = [&](const std::string& what) {
        return [&progress, what](std::size_t done, std::size_t all) {
            if (progress) progress(what, done, all);
        };
    };
    std::vector<Prompt> prompts;
    for (const int item : test)
        prompts.push_back(make_test_prompt(task, split.train, item, plan.n_shot, plan.seed));
    sweep.few_shot.items = score_unsteered(engine, journal, fmt::format("{}/few-shot", task.name), key,
                                           prompts, said(fmt::format("{}-shot prompts", plan.n_shot)));
    std::vector<bool> kept;
    for (std::size_t i = 0; i < test.size(); ++i) {
        const Item& item = task.items[static_cast<std::size_t>(test[i])];
        kept.push_back(sweep.few_shot.items.hit[i] != 0);
        sweep.items.push_back({item.id, item.input, item.outputs, kept.back()});
    }

    const auto cells = settings_of(plan);
    const auto edits = edits_of_settings(engine.model(), base.vector, cells);
    Digest settings_key;
    settings_key.add(key);
    for (const SweepCell& c : cells) settings_key.add(fmt::format("{} {} {}", c.heads, c.layer, c.scale));
    for (const SweepContext context :
         {SweepContext::zero_shot, SweepContext::shuffled, SweepContext::natural}) {
        prompts.clear();
        for (const int item : test) prompts.push_back(prompt_of(context, task, split.train, item, plan));
        auto scores = score_forks(
            engine, journal, fmt::format("{}/{}", task.name, sweep_context_name(context)), settings_key.hex(),
            prompts, edits,
            said(fmt::format("{}, {} settings an item", sweep_context_title(context), cells.size())));
        SweepColumn column{context, cells.front(), {cells.begin() + 1, cells.end()}, 0};
        column.unsteered.items = std::move(scores.front());
        for (std::size_t i = 0; i < column.cells.size(); ++i)
            column.cells[i].items = std::move(scores[i + 1]);
        sweep.columns.push_back(std::move(column));
    }

    std::vector<SweepCell*> all = {&sweep.few_shot};
    for (SweepColumn& column : sweep.columns) {
        all.push_back(&column.unsteered);
        for (SweepCell& cell : column.cells) all.push_back(&cell);
    }
    score_cells(all, kept, plan);
    for (SweepColumn& column : sweep.columns) column.best = best_cell(column.cells);
    return sweep;
}

}  // namespace tiller

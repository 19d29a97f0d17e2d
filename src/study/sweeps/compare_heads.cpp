// Head searches of several tasks, and each task's vector on every other's items.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>

#include "core/util.h"
#include "study/first_token.h"
#include "study/run_files.h"
#include "study/sweeps/fv_source.h"
#include "tiller/error.h"
#include "tiller/statistics.h"
#include "tiller/universal_heads.h"
#include "tiller/version.h"

namespace tiller {

using namespace study;

namespace {

// One task's part of the work.
struct Part {
    const Task& task;
    Split split;
    std::string key;
    SteeringVector base;
    SharedFloats own, universal;
};

void check_plan(const HeadsPlan& plan, const ModelInfo& info) {
    if (plan.top_k < 1 || plan.top_k > info.n_head_total())
        throw Error(Code::usage,
                    fmt::format("a task's best {} heads, expected 1 to {}, the model's heads", plan.top_k,
                                info.n_head_total()),
                    Topic::top_heads);
    for (const int layer : plan.layers)
        if (layer < 0 || layer >= info.n_layer)
            throw Error(Code::usage,
                        fmt::format("the list of layers has {}, expected 0 to {} on this model", layer,
                                    info.n_layer - 1),
                        Topic::layers);
    require_different("the list of layers", {plan.layers.begin(), plan.layers.end()}, Topic::layers);
    check_scales(plan.scales);
    if (plan.n_test < 2)
        throw Error(Code::usage, fmt::format("{} test items, expected at least 2", plan.n_test),
                    Topic::n_test);
    if (plan.n_valid < 1)
        throw Error(Code::usage, fmt::format("{} validation items, expected at least 1", plan.n_valid),
                    Topic::n_valid);
    if (plan.n_bootstrap < 100)
        throw Error(Code::usage, fmt::format("n_bootstrap is {}, expected at least 100", plan.n_bootstrap));
}

void check_tasks(std::span<const Task> tasks) {
    if (tasks.size() < 2)
        throw Error(Code::usage,
                    fmt::format("{} task to compare heads over, expected at least 2", tasks.size()),
                    Topic::tasks);
    std::set<std::string> names;
    for (const Task& task : tasks) {
        require_answers(task, "heads");
        if (!names.insert(task.name).second)
            throw Error(Code::usage, fmt::format("the task {} is there twice; name it once", task.name));
    }
}

HeadsPlan filled_in(HeadsPlan plan, const ModelInfo& info) {
    const int n = info.n_layer;
    if (plan.top_k == 0) plan.top_k = paper_head_count(info);
    if (plan.layers.empty()) {
        const std::set<int> layers = {n / 4, n / 3, 4 * n / 9, n / 2, 5 * n / 9, 2 * n / 3};
        plan.layers = {layers.begin(), layers.end()};
    }
    return plan;
}

SharedFloats direction(const HeadContributions& contributions, std::span<const HeadEffect> heads) {
    return std::make_shared<const std::vector<float>>(contributions.sum(heads));
}

std::vector<Prompt> zero_shot(const Part& part, std::span<const int> items, std::uint64_t seed) {
    std::vector<Prompt> prompts;
    for (const int item : items)
        prompts.push_back(make_test_prompt(part.task, part.split.train, item, 0, seed));
    return prompts;
}

}  // namespace

HeadsAcrossTasks compare_heads(Engine& engine, std::span<const Task> tasks, const HeadsPlan& wanted,
                               const std::filesystem::path& folder, const StepProgress& progress) {
    const ModelInfo& info = engine.info();
    check_tasks(tasks);
    HeadsAcrossTasks out;
    out.plan = filled_in(wanted, info);
    const HeadsPlan& plan = out.plan;
    check_plan(plan, info);
    const auto k = static_cast<std::size_t>(plan.top_k);
    std::vector<Part> parts;
    for (const Task& task : tasks) {
        parts.push_back({task, split_task(task, plan.seed), {}, {}, {}, {}});
        make_trials(task, parts.back().split.train, 1, 1, plan.extraction.n_shot, plan.seed);
    }
    make_folder(folder);
    Journal journal(folder);

    bool was_checked = false;
    for (Part& part : parts) {
        const FvSource source{engine,    part.task,  part.split.train, plan.extraction,
                              plan.seed, plan.check, was_checked,      plan.n_gpu_layers};
        FvBase base = fv_base(source, folder, progress);
        was_checked = was_checked || base.vector.provenance.settings["checked"] == "true";
        part.key = source_key(source);
        TaskHeads& of = out.tasks.emplace_back();
        of.task = part.task.name, of.task_digest = part.task.digest;
        of.vector_file = base.file.string();
        of.prompts_digest = base.vector.provenance.prompts_digest;
        of.top = rank_heads(base.vector.aie);
        of.top.resize(k);
        part.base = std::move(base.vector);
    }
    out.model = info.name, out.model_digest = info.digest;
    out.architecture = info.architecture, out.quantisation = info.quantisation;
    out.program_version = TILLER_VERSION;
    out.n_layer = info.n_layer, out.n_head_total = info.n_head_total();

    std::vector<std::vector<std::vector<float>>> aie;
    for (const Part& part : parts) aie.push_back(part.base.aie);
    out.common = common_heads(aie, plan.top_k);
    std::vector<HeadEffect> universal;
    for (std::size_t i = 0; i < k; ++i)
        universal.push_back(
            {out.common[i].layer, out.common[i].head, static_cast<float>(out.common[i].mean_aie)});
    for (const TaskHeads& a : out.tasks) {
        auto& row = out.overlap.emplace_back();
        for (const TaskHeads& b : out.tasks) row.push_back(jaccard(a.top, b.top));
    }
    std::string all_vectors;
    for (std::size_t t = 0; t < parts.size(); ++t) {
        const HeadContributions contributions(engine.model(), parts[t].base.mean_head_output);
        parts[t].own = direction(contributions, out.tasks[t].top);
        parts[t].universal = direction(contributions, universal);
        all_vectors += parts[t].key + " ";
    }
    const std::string common_key =
        fmt::format("{} top {} layers {} scales", all_vectors, plan.top_k, fmt::join(plan.layers, " ")) +
        fmt::format("{}", fmt::join(plan.scales, " "));

    for (std::size_t t = 0; t < parts.size(); ++t) {
        TaskHeads& of = out.tasks[t];
        std::vector<std::vector<Edit>> edits;
        for (ChosenVector* vector : {&of.own, &of.universal})
            for (const int layer : plan.layers)
                for (const double scale : plan.scales) {
                    vector->grid.push_back({plan.top_k, layer, scale, {}, {}, {}});
                    edits.push_back(
                        {fv_edit(vector == &of.own ? parts[t].own : parts[t].universal, layer, scale)});
                }
        const auto prompts = zero_shot(parts[t], first_items(parts[t].split.valid, plan.n_valid), plan.seed);
        auto scores = score_forks(engine, journal, of.task + "/valid", parts[t].key + common_key, prompts,
                                  edits, [&](std::size_t done, std::size_t all) {
                                      if (progress) progress(of.task + ": validation", done, all);
                                  });
        std::size_t next = 0;
        for (ChosenVector* vector : {&of.own, &of.universal}) {
            for (SweepCell& cell : vector->grid) {
                cell.items = std::move(scores[next++]);
                cell.all = sweep_score(cell.items, {}, plan.n_bootstrap, plan.seed);
            }
            const SweepCell& best = vector->grid[best_cell(vector->grid)];
            vector->layer = best.layer, vector->scale = best.scale;
        }
    }

    out.transfer.resize(parts.size());
    for (std::size_t b = 0; b < parts.size(); ++b) {
        TaskHeads& of = out.tasks[b];
        const auto test = first_items(parts[b].split.test, plan.n_test);
        for (const int i : test) of.items.push_back(parts[b].task.items[static_cast<std::size_t>(i)].id);
        std::vector<std::vector<Edit>> edits(1);
        std::string settings;
        const auto add = [&](const SharedFloats& vector, const ChosenVector& at) {
            edits.push_back({fv_edit(vector, at.layer, at.scale)});
            settings += fmt::format(" {}:{}", at.layer, at.scale);
        };
        for (std::size_t a = 0; a < parts.size(); ++a) add(parts[a].own, out.tasks[a].own);
        add(parts[b].universal, of.universal);
        auto scores =
            score_forks(engine, journal, of.task + "/test", parts[b].key + common_key + settings,
                        zero_shot(parts[b], test, plan.seed), edits, [&](std::size_t done, std::size_t all) {
                            if (progress) progress(of.task + ": test", done, all);
                        });
        const auto cell = [&](std::size_t at, int heads, const ChosenVector& vector) {
            SweepCell c{heads, vector.layer, vector.scale, std::move(scores[at]), {}, {}};
            c.all = sweep_score(c.items, {}, plan.n_bootstrap, plan.seed);
            return c;
        };
        of.unsteered = cell(0, 0, {});
        for (std::size_t a = 0; a < parts.size(); ++a)
            out.transfer[a].push_back(cell(a + 1, plan.top_k, out.tasks[a].own));
        of.universal_test = cell(parts.size() + 1, plan.top_k, of.universal);
        const auto& own = out.transfer[b][b].items.hit;
        const auto& shared = of.universal_test.items.hit;
        of.own_minus_universal = bootstrap_difference(std::vector<double>(own.begin(), own.end()),
                                                      std::vector<double>(shared.begin(), shared.end()),
                                                      plan.n_bootstrap, plan.seed);
    }
    return out;
}

}  // namespace tiller

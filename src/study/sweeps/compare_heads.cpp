// compare_heads(): head searches of several tasks, and each task's vector on the test items of every task.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <utility>

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

// One task of the comparison.
struct Part {
    const Task& task;
    Split split;
    std::string key;  // source_key()
    SteeringVector base;
    SharedFloats own, universal;  // directions of the task's own and of the universal heads
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

// Carries out the comparison.
class Comparison {
public:
    Comparison(Engine& engine, const HeadsPlan& plan, const std::filesystem::path& folder,
               const StepProgress& progress)
        : engine_(engine), folder_(folder), progress_(progress) {
        const ModelInfo& info = engine.info();
        out_.plan = plan;
        out_.model = info.name, out_.model_digest = info.digest;
        out_.architecture = info.architecture, out_.quantisation = info.quantisation;
        out_.program_version = TILLER_VERSION;
        out_.n_layer = info.n_layer, out_.n_head_total = info.n_head_total();
    }

    HeadsAcrossTasks of(std::vector<Part> parts) && {
        parts_ = std::move(parts);
        make_folder(folder_);
        Journal journal(folder_);
        journal_ = &journal;
        search();
        take_directions(common());
        for (std::size_t t = 0; t < parts_.size(); ++t) choose(t);
        out_.transfer.resize(parts_.size());
        for (std::size_t t = 0; t < parts_.size(); ++t) test(t);
        return std::move(out_);
    }

private:
    const HeadsPlan& plan() const { return out_.plan; }
    std::size_t n_top() const { return static_cast<std::size_t>(plan().top_k); }
    Progress said(const std::string& what) const {
        return [this, what](std::size_t done, std::size_t all) {
            if (progress_) progress_(what, done, all);
        };
    }

    void search() {
        bool was_checked = false;
        for (Part& part : parts_) {
            const FvSource source{engine_,     part.task,    part.split.train, plan().extraction,
                                  plan().seed, plan().check, was_checked,      plan().n_gpu_layers};
            FvBase base = fv_base(source, folder_, progress_);
            was_checked = was_checked || base.vector.provenance.settings["checked"] == "true";
            part.key = source_key(source);
            TaskHeads& of = out_.tasks.emplace_back();
            of.task = part.task.name, of.task_digest = part.task.digest;
            of.vector_file = base.file.string();
            of.prompts_digest = base.vector.provenance.prompts_digest;
            of.top = rank_heads(base.vector.aie);
            of.top.resize(n_top());
            part.base = std::move(base.vector);
        }
        for (const TaskHeads& a : out_.tasks) {
            auto& row = out_.overlap.emplace_back();
            for (const TaskHeads& b : out_.tasks) row.push_back(jaccard(a.top, b.top));
        }
    }

    // Sets out_.common and returns its first top_k heads, the universal ones.
    std::vector<HeadEffect> common() {
        std::vector<std::vector<std::vector<float>>> aie;
        for (const Part& part : parts_) aie.push_back(part.base.aie);
        out_.common = common_heads(aie, plan().top_k);
        std::vector<HeadEffect> universal;
        for (std::size_t i = 0; i < n_top(); ++i)
            universal.push_back(
                {out_.common[i].layer, out_.common[i].head, static_cast<float>(out_.common[i].mean_aie)});
        return universal;
    }

    void take_directions(const std::vector<HeadEffect>& universal) {
        std::string all_vectors;
        for (std::size_t t = 0; t < parts_.size(); ++t) {
            const HeadContributions contributions(engine_.model(), parts_[t].base.mean_head_output);
            parts_[t].own = direction(contributions, out_.tasks[t].top);
            parts_[t].universal = direction(contributions, universal);
            all_vectors += parts_[t].key + " ";
        }
        common_key_ = fmt::format("{} top {} layers {} scales", all_vectors, plan().top_k,
                                  fmt::join(plan().layers, " ")) +
                      fmt::format("{}", fmt::join(plan().scales, " "));
    }

    // Chooses layer and strength of a task's two vectors on its validation items.
    void choose(std::size_t t) {
        TaskHeads& of = out_.tasks[t];
        std::vector<std::vector<Edit>> edits;
        for (ChosenVector* vector : {&of.own, &of.universal})
            for (const int layer : plan().layers)
                for (const double scale : plan().scales) {
                    vector->grid.push_back({plan().top_k, layer, scale, {}, {}, {}});
                    edits.push_back(
                        {fv_edit(vector == &of.own ? parts_[t].own : parts_[t].universal, layer, scale)});
                }
        const auto prompts =
            zero_shot(parts_[t], first_items(parts_[t].split.valid, plan().n_valid), plan().seed);
        auto scores = score_forks(engine_, *journal_, of.task + "/valid", parts_[t].key + common_key_,
                                  prompts, edits, said(of.task + ": validation"));
        std::size_t next = 0;
        for (ChosenVector* vector : {&of.own, &of.universal}) {
            for (SweepCell& cell : vector->grid) score(cell, std::move(scores[next++]));
            const SweepCell& best = vector->grid[best_cell(vector->grid)];
            vector->layer = best.layer, vector->scale = best.scale;
        }
    }

    // Scores on the test items of task b: unsteered, the own vectors of all tasks, and b's universal vector.
    void test(std::size_t b) {
        TaskHeads& of = out_.tasks[b];
        const auto items = first_items(parts_[b].split.test, plan().n_test);
        for (const int i : items) of.items.push_back(parts_[b].task.items[static_cast<std::size_t>(i)].id);
        std::vector<std::vector<Edit>> edits(1);
        std::string settings;
        const auto add = [&](const SharedFloats& vector, const ChosenVector& at) {
            edits.push_back({fv_edit(vector, at.layer, at.scale)});
            settings += fmt::format(" {}:{}", at.layer, at.scale);
        };
        for (std::size_t a = 0; a < parts_.size(); ++a) add(parts_[a].own, out_.tasks[a].own);
        add(parts_[b].universal, of.universal);
        auto scores =
            score_forks(engine_, *journal_, of.task + "/test", parts_[b].key + common_key_ + settings,
                        zero_shot(parts_[b], items, plan().seed), edits, said(of.task + ": test"));
        const auto cell = [&](std::size_t at, int heads, const ChosenVector& vector) {
            SweepCell c{heads, vector.layer, vector.scale, {}, {}, {}};
            score(c, std::move(scores[at]));
            return c;
        };
        of.unsteered = cell(0, 0, {});
        for (std::size_t a = 0; a < parts_.size(); ++a)
            out_.transfer[a].push_back(cell(a + 1, plan().top_k, out_.tasks[a].own));
        of.universal_test = cell(parts_.size() + 1, plan().top_k, of.universal);
        const auto& own = out_.transfer[b][b].items.hit;
        const auto& shared = of.universal_test.items.hit;
        of.own_minus_universal = bootstrap_difference(std::vector<double>(own.begin(), own.end()),
                                                      std::vector<double>(shared.begin(), shared.end()),
                                                      Scale::hit, plan().n_bootstrap, plan().seed);
    }

    void score(SweepCell& cell, ItemScores items) const {
        cell.items = std::move(items);
        cell.all = sweep_score(cell.items, {}, plan().n_bootstrap, plan().seed);
    }

    Engine& engine_;
    const std::filesystem::path& folder_;
    const StepProgress& progress_;
    std::vector<Part> parts_;
    Journal* journal_ = nullptr;
    std::string common_key_;
    HeadsAcrossTasks out_;
};

}  // namespace

HeadsAcrossTasks compare_heads(Engine& engine, std::span<const Task> tasks, const HeadsPlan& wanted,
                               const std::filesystem::path& folder, const StepProgress& progress) {
    check_tasks(tasks);
    const HeadsPlan plan = filled_in(wanted, engine.info());
    check_plan(plan, engine.info());
    std::vector<Part> parts;
    for (const Task& task : tasks) {
        parts.push_back({task, split_task(task, plan.seed), {}, {}, {}, {}});
        // Only to throw when the task has too few items, before the first file is made.
        make_trials(task, parts.back().split.train, 1, 1, plan.extraction.n_shot, plan.seed);
    }
    return Comparison(engine, plan, folder, progress).of(std::move(parts));
}

}  // namespace tiller

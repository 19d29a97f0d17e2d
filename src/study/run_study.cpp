// Carries out a plan: every task on every model with every seed.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <span>
#include <utility>

#include "study/block_runner.h"
#include "study/environment.h"
#include "study/run_files.h"
#include "study/study_inputs.h"
#include "study/summarise.h"
#include "study/units.h"
#include "tiller/error.h"

namespace tiller {

using namespace study;

namespace {

class StudyRun {
public:
    StudyRun(const StudyInputs& inputs, const std::filesystem::path& folder)
        : inputs_(inputs), folder_(folder), journal_(folder) {
        claim_folder(inputs.plan(), folder);
    }

    Summary carry_out() {
        for (std::size_t m = 0; m < inputs_.n_model(); ++m) run_model(m);
        for (std::size_t m = 0; inputs_.n_model() > 1 && m < inputs_.n_model(); ++m) run_again(m);
        FolderCheckpoint(shared_checkpoints(folder_)).remove();
        return summarise(inputs_.plan(), journal_.units(), read_environment(folder_));
    }

private:
    using TaskAndSeed = std::pair<std::size_t, std::uint64_t>;

    void run_model(std::size_t m) {
        const Plan& plan = inputs_.plan();
        const StudyHost& host = inputs_.host();
        const auto model = inputs_.load_model(m);
        models_.push_back(model_record(inputs_.model_name(m), *model));
        for (std::size_t t = 0; t < inputs_.tasks().size(); ++t)
            for (const auto seed : plan.seeds) {
                const auto closing = inputs_.closing(m, model->info(), t, seed);
                closings_.push_back(closing);
                finished_[{t, seed}].push_back(closing);
            }
        write_environment(folder_, host, models_, closings_);
        Engine engine(model, host.engine);
        engine.cancel_with(host.cancel);
        BlockRunner blocks(inputs_, m, engine, journal_, folder_);
        for (std::size_t t = 0; t < inputs_.tasks().size(); ++t)
            for (const auto seed : plan.seeds) blocks.run(t, seed);
    }

    void run_again(std::size_t m) {
        const Protocol& protocol = inputs_.protocol();
        std::unique_ptr<Engine> engine;  // made for the first task that lacks its second run
        for (const auto& [which, names] : finished_) {
            std::vector<ClosedTask> all;
            for (const auto& closing : names) all.emplace_back(closing_line(closing));
            if (protocol.has_second_run(journal_.units(), all[m], all)) continue;
            if (!engine) {
                engine = std::make_unique<Engine>(inputs_.load_model(m), inputs_.host().engine);
                engine->cancel_with(inputs_.host().cancel);
            }
            auto c = inputs_.context(m, which.first, which.second, *engine, journal_, folder_);
            protocol.second_run(c, all[m], all);
        }
    }

    const std::string& closing_line(const std::string& name) const { return journal_.lines(name).at(0); }

    const StudyInputs& inputs_;
    std::filesystem::path folder_;
    Journal journal_;
    std::vector<ModelRecord> models_;
    std::vector<std::string> closings_;
    std::map<TaskAndSeed, std::vector<std::string>> finished_;  // closing units' names, [model]
};

}  // namespace

Summary run_study(const Plan& plan, const std::filesystem::path& folder, const StudyHost& host) {
    const StudyInputs inputs(plan, host);
    check_folder(plan, folder);
    const bool is_new = !std::filesystem::exists(folder / "plan.toml");
    make_folder(folder);
    StudyRun run(inputs, folder);
    try {
        return run.carry_out();
    } catch (...) {
        if (is_new) give_folder_back(folder);  // while `run` has the folder's lock
        throw;
    }
}

Summary summarise_run(const std::filesystem::path& folder) {
    return summarise(load_run_plan(folder), read_units(folder), read_environment(folder));
}

}  // namespace tiller

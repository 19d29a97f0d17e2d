#include "many/attempts.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/util.h"
#include "study/units.h"
#include "tiller/error.h"

namespace tiller::study {

Attempt::Attempt(std::filesystem::path folder)
    : folder_(std::move(folder)), worker_(read_worker(folder_)), events_(read_events(folder_)) {}

const BlockEvent* Attempt::last_event(const Block& block) const {
    const BlockEvent* last = nullptr;
    for (const auto& event : events_)
        if (event.model == block.model && event.task == block.task && event.seed == block.seed) last = &event;
    return last;
}

bool Attempt::has_done(const Block& block) const {
    const BlockEvent* last = last_event(block);
    return last && last->state == "done";
}

std::string Attempt::machine_class(const Block& block) const {
    const WorkerModel* model = worker_.model(block.model);
    return model ? model->machine_class : "";
}

void Attempt::read() const {
    if (is_read_) return;
    units_ = read_units(folder_, nullptr, &order_);
    is_read_ = true;
}

std::vector<Attempt> read_attempts(const std::filesystem::path& run) {
    std::vector<Attempt> attempts;
    for (const auto& folder : attempt_folders(run)) attempts.emplace_back(folder);
    std::stable_sort(attempts.begin(), attempts.end(), [](const Attempt& a, const Attempt& b) {
        return a.worker().generation < b.worker().generation;
    });
    return attempts;
}

std::string unit_prefix(const Block& block) {
    return fmt::format("{}/{}/s{}/", block.model, block.task, block.seed);
}

void require_plan(const std::vector<Attempt>& attempts, const std::string& plan,
                  const std::filesystem::path& run) {
    for (const auto& attempt : attempts) {
        const auto path = attempt.folder() / "plan.toml";
        if (read_file(path, 1 << 20) != plan)
            throw Error(Code::bad_input,
                        fmt::format("{} holds workers of another plan: {} differs; choose another folder, or "
                                    "remove the worker's",
                                    run.string(), path.string()),
                        Topic::run_folder);
    }
}

}  // namespace tiller::study

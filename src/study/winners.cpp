#include "study/winners.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "study/contestants.h"
#include "study/draws.h"
#include "study/phrases.h"
#include "study/protocol.h"
#include "study/run_files.h"
#include "study/summarise.h"
#include "study/tune.h"
#include "study/units.h"
#include "tasks/split_shares.h"
#include "tiller/error.h"

namespace tiller::study {
namespace {

constexpr const char* folder_name = "winners";

std::string stem_of(const std::string& model) { return std::filesystem::path(model).stem().string(); }

// The model's part of file names; empty when the plan has one model. Files of one model in several
// quantisations often have the same name in different folders: then the model's place in the plan, from 1,
// follows the name.
std::string model_part(const Plan& plan, const std::string& model) {
    if (plan.models.size() < 2) return "";
    const std::string stem = stem_of(model);
    const auto same = std::count_if(plan.models.begin(), plan.models.end(),
                                    [&](const std::string& other) { return stem_of(other) == stem; });
    if (same == 1) return stem + "-";
    const auto place = std::find(plan.models.begin(), plan.models.end(), model) - plan.models.begin();
    return fmt::format("{}-{}-", stem, place + 1);
}

// Says which of the plan's seeds a winner is of. There is one winner, of the first seed: other seeds give
// other vectors, and their mean was never tested.
std::string seeds_text(const Plan& plan) {
    if (plan.seeds.size() < 2) return fmt::format("{}", plan.seeds.front());
    return fmt::format("{}, the first of {}", plan.seeds.front(), fmt::join(plan.seeds, ", "));
}

// The digest in the closing unit's name, of all that the task's records depend on.
std::string records_digest(const std::string& unit) { return unit.substr(unit.rfind('#') + 1); }

// Was the file made from the records of this closing unit? False when it is missing or cannot be read.
bool is_written(const std::filesystem::path& path, const std::string& unit) {
    try {
        const auto settings = load_vector(path).provenance.settings;
        const auto it = settings.find("winner.records");
        return it != settings.end() && it->second == records_digest(unit);
    } catch (const Error&) {
        return false;
    }
}

void mark(SteeringVector& vector, const TaskContext& c, const TaskSummary& task, std::size_t place,
          const Setting& used, const std::string& unit) {
    const WinnerSummary& winner = task.winners[place];
    const SettingSummary& setting = *task.find(winner.setting);
    auto& out = vector.provenance.settings;
    out["checked"] = c.journal.records<TaskClosing>(unit).at(0).checked ? "true" : "false";
    out["winner.setting"] = setting_label(used);
    out["winner.place"] = fmt::format("{} of {}", place + 1, task.winners.size());
    out["winner.counts"] = winner.shown ? "true" : "false";
    if (c.draw >= 0) out["winner.draw"] = fmt::format("{} of {}", c.draw + 1, c.plan.tuning.n_fold);
    if (!c.plan.tuning.split.empty()) out["winner.split"] = shares_text(c.plan.tuning.split);
    out["winner.seeds"] = seeds_text(c.plan);
    out["winner.n_valid"] = std::to_string(task.n_valid);
    out["winner.records"] = records_digest(unit);
    if (const Interval* score = setting.metric(task.primary))
        mark_score(vector, "winner", task.primary, *score, setting.n);
    for (const char* damage : {"collapsed", "broken"})
        if (const Interval* share = setting.metric(damage))
            out[fmt::format("winner.{}", damage)] = fmt::format("{}", share->mean);
    if (const auto* plain = task.find(zero_shot_id))
        out["winner.zero_shot"] = fmt::format("{}", score_of(*plain, task.primary));
}

}  // namespace

void mark_score(SteeringVector& vector, const std::string& prefix, const std::string& metric,
                const Interval& score, int n) {
    auto& out = vector.provenance.settings;
    out[prefix + ".metric"] = metric;
    out[prefix + ".score"] = fmt::format("{}", score.mean);
    out[prefix + ".low"] = fmt::format("{}", score.low);
    out[prefix + ".high"] = fmt::format("{}", score.high);
    out[prefix + ".n"] = std::to_string(n);
}

std::filesystem::path winner_file(const Plan& plan, const std::string& model, const std::string& task,
                                  const std::string& method) {
    return std::filesystem::path(folder_name) /
           fmt::format("{}{}-{}.gguf", model_part(plan, model), task, method);
}

std::vector<WinnerSummary> winners_of(const Plan& plan, const TaskSummary& task) {
    std::vector<WinnerSummary> winners;
    if (!protocol_of(plan).traits.leaves_winners || task.seed != plan.seeds.front()) return winners;
    for (const auto* setting : by_score(task, of_kind(task, Kind::chosen))) {
        winners.push_back({setting->method, setting->id,
                           winner_file(plan, task.model, task.name, setting->method).generic_string(),
                           works(*setting), plan.chat, plan.chat_template});
    }
    std::stable_partition(winners.begin(), winners.end(),
                          [](const WinnerSummary& winner) { return winner.shown; });
    return winners;
}

void write_winners(TaskContext& c) {
    if (!protocol_of(c.plan).traits.leaves_winners || c.seed != c.plan.seeds.front()) return;
    const std::string unit = unit_name(c, closing_unit);
    const auto path_of = [&](const std::string& method) {
        return c.folder / winner_file(c.plan, c.model_name, c.task.name, method);
    };
    std::vector<std::string> missing;
    for (const auto& method : c.plan.methods)
        if (!is_written(path_of(method), unit)) missing.push_back(method);
    if (missing.empty()) return;
    const TaskRecords records = records_of(c.journal.units(), c.journal.lines(unit).at(0));
    const TaskSummary task = summarise_task(c.plan, records);
    // With draws, the first one's vector, at the setting that its items were tested under.
    const auto& by_draw = records.closing.task.chosen_by_draw;
    if (!by_draw.empty()) use_draw(c, draws_of(c), 0);
    for (std::size_t place = 0; place < task.winners.size(); ++place) {
        const std::string& name = task.winners[place].method;
        if (std::find(missing.begin(), missing.end(), name) == missing.end()) continue;
        const Setting setting =
            by_draw.empty() ? task.find(task.winners[place].setting)->setting : by_draw.front().at(name);
        SteeringVector vector = vector_at(c, contestant(c.plan, name), setting);
        mark(vector, c, task, place, setting, unit);
        const auto path = path_of(name);
        make_folder(path.parent_path());
        save_vector(vector, path);
    }
}

}  // namespace tiller::study

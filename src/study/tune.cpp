#include "study/tune.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>

#include "core/names.h"
#include "study/tuning.h"

namespace tiller::study {
namespace {

using nlohmann::json;

int budget_of(const TaskContext& c) {
    const TuningPlan& t = c.plan.tuning;
    return c.behavioural() ? t.n_setting_behavioural : t.n_setting;
}

// A method's vectors by number of pairs: one, unless its settings ask for several.
class Vectors {
public:
    Vectors(TaskContext& c, const Method& method, const std::vector<Axis>& axes)
        : method_(method), model_(c.engine.model()), own_(c.extraction().n_pairs) {
        std::set<int> sizes;
        for (const auto& axis : axes)
            for (const auto& choice : axis)
                if (choice.count("pairs")) sizes.insert(static_cast<int>(choice.at("pairs")));
        if (sizes.empty()) {
            files[method.name()] = vector_file(c, method).string();
            add(own_, extracted_vector(c, method));
            return;
        }
        sizes.insert(own_);  // together, so that the texts are run once
        for (const int n : sizes)
            files[n == own_ ? method.name() : fmt::format("{}, {} pairs", method.name(), n)] =
                vector_file(c, method, n).string();
        for (auto& [n, vector] : extracted_vectors(c, method, std::vector<int>(sizes.begin(), sizes.end())))
            add(n, std::move(vector));
    }

    const SteeringVector& base() const { return bases_.at(own_); }
    SteeringVector build(const Setting& setting) const {
        const auto pairs = setting.find("pairs");
        return builders_.at(pairs == setting.end() ? own_ : static_cast<int>(pairs->second))(setting);
    }
    std::map<std::string, std::string> files;

private:
    void add(int n, SteeringVector vector) {
        const auto& kept = bases_.emplace(n, std::move(vector)).first->second;
        builders_.emplace(n, method_.builder(model_, kept));
    }
    const Method& method_;
    const Model& model_;
    int own_;
    std::map<int, SteeringVector> bases_;
    std::map<int, std::function<SteeringVector(const Setting&)>> builders_;
};

// Records of grid[begin, end) on some items are added. A unit of texts has as many settings as fill the
// engine's rows, so that little is lost when killed. `name` is that of the units.
void try_settings(TaskContext& c, const std::string& name, const std::vector<Candidate>& grid,
                  std::size_t begin, const std::string& phase, std::vector<std::string>& units,
                  std::vector<json>& records) {
    const bool valid = phase == "valid";
    const auto& items = valid ? c.valid : c.test;
    const auto n_row = static_cast<std::size_t>(c.engine.options().max_rows);
    const std::size_t part = c.behavioural() ? std::max<std::size_t>(1, n_row / items.size()) : grid.size();
    for (; begin < grid.size(); begin += part) {
        const auto some = std::span(grid).subspan(begin, std::min(part, grid.size() - begin));
        const auto& made =
            unit(c, fmt::format("{}/{}/{}+{}", phase, name, begin, some.size()), grid.front().method,
                 valid ? "tune" : phase, units, [&] {
                     return evaluate(c, items, some, phase,
                                     fmt::format("{}: {}", name, valid ? "validation" : "oracle"),
                                     c.behavioural());
                 });
        records.insert(records.end(), made.begin(), made.end());
    }
}

// Neighbours of the best settings so far that were not tried yet, n at most.
std::vector<Setting> near_the_best(const TaskContext& c, std::vector<Candidate> grid,
                                   const std::vector<json>& records, const std::vector<Axis>& axes,
                                   std::size_t n) {
    std::set<Setting> known;
    for (const auto& k : grid) known.insert(k.setting);
    std::vector<Setting> out;
    while (out.size() < n && !grid.empty()) {
        const std::size_t best = choose(grid, records, c.behavioural(), c.plan.collapse_limit);
        for (auto& setting : neighbours_of(grid[best].setting, axes))
            if (out.size() < n && known.insert(setting).second) out.push_back(std::move(setting));
        grid.erase(grid.begin() + static_cast<std::ptrdiff_t>(best));
    }
    return out;
}

}  // namespace

std::string setting_text(const Setting& setting) {
    std::string text;
    for (const auto& [key, value] : setting) text += fmt::format(" {}={}", key, value);
    return text;
}

std::string setting_label(const Setting& setting) {
    std::string text;
    for (const auto& [key, value] : setting)
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", key, value);
    return text;
}

std::vector<json> tune(TaskContext& c, const std::string& name, const std::vector<Candidate>& grid,
                       std::vector<std::string>& units) {
    std::vector<json> records;
    try_settings(c, name, grid, 0, "valid", units, records);
    return records;
}

TunedMethod tune_method(TaskContext& c, const Method& method, std::vector<std::string>& valid_units) {
    const std::string name = method.name();
    const ModelInfo& info = c.engine.info();
    const Setting paper = method.paper_setting(info);
    const auto budget = static_cast<std::size_t>(budget_of(c));
    const auto axes = budget > 0 ? method.axes(info, c.extraction().n_pairs) : std::vector<Axis>{};
    const Vectors vectors(c, method, axes);
    const auto candidate = [&](const Setting& setting, const std::string& id, const std::string& label,
                               const std::string& kind) {
        return Candidate{
            id, label, name, kind, setting, edits_of(vectors.build(setting), method.strength(setting)), 0};
    };
    TunedMethod out;
    std::vector<json> records;
    const auto try_more = [&](const std::vector<Setting>& settings) {
        const std::size_t begin = out.grid.size();
        for (const auto& setting : settings)
            out.grid.push_back(
                candidate(setting, name + setting_text(setting), setting_label(setting), "grid"));
        try_settings(c, name, out.grid, begin, "valid", valid_units, records);
    };
    if (budget == 0) {
        try_more(method.grid(info, c.behavioural()));
    } else {
        // Half of the budget looks everywhere, two quarters around what was best until then.
        try_more(sample_settings(paper, axes, static_cast<int>((budget + 1) / 2), c.seed, "tune/" + name));
        for (const std::size_t until : {(3 * budget + 3) / 4, budget})
            if (out.grid.size() < until)
                try_more(near_the_best(c, out.grid, records, axes, until - out.grid.size()));
        if (c.plan.tuning.oracle) {
            std::vector<json> ignored;
            try_settings(c, name, out.grid, 0, "oracle", out.oracle_units, ignored);
        }
    }
    const Setting best =
        out.grid.empty()
            ? paper
            : out.grid[choose(out.grid, records, c.behavioural(), c.plan.collapse_limit)].setting;
    out.paper =
        candidate(paper, name + "-paper",
                  fmt::format("{}, paper's setting ({})", method_title(name), setting_label(paper)), "paper");
    out.chosen = candidate(best, name + "-chosen",
                           fmt::format("{}, chosen ({})", method_title(name), setting_label(best)), "chosen");
    out.chosen_vector = vectors.build(best);
    out.base = vectors.base();
    out.files = vectors.files;
    return out;
}

}  // namespace tiller::study

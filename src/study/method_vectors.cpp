#include "study/method_vectors.h"

#include <fmt/format.h>

#include <algorithm>

#include "methods/setting_search.h"
#include "study/extraction.h"

namespace tiller::study {
namespace {

// One axis for each name in the grid's settings, with all its values by rising value.
std::vector<Axis> axes_of_grid(const std::vector<Setting>& grid) {
    std::map<std::string, std::set<double>> values;
    for (const auto& setting : grid)
        for (const auto& [name, value] : setting) values[name].insert(value);
    std::vector<Axis> axes;
    for (const auto& [name, of] : values)
        axes.push_back(axis_of(name, std::vector<double>(of.begin(), of.end())));
    return axes;
}

}  // namespace

std::vector<Setting> offered_settings(const TaskContext& c, const Method& method) {
    const ModelInfo& info = c.engine.info();
    std::vector<Setting> grid = method.grid(info, c.behavioural());
    const int budget = c.counts().n_setting;
    if (budget == 0) return grid;
    const Setting paper = method.paper_setting(info);
    const bool is_enough = std::ssize(grid) >= budget;
    const auto axes = is_enough ? axes_of_grid(grid) : method.axes(info, c.counts().extraction.n_pairs);
    return sample_settings(paper, axes, budget, 0, "offer/" + method.name());
}

std::set<int> sizes_in(const std::vector<Setting>& settings) {
    std::set<int> sizes;
    for (const auto& setting : settings)
        if (const auto pairs = setting.find("pairs"); pairs != setting.end())
            sizes.insert(static_cast<int>(pairs->second));
    return sizes;
}

std::set<int> sizes_in(const std::vector<Axis>& axes) {
    std::set<int> sizes;
    for (const auto& axis : axes) sizes.merge(sizes_in(axis));
    return sizes;
}

MethodVectors::MethodVectors(TaskContext& c, const Method& method, std::set<int> sizes)
    : method_(&method), model_(&c.engine.model()), own_(c.counts().extraction.n_pairs) {
    if (sizes.empty()) {
        files_[method.name()] = vector_file(c, method).string();
        add(own_, extracted_vector(c, method));
        return;
    }
    sizes.insert(own_);  // extracted together, so that the texts are run once
    for (const int n : sizes)
        files_[n == own_ ? method.name() : fmt::format("{}, {} pairs", method.name(), n)] =
            vector_file(c, method, n).string();
    for (auto& [n, vector] : extracted_vectors(c, method, std::vector<int>(sizes.begin(), sizes.end())))
        add(n, std::move(vector));
}

SteeringVector MethodVectors::build(const Setting& setting) const {
    const auto pairs = setting.find("pairs");
    return builders_.at(pairs == setting.end() ? own_ : static_cast<int>(pairs->second))(setting);
}

Candidate MethodVectors::candidate(const Setting& setting, const std::string& id, const std::string& label,
                                   Kind kind) const {
    return {id, label, method_->name(), kind, setting, edits_of(build(setting), method_->strength(setting))};
}

Candidate MethodVectors::grid_point(const Setting& setting) const {
    return candidate(setting, method_->name() + setting_text(setting), setting_label(setting), Kind::grid);
}

void MethodVectors::add(int n, SteeringVector vector) {
    const auto& kept = bases_.emplace(n, std::move(vector)).first->second;
    builders_.emplace(n, method_->builder(*model_, kept));
}

}  // namespace tiller::study

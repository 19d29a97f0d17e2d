// A method's vectors on one task under one draw, and the settings to choose from when all draws try the same.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "study/task_context.h"

namespace tiller::study {

/// The settings that all draws try. Without a budget in the plan (FamilyPlan::n_setting is 0): the method's
/// own grid. Else at most that many: the paper's, and a Latin hypercube sample of the grid, or of
/// Method::axes() where the grid has fewer settings. They do not depend on the plan's seed.
std::vector<Setting> offered_settings(const TaskContext& context, const Method& method);

/// The different numbers of pairs ("pairs") in settings or axes; empty when none names any.
std::set<int> sizes_in(const std::vector<Setting>& settings);
std::set<int> sizes_in(const std::vector<Axis>& axes);

/// A method's extracted vectors, one for the plan's number of pairs and one for each of `sizes`, from the run
/// folder or extracted (extraction.h). `method` and the context's engine must outlive the object.
class MethodVectors {
public:
    MethodVectors(TaskContext& context, const Method& method, std::set<int> sizes);

    /// The vector that was extracted with the plan's counts.
    const SteeringVector& base() const { return bases_.at(own_); }
    /// The vector of a setting, made from the extraction with its number of pairs. Throws std::out_of_range
    /// for a number of pairs that was not asked for.
    SteeringVector build(const Setting& setting) const;
    /// The vector of a setting at the setting's strength, on the task's zero-shot prompts.
    Candidate candidate(const Setting& setting, const std::string& id, const std::string& label,
                        Kind kind) const;
    /// The same as a point of the grid, named by its setting: id "fv heads=8 layer=6".
    Candidate grid_point(const Setting& setting) const;
    /// Name for reports -> file, relative to the run folder.
    const std::map<std::string, std::string>& files() const { return files_; }

private:
    void add(int n, SteeringVector vector);

    const Method* method_;
    const Model* model_;
    int own_;
    std::map<std::string, std::string> files_;
    std::map<int, SteeringVector> bases_;
    std::map<int, std::function<SteeringVector(const Setting&)>> builders_;
};

}  // namespace tiller::study

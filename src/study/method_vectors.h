// A method's vectors of one task under one draw, and what is offered to be chosen from.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "study/task_context.h"

namespace tiller::study {

/// The settings that a method may choose from where all draws try the same: its own grid without a budget in
/// the plan; else the paper's setting and a Latin hypercube sample of the grid, or of all that the method can
/// vary where the grid holds fewer. The same in every run: no seed is in it.
std::vector<Setting> offered_settings(const TaskContext& context, const Method& method);

/// The numbers of pairs that settings or axes ask for.
std::set<int> sizes_in(const std::vector<Setting>& settings);
std::set<int> sizes_in(const std::vector<Axis>& axes);

/// A method's vectors by number of pairs: one, unless `sizes` asks for several. From the run folder, or
/// extracted. The context must outlive it.
class MethodVectors {
public:
    MethodVectors(TaskContext& context, const Method& method, std::set<int> sizes);

    /// Extracted with the plan's own counts.
    const SteeringVector& base() const { return bases_.at(own_); }
    SteeringVector build(const Setting& setting) const;
    Candidate candidate(const Setting& setting, const std::string& id, const std::string& label,
                        Kind kind) const;
    /// A point of the grid.
    Candidate grid_point(const Setting& setting) const;
    /// Name for the report -> file in the run folder.
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

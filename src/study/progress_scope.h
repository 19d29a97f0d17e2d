// A progress callback of an engine that is removed at the end of a scope.
#pragma once

#include <utility>

#include "tiller/engine.h"
#include "tiller/method.h"

namespace tiller::study {

/// Sets the engine's progress callback and clears it in the destructor, so that the engine never calls `show`
/// after what it refers to is gone, also when a call throws. A callback that was set before is lost. The
/// engine must outlive the object.
class ProgressScope {
public:
    ProgressScope(Engine& engine, Progress show) : engine_(engine) { engine_.on_progress(std::move(show)); }
    ~ProgressScope() { engine_.on_progress({}); }
    ProgressScope(const ProgressScope&) = delete;
    ProgressScope& operator=(const ProgressScope&) = delete;

private:
    Engine& engine_;
};

}  // namespace tiller::study

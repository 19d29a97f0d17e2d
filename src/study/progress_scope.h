// Progress of an engine's calls, as long as the one who shows it is there.
#pragma once

#include <utility>

#include "tiller/engine.h"
#include "tiller/method.h"

namespace tiller::study {

/// Hands `show` to the engine and takes it back at the end, also when a call throws: what it refers to ends
/// there.
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

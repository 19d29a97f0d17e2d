// A loaded model and the engine that runs it: what the Python class Model holds.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "tiller/engine.h"
#include "tiller/stepper.h"
#include "work.h"

namespace tiller::python {

/// Shared by the Model and by all that needs it to live (streams). One job at a time: calls of other Python
/// threads wait.
class Session {
public:
    Session(std::shared_ptr<const Model> model, const EngineOptions& options);

    const std::shared_ptr<const Model>& model() const { return model_; }
    const EngineOptions& options() const { return options_; }
    bool checked = false;  ///< The hooks passed their check. For the thread that holds the engine.

    /// Runs `job` on the engine as Work::run() does. The engine is made with the first job. Throws usage in a
    /// forked process, which has none of the engine's threads.
    void run(Work& work, const std::function<void(Engine&)>& job);
    /// Rows through Engine::run().
    std::vector<RowResult> run_rows(const std::vector<Row>& rows, nb::object listener,
                                    const std::string& what);
    /// Frees a stepper of this engine now, or with the next job where the engine is busy. Does not wait.
    void retire(std::unique_ptr<Stepper> stepper);

private:
    std::shared_ptr<const Model> model_;
    EngineOptions options_;
    int process_;  // whose threads the engine has
    std::timed_mutex mutex_;
    std::unique_ptr<Engine> engine_;
    std::mutex retired_mutex_;
    std::vector<std::unique_ptr<Stepper>> retired_;  // after the engine, which outlives them
};

}  // namespace tiller::python

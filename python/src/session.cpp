#include "session.h"

#include <unistd.h>

#include <chrono>

#include "tiller/error.h"

namespace tiller::python {

Session::Session(std::shared_ptr<const Model> model, const EngineOptions& options)
    : model_(std::move(model)), options_(options), process_(::getpid()) {}

void Session::run(Work& work, const std::function<void(Engine&)>& job) {
    if (::getpid() != process_)
        throw Error(
            Code::usage,
            "the model was loaded before this process was forked, and its threads stayed behind; load it "
            "in this process, or start processes with the method \"spawn\"");
    work.run([&] {
        std::unique_lock lock(mutex_, std::defer_lock);
        while (!lock.try_lock_for(std::chrono::milliseconds(50)))
            if (*work.cancel())
                throw Error(Code::interrupted, "interrupted while another thread used the model");
        if (!engine_) engine_ = std::make_unique<Engine>(model_, options_);
        engine_->cancel_with(work.cancel());
        // Flag and callback belong to this call.
        struct Reset {
            Engine& engine;
            ~Reset() {
                engine.cancel_with(nullptr);
                engine.on_progress({});
            }
        } reset{*engine_};
        {
            const std::lock_guard retired(retired_mutex_);
            retired_.clear();
        }
        job(*engine_);
    });
}

void Session::retire(std::unique_ptr<Stepper> stepper) {
    if (const std::unique_lock lock(mutex_, std::try_to_lock); lock) {
        stepper.reset();
        return;
    }
    const std::lock_guard retired(retired_mutex_);
    retired_.push_back(std::move(stepper));
}

std::vector<RowResult> Session::run_rows(const std::vector<Row>& rows, nb::object listener,
                                         const std::string& what) {
    std::vector<RowResult> results;
    Work work(std::move(listener));
    run(work, [&](Engine& engine) {
        engine.on_progress([&](std::size_t done, std::size_t all) { work.progress(what, done, all); });
        results = engine.run(rows);
    });
    return results;
}

}  // namespace tiller::python

// A row whose tokens come one by one.
#include <atomic>
#include <deque>
#include <memory>

#include "bind.h"
#include "session.h"
#include "tiller/error.h"
#include "tiller/stepper.h"

namespace tiller::python {
namespace {

// Keeps the session, and so the engine under its stepper.
class Stream {
public:
    Stream(std::shared_ptr<Session> session, const Row& row) : session_(std::move(session)) {
        Work work;
        session_->run(work, [&](Engine& engine) {
            StepperOptions options;
            options.n_rows = 1;
            // Too long for the model: Stepper::add() names the row's parts.
            options.row_tokens = std::min(static_cast<int>(row.n_token()), engine.info().n_ctx_train);
            stepper_ = std::make_unique<Stepper>(engine, options);
            id_ = stepper_->add(row, [this](const TokenEvent& event) {
                events_.push_back(event);
                return true;
            });
        });
    }

    ~Stream() { retire(); }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    // The next event; nothing after the last.
    std::optional<TokenEvent> next() {
        const InUse use(in_use_);
        if (events_.empty() && stepper_ && !is_over_) {
            Work work;
            session_->run(work, [&](Engine&) {
                while (events_.empty() && !is_over_) is_over_ = !stepper_->step();
            });
        }
        if (events_.empty()) return std::nullopt;
        TokenEvent event = std::move(events_.front());
        events_.pop_front();
        if (event.finish != Finish::unfinished) retire();
        return event;
    }

    // Gives the caches back.
    void close() {
        const InUse use(in_use_);
        retire();
    }

private:
    // Two Python threads must not meet in here: the first has released the interpreter's lock.
    class InUse {
    public:
        explicit InUse(std::atomic<bool>& flag) : flag_(flag) {
            if (flag_.exchange(true))
                throw Error(Code::usage, "another thread is reading this stream; make a stream for each");
        }
        ~InUse() { flag_ = false; }
        InUse(const InUse&) = delete;
        InUse& operator=(const InUse&) = delete;

    private:
        std::atomic<bool>& flag_;
    };
    void retire() {
        if (stepper_) session_->retire(std::move(stepper_));
    }

    std::shared_ptr<Session> session_;
    std::atomic<bool> in_use_{false};
    std::unique_ptr<Stepper> stepper_;
    RowId id_ = 0;
    std::deque<TokenEvent> events_;
    bool is_over_ = false;
};

}  // namespace

void bind_stream(nb::module_& m) {
    nb::class_<TokenEvent>(m, "TokenEvent")
        .def_ro("token", &TokenEvent::token)
        .def_prop_ro("text", [](const TokenEvent& e) { return text_of(e.text); })
        .def_ro("logprob", &TokenEvent::logprob)
        .def_prop_ro("finish", [](const TokenEvent& e) { return finish_name(e.finish); });
    nb::class_<Stream>(m, "Stream")
        .def(nb::init<std::shared_ptr<Session>, const Row&>(), nb::arg("session"), nb::arg("row"))
        .def("next", &Stream::next)
        .def("close", &Stream::close);
}

}  // namespace tiller::python

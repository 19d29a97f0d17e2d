#include "tiller/stepper.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>

#include "engine/engine_impl.h"
#include "engine/scheduler.h"
#include "engine/validate.h"
#include "tiller/error.h"

namespace tiller {

using namespace engine;

namespace {

// A row with everything that belongs to it.
struct Member {
    Row row;
    RowResult result;
    RowState state;
    RowCallback on_token;
    std::shared_ptr<const std::atomic<bool>> cancelled;

    Member(const Model& model, Row&& r) : row(std::move(r)), state(model, row, result) {}
};

StepperOptions with_defaults(StepperOptions o, const ModelInfo& info) {
    const auto refuse = [](const char* what, int found, const std::string& expected) {
        throw Error(Code::usage, fmt::format("{}: {} given, expected {}", what, found, expected));
    };
    if (o.n_rows < 1 || o.n_rows > 256) refuse("rows at once", o.n_rows, "1 to 256");
    if (o.n_spare < 0 || o.n_rows + o.n_spare > 256)
        refuse("sequences that keep prompts", o.n_spare, fmt::format("0 to {}", 256 - o.n_rows));
    if (o.row_tokens == 0) o.row_tokens = std::min(2048, info.n_ctx_train);
    if (o.row_tokens < 1 || o.row_tokens > info.n_ctx_train)
        refuse("tokens of the longest row", o.row_tokens,
               fmt::format("1 to {}, the context of {}", info.n_ctx_train, info.name));
    if (o.prompt_chunk < kRowMultiple || o.prompt_chunk > kChunk || o.prompt_chunk % kRowMultiple != 0)
        refuse("tokens of a prompt's chunk", o.prompt_chunk,
               fmt::format("a multiple of {} up to {}", kRowMultiple, kChunk));
    if (o.prompt_outputs < 0 || o.prompt_outputs > kChunk)
        refuse("prompt tokens with log-probabilities at once", o.prompt_outputs,
               fmt::format("0 to {}", kChunk));
    return o;
}

SchedulerOptions scheduler_options(const StepperOptions& o) {
    SchedulerOptions options;
    options.n_rows = o.n_rows;
    options.chunk = o.prompt_chunk;
    return options;
}

ContextShape shape_of(const Engine::Impl& engine, const StepperOptions& o) {
    return {padded(std::min(o.n_rows + o.n_spare, 256)), engine.cells(o.row_tokens), false, o.prompt_outputs};
}

}  // namespace

struct Stepper::Impl {
    Engine::Impl& engine;
    StepperOptions options;
    std::unique_ptr<Context> context;
    Scheduler scheduler;
    std::map<RowId, std::unique_ptr<Member>> members;
    std::deque<TokenEvent> events;  ///< That callbacks have not seen.
    RowId last_id = 0;

    Impl(Engine& e, const StepperOptions& o)
        : engine(e.impl()),
          options(with_defaults(o, e.info())),
          context(engine.make_context(shape_of(engine, options))),
          scheduler(engine, *context, scheduler_options(options)) {}

    // Takes over what rows have to tell, in the order of their ids.
    void collect() {
        for (auto& [id, member] : members)
            for (TokenEvent& event : member->state.take_events()) {
                event.row = id;
                events.push_back(std::move(event));
            }
    }

    void cancel(RowId id) {
        const auto found = members.find(id);
        if (found == members.end() || found->second->state.finished()) return;
        RowState& state = found->second->state;
        state.cancel();
        scheduler.remove(state);
        state.finish();
        collect();
    }

    void tell() {
        while (!events.empty()) {
            const TokenEvent event = std::move(events.front());
            events.pop_front();
            const auto found = members.find(event.row);
            if (found == members.end() || !found->second->on_token) continue;
            // The callback may take its own row away, and itself with it.
            const RowCallback on_token = found->second->on_token;
            if (on_token(event)) continue;
            if (const auto still = members.find(event.row); still != members.end())
                still->second->on_token = {};
            cancel(event.row);
        }
    }

    // After an error: all rows that had begun are lost.
    void give_up() {
        engine.forget_waiting();
        for (RowState* row : scheduler.abandon()) {
            row->cancel();
            try {
                row->finish();
            } catch (const Error&) {
                // One of them misses captures; the error under way says more.
            }
        }
        collect();
    }
};

Stepper::Stepper(Engine& engine, const StepperOptions& options)
    : impl_(std::make_unique<Impl>(engine, options)) {}
Stepper::~Stepper() = default;

RowId Stepper::add(Row row, RowCallback on_token, std::shared_ptr<const std::atomic<bool>> cancelled) {
    Impl& m = *impl_;
    validate_rows({&row, 1}, *m.engine.model, m.engine.sites);
    const std::size_t length = row.n_token();
    if (length > static_cast<std::size_t>(m.options.row_tokens))
        throw Error(Code::bad_input,
                    fmt::format("the row needs {} tokens (prompt {}, continuation {}), rows of this stepper "
                                "have at most {}; use a shorter prompt, fewer new tokens or longer rows",
                                length, row.prompt.size(), length - row.prompt.size(), m.options.row_tokens));
    auto member = std::make_unique<Member>(*m.engine.model, std::move(row));
    if (on_token) member->state.keep_events();
    member->on_token = std::move(on_token);
    member->cancelled = std::move(cancelled);
    member->state.cancel_with(member->cancelled.get());
    m.scheduler.add(member->state);
    m.members.emplace(++m.last_id, std::move(member));
    return m.last_id;
}

bool Stepper::step() {
    Impl& m = *impl_;
    m.tell();
    bool more = false;
    try {
        more = m.scheduler.step();
    } catch (const Error& error) {
        // A decode that was interrupted did not happen.
        if (error.code() != Code::interrupted) m.give_up();
        throw;
    } catch (...) {
        m.give_up();
        throw;
    }
    m.collect();
    m.tell();
    return more;
}

void Stepper::cancel(RowId row) { impl_->cancel(row); }

std::optional<RowResult> Stepper::take(RowId row) {
    auto& members = impl_->members;
    const auto found = members.find(row);
    if (found == members.end() || !found->second->state.finished()) return std::nullopt;
    RowResult result = std::move(found->second->result);
    members.erase(found);
    return result;
}

std::size_t Stepper::n_queued() const noexcept { return impl_->scheduler.n_queued(); }
std::size_t Stepper::n_running() const noexcept { return impl_->scheduler.n_running(); }
const StepperStats& Stepper::stats() const noexcept { return impl_->scheduler.stats(); }
const StepperOptions& Stepper::options() const noexcept { return impl_->options; }

}  // namespace tiller

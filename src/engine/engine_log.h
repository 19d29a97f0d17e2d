// What the engine says while tiller calls it, for error messages. Included by src/engine only.
#pragma once

#include <string>

namespace tiller::engine {

/// Keeps the warnings and errors that the engine logs on this thread while the object lives (of nested ones,
/// the innermost), and keeps everything else it says there from being printed. Messages on a thread without
/// one go to the log callback that was registered before tiller's. Create and destroy on one thread, in order
/// (a local variable). Starts the engine, once per process, so that no call can come before that.
class EngineLog {
public:
    EngineLog();
    ~EngineLog();
    EngineLog(const EngineLog&) = delete;
    EngineLog& operator=(const EngineLog&) = delete;

    /// The first 2000 bytes or so of what was kept, one message a line, without the last line's end.
    std::string text() const;
    /// Does a message say that memory ran out, or was there none to keep a message? The engine returns the
    /// same for all failures.
    bool out_of_memory() const noexcept;
    /// A message of the engine on this thread. Must not throw: the engine is C.
    void keep(int level, const char* message) noexcept;

private:
    std::string lines_;
    bool lost_ = false;       // a message could not be kept
    bool no_memory_ = false;  // a message says that memory ran out
    EngineLog* outer_;
};

}  // namespace tiller::engine

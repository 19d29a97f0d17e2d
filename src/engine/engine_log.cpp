#include "engine/engine_log.h"

#include <dlfcn.h>
#include <ggml-backend.h>
#include <llama.h>

#include <filesystem>
#include <mutex>
#include <string_view>

namespace tiller::engine {
namespace {

thread_local EngineLog* current = nullptr;

// The callback before tiller's. Written once, before any message can reach on_message().
ggml_log_callback earlier = nullptr;
void* earlier_user = nullptr;

void on_message(ggml_log_level level, const char* text, void*) {
    if (current)
        current->keep(level, text);
    else if (earlier)
        earlier(level, text, earlier_user);
}

// In packages the engine's backends are libraries of their own, one for each kind of processor, in the folder
// of the engine's library; none is loaded yet then. The best one for this processor is taken. The engine's
// own search would look into the working directory as well.
void load_backends() {
    if (ggml_backend_reg_count() > 0) return;
    Dl_info info{};
    void* engine = ::dlsym(RTLD_DEFAULT, "ggml_backend_load_all_from_path");
    if (engine == nullptr || ::dladdr(engine, &info) == 0 || info.dli_fname == nullptr) return;
    const std::filesystem::path folder = std::filesystem::path(info.dli_fname).parent_path();
    ggml_backend_load_all_from_path(folder.c_str());
}

// What a message has between quotes is a name, often one that stands in a file: it says nothing about memory.
bool says_no_memory(std::string_view message) noexcept {
    const auto first = message.find('\''), last = message.rfind('\'');
    const auto before = message.substr(0, first);
    const auto after = last == std::string_view::npos ? std::string_view() : message.substr(last + 1);
    for (const std::string_view sign : {"Cannot allocate memory", "unable to allocate", "failed to allocate",
                                        "insufficient memory", "bad_alloc"})
        if (before.find(sign) != before.npos || after.find(sign) != after.npos) return true;
    return false;
}

void start_engine() {
    static std::once_flag once;
    std::call_once(once, [] {
        llama_log_get(&earlier, &earlier_user);
        llama_log_set(on_message, nullptr);
        load_backends();
        llama_backend_init();
    });
}

}  // namespace

EngineLog::EngineLog() : outer_(current) {
    current = this;
    start_engine();
}

EngineLog::~EngineLog() { current = outer_; }

void EngineLog::keep(int level, const char* message) noexcept {
    if (level != GGML_LOG_LEVEL_WARN && level != GGML_LOG_LEVEL_ERROR) return;
    no_memory_ = no_memory_ || says_no_memory(message);
    try {
        if (lines_.size() < 2000) lines_ += message;
    } catch (...) {
        lost_ = true;  // no memory for the message
    }
}

bool EngineLog::out_of_memory() const noexcept { return lost_ || no_memory_; }

std::string EngineLog::text() const {
    std::string text = lines_;
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
}

}  // namespace tiller::engine

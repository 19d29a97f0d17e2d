#include "engine/handles.h"

#include <mutex>

namespace tiller::engine {
namespace {

std::mutex log_mutex;
std::string log_lines;

void keep_problems(ggml_log_level level, const char* text, void*) {
    if (level != GGML_LOG_LEVEL_WARN && level != GGML_LOG_LEVEL_ERROR) return;
    std::lock_guard lock(log_mutex);
    if (log_lines.size() < 2000) log_lines += text;
}

}  // namespace

void start_engine() {
    static std::once_flag once;
    std::call_once(once, [] {
        llama_log_set(keep_problems, nullptr);
        llama_backend_init();
    });
}

std::string take_engine_log() {
    std::lock_guard lock(log_mutex);
    std::string lines;
    lines.swap(log_lines);
    while (!lines.empty() && lines.back() == '\n') lines.pop_back();
    return lines;
}

}  // namespace tiller::engine

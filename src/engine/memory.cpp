// What rows will take, said and refused before work starts.
#include <fmt/format.h>

#include "tiller/engine.h"
#include "tiller/error.h"

namespace tiller {

std::string memory_text(const MemoryNeed& need) {
    return fmt::format("needs about {} MB: model {}, caches {}, buffers {}; free {} MB",
                       (need.model + need.caches + need.buffers) >> 20, need.model >> 20, need.caches >> 20,
                       need.buffers >> 20, need.free >> 20);
}

void require_memory(const MemoryNeed& need) {
    if (need.caches + need.buffers > need.free)
        throw Error(Code::environment,
                    fmt::format("{} beside the model; use fewer rows, shorter prompts, a float16 cache or a "
                                "smaller model",
                                memory_text(need)),
                    Topic::memory);
}

}  // namespace tiller

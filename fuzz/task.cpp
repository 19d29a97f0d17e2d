// Task files: any bytes give a task that holds together, or an Error of the input.
#include "tiller/task.h"
#include "memory_file.h"
#include "tiller/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const tiller::fuzz::MemoryFile file(data, size);
    for (const char* end : {".json", ".jsonl", ".csv", ".tsv"}) {
        try {
            const tiller::Task task = tiller::load_task(file.path(end));
            if (task.items.empty()) std::abort();
            if (tiller::control_names_of({&task, 1}) != task.control_names) std::abort();
            for (const auto& item : task.items)
                if (item.input.find('\0') != std::string::npos || item.outputs.empty()) std::abort();
        } catch (const tiller::Error& error) {
            if (tiller::exit_code(error.code()) != 3) std::abort();
        }
    }
    return 0;
}

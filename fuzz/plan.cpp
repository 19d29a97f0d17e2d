// Plans: what is read is written and read again as the same plan, or the error is the input's.
#include <cstdlib>
#include <string>

#include "memory_file.h"
#include "tiller/error.h"
#include "tiller/study.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const tiller::fuzz::MemoryFile file(data, size);
    tiller::Plan plan;
    try {
        plan = tiller::load_plan(file.path());
    } catch (const tiller::Error& error) {
        if (tiller::exit_code(error.code()) > 3) std::abort();
        return 0;
    }
    tiller::check_plan(plan);  // what was read is a plan
    const std::string text = tiller::plan_toml(plan);
    const tiller::fuzz::MemoryFile again(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
    if (tiller::plan_toml(tiller::load_plan(again.path())) != text) std::abort();
    return 0;
}

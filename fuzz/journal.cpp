// The records of a run: whole units with their digests, or bad_input.
#include <cstdint>
#include <cstdlib>
#include <fstream>

#include "memory_file.h"
#include "study/journal.h"
#include "tiller/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto& folder = tiller::fuzz::scratch_folder();
    std::ofstream(folder / "records.jsonl", std::ios::binary)
        .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
    try {
        long long whole = 0;
        const auto units = tiller::study::read_units(folder, &whole);
        if (whole < 0 || whole > static_cast<long long>(size) || (units.empty() && whole > 0)) std::abort();
    } catch (const tiller::Error& error) {
        if (error.code() != tiller::Code::bad_input) std::abort();
    }
    return 0;
}

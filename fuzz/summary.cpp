// Summaries: what is read is written and read again as the same text, or the error is the input's.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "tiller/error.h"
#include "tiller/summary.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    tiller::Summary summary;
    try {
        summary = tiller::summary_from_json(std::string(reinterpret_cast<const char*>(data), size));
    } catch (const tiller::Error& error) {
        if (error.code() != tiller::Code::bad_input) std::abort();
        return 0;
    }
    const std::string text = tiller::to_json(summary);
    if (tiller::to_json(tiller::summary_from_json(text)) != text) std::abort();
    return 0;
}

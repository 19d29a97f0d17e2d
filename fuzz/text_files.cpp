// Files of pairs, trials and prompts as commands take them: data, or bad_input.
#include <cstdlib>
#include <string_view>

#include "cli/json_input.h"
#include "memory_file.h"
#include "tiller/error.h"

namespace {

template <class Read>
void expect_data_or_bad_input(const Read& read) {
    try {
        read();
    } catch (const tiller::Error& error) {
        if (error.code() != tiller::Code::bad_input) std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const tiller::fuzz::MemoryFile file(data, size);
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    for (const char* end : {".json", ".jsonl", ".csv", ".tsv"})
        expect_data_or_bad_input([&] {
            for (const auto& pair : tiller::cli::read_pairs(file.path(end)).pairs)
                if (pair.negative.empty() || pair.positive.find('\0') != std::string::npos) std::abort();
        });
    expect_data_or_bad_input([&] { tiller::cli::read_trials(file.path()); });
    for (const bool json : {false, true})
        expect_data_or_bad_input([&] { tiller::cli::parse_prompt_lines(bytes, "fuzz", json); });
    return 0;
}

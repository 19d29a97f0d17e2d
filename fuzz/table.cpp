// Tables of comma- or tab-separated values: rows as long as the head, valid text, or bad_input.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/util.h"
#include "tasks/table_file.h"
#include "tiller/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    for (const char separator : {',', '\t'}) {
        try {
            const tiller::Table table = tiller::read_table(bytes, separator, "fuzz");
            for (const auto& row : table.rows) {
                if (row.cells.size() != table.head.cells.size()) std::abort();
                for (const auto& cell : row.cells)
                    if (!tiller::is_valid_utf8(cell)) std::abort();
            }
            if (table.column("input") >= table.head.cells.size()) std::abort();
        } catch (const tiller::Error& error) {
            if (error.code() != tiller::Code::bad_input) std::abort();
        }
    }
    return 0;
}

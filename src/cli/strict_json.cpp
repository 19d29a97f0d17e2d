#include "cli/strict_json.h"

#include <fmt/format.h>

#include "core/strict_json.h"
#include "tiller/error.h"

namespace tiller::cli {

using nlohmann::json;

json parse_strict(const std::filesystem::path& path, std::string_view bytes) {
    // No file of ours nests deeper than four levels; deep nesting would only cost stack.
    return parse_strict_json(bytes, 8, [&](JsonFault fault, const std::string& detail) {
        const std::string what =
            fault == JsonFault::malformed ? "not JSON: " + detail
            : fault == JsonFault::too_deep
                ? "nested deeper than 8 levels"
                : fmt::format("the key {} stands twice in one object", json(detail).dump());
        throw Error(Code::bad_input, fmt::format("{}: {}", path.string(), what));
    });
}

}  // namespace tiller::cli

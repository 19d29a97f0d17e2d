#include "cli/strict_json.h"

#include <fmt/format.h>

#include <set>
#include <string>
#include <vector>

#include "tiller/error.h"

namespace tiller::cli {

using nlohmann::json;

json parse_strict(const std::filesystem::path& path, std::string_view bytes) {
    std::vector<std::set<std::string>> names;  // of the objects around
    try {
        // No file of ours nests deeper than four levels; deep nesting would only cost stack.
        return json::parse(bytes, [&](int depth, json::parse_event_t event, json& part) {
            if (depth > 8) throw Error(Code::bad_input, "nested deeper than 8 levels");
            if (event == json::parse_event_t::object_start) names.emplace_back();
            if (event == json::parse_event_t::object_end) names.pop_back();
            if (event == json::parse_event_t::key && !names.back().insert(part.get<std::string>()).second)
                throw Error(Code::bad_input,
                            fmt::format("the key {} stands twice in one object", part.dump()));
            return true;
        });
    } catch (const json::exception& e) {
        throw Error(Code::bad_input, fmt::format("{}: not JSON: {}", path.string(), e.what()));
    } catch (const Error& e) {
        throw Error(Code::bad_input, fmt::format("{}: {}", path.string(), e.what()));
    }
}

}  // namespace tiller::cli

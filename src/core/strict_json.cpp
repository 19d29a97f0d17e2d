#include "core/strict_json.h"

#include <set>
#include <vector>

namespace tiller {

std::string json_error_text(const std::exception& error) {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: ..."
    std::string text = error.what();
    if (const auto prefix = text.find("] ");
        text.starts_with("[json.exception.") && prefix != std::string::npos)
        text.erase(0, prefix + 2);
    return text;
}

nlohmann::json parse_strict_json(std::string_view bytes, int max_depth, const OnJsonFault& fault) {
    using Json = nlohmann::json;
    using Event = Json::parse_event_t;
    std::vector<std::set<std::string>> names;  // of each object that is open, outermost first
    try {
        return Json::parse(bytes, [&](int depth, Event event, Json& part) {
            if (depth > max_depth) fault(JsonFault::too_deep, "");
            if (event == Event::object_start) names.emplace_back();
            if (event == Event::object_end) names.pop_back();
            if (event == Event::key)
                if (auto name = part.get<std::string>(); !names.back().insert(name).second)
                    fault(JsonFault::key_twice, name);
            return true;
        });
    } catch (const Json::exception& e) {
        fault(JsonFault::malformed, json_error_text(e));
        throw;
    }
}

}  // namespace tiller

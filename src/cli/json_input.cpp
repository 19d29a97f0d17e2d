#include "cli/json_input.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "core/util.h"
#include "tiller/error.h"

namespace tiller::cli {
namespace {

using nlohmann::json;
constexpr std::uint64_t kLimit = std::uint64_t{256} << 20;

[[noreturn]] void bad(const std::filesystem::path& path, const std::string& what) {
    throw Error(Code::bad_input, fmt::format("{}: {}", path.string(), what));
}

json parse(const std::filesystem::path& path) {
    const std::string bytes = read_file(path, kLimit);
    std::vector<std::set<std::string>> names;  // of the objects around
    try {
        // Nothing here nests deeper than three levels; deep nesting would only cost stack. A tree keeps the
        // last of two equal names silently.
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
        bad(path, fmt::format("not JSON: {}", e.what()));
    } catch (const Error& e) {
        bad(path, e.what());
    }
}

std::string text_of(const std::filesystem::path& path, const json& value, const std::string& where) {
    if (!value.is_string()) bad(path, fmt::format("{} is {}, expected a string", where, value.type_name()));
    auto text = value.get<std::string>();
    if (text.empty()) bad(path, fmt::format("{} is empty, expected a text", where));
    return text;
}

// The values of exactly these keys.
std::vector<std::string> fields(const std::filesystem::path& path, const json& object,
                                const std::string& where, std::initializer_list<const char*> keys) {
    if (!object.is_object())
        bad(path, fmt::format("{} is {}, expected an object", where, object.type_name()));
    std::vector<std::string> values;
    for (const char* key : keys) {
        if (!object.contains(key)) bad(path, fmt::format("{} has no \"{}\"", where, key));
        values.push_back(text_of(path, object[key], fmt::format("{}.{}", where, key)));
    }
    if (object.size() != keys.size())
        bad(path, fmt::format("{} has {} keys, expected {}", where, object.size(), keys.size()));
    return values;
}

const json& list_of(const std::filesystem::path& path, const json& root, const char* key) {
    if (!root.is_object() || !root.contains(key) || !root[key].is_array() || root[key].empty())
        bad(path, fmt::format("expected an object whose \"{}\" is a list with at least one entry", key));
    return root[key];
}

}  // namespace

FvTrials read_trials(const std::filesystem::path& path) {
    const json root = parse(path);
    FvTrials trials;
    std::size_t i = 0;
    for (const auto& prompt : list_of(path, root, "mean"))
        trials.mean.push_back(text_of(path, prompt, fmt::format("mean[{}]", i++)));
    i = 0;
    for (const auto& patch : list_of(path, root, "patch")) {
        const auto values = fields(path, patch, fmt::format("patch[{}]", i++), {"prompt", "target"});
        trials.patch.push_back({values[0], values[1]});
    }
    if (root.size() != 2) bad(path, fmt::format("{} keys, expected \"mean\" and \"patch\"", root.size()));
    return trials;
}

std::vector<Pair> read_pairs(const std::filesystem::path& path) {
    const json root = parse(path);
    if (!root.is_array() || root.empty())
        bad(path, "expected a list with at least one {\"negative\", \"positive\"}");
    std::vector<Pair> pairs;
    for (std::size_t i = 0; i < root.size(); ++i) {
        const auto values = fields(path, root[i], fmt::format("pair {}", i), {"negative", "positive"});
        pairs.push_back({values[0], values[1]});
    }
    return pairs;
}

}  // namespace tiller::cli

#include "study/summary_json.h"

#include "core/strict_json.h"
#include "study/summary_fields.h"
#include "tiller/error.h"

namespace tiller {
namespace {

using Json = nlohmann::json;
using study::JsonPlace;
using study::JsonReader;
using study::JsonWriter;

constexpr const char* format_name = "tiller.summary/1";
constexpr int max_depth = 12;  // a summary has 7 levels

Json parse_strictly(const std::string& text) {
    return parse_strict_json(text, max_depth, [](JsonFault fault, const std::string& detail) {
        const JsonPlace root{nullptr, "summary", 0};
        if (fault == JsonFault::too_deep)
            JsonReader::wrong(root, "deeper nesting", fmt::format("at most {} levels", max_depth));
        if (fault == JsonFault::key_twice)
            JsonReader::wrong(JsonPlace{&root, detail, 0}, "it twice", "it once");
        throw Error(Code::bad_input,
                    fmt::format("summary: not a JSON text ({}): make the file again", valid_utf8(detail)));
    });
}

}  // namespace

Json summary_tree(const Summary& summary) {
    Json out = JsonWriter::value(summary);
    out["format"] = format_name;
    return out;
}

Json cost_tree(const std::vector<Cost>& costs) { return JsonWriter::value(costs); }

std::string to_json(const Summary& summary) { return summary_tree(summary).dump(1) + "\n"; }

namespace {

Summary read_summary(const std::string& text) {
    Json json = parse_strictly(text);
    const JsonPlace root{nullptr, "summary", 0};
    if (!json.is_object()) JsonReader::wrong_value(root, json, "an object");
    const JsonPlace format{&root, "format", 0};
    if (!json.contains("format")) JsonReader::wrong(format, "nothing", format_name);
    if (json["format"] != format_name)
        JsonReader::wrong(format, json["format"].dump().substr(0, 80), format_name);
    json.erase("format");
    if (json.contains("cost")) {  // a report's JSON adds the ledger; it is checked and dropped
        std::vector<Cost> costs;
        JsonReader::value(json["cost"], JsonPlace{&root, "cost", 0}, costs);
        json.erase("cost");
    }
    Summary summary;
    JsonReader::value(json, root, summary);
    return summary;
}

}  // namespace

Summary summary_from_json(const std::string& text) {
    try {
        return read_summary(text);
    } catch (const study::JsonMisfit& misfit) {
        throw Error(Code::bad_input,
                    fmt::format("{}: found {}, expected {}: make the file again with this version of tiller",
                                misfit.path, misfit.found, misfit.expected));
    }
}

}  // namespace tiller

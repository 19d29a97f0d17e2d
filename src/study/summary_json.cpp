#include "study/summary_json.h"

#include <fmt/format.h>

#include <cmath>
#include <concepts>
#include <limits>
#include <set>
#include <type_traits>
#include <utility>

#include "core/strict_json.h"
#include "core/util.h"
#include "tiller/error.h"

namespace tiller {
namespace {

using Json = nlohmann::json;

constexpr const char* format_name = "tiller.summary/1";
constexpr int max_depth = 12;  // A summary is 7 deep.

// --- The fields, once for both directions ------------------------------------------------------

template <class T, class U>
concept Is = std::same_as<std::remove_const_t<T>, U>;

template <class V, Is<Interval> T>
void fields(V& visit, T& x) {
    visit("mean", x.mean), visit("low", x.low), visit("high", x.high);
}
template <class V, Is<SettingSummary> T>
void fields(V& visit, T& x) {
    visit("id", x.id), visit("label", x.label), visit("method", x.method), visit("kind", x.kind);
    visit("setting", x.setting), visit("n", x.n), visit("metrics", x.metrics);
    visit("difference", x.difference), visit("n_better", x.n_better), visit("n_worse", x.n_worse);
}
template <class V, Is<PairSummary> T>
void fields(V& visit, T& x) {
    visit("a", x.a), visit("b", x.b), visit("difference", x.difference), visit("n_better", x.n_better);
    visit("n_worse", x.n_worse), visit("p", x.p), visit("p_holm", x.p_holm);
}
template <class V, Is<TableSummary> T>
void fields(V& visit, T& x) {
    visit("id", x.id), visit("title", x.title), visit("primary", x.primary);
    visit("settings", x.settings);
}
template <class V, Is<AnalysisRow> T>
void fields(V& visit, T& x) {
    visit("label", x.label), visit("values", x.values), visit("remark", x.remark);
}
template <class V, Is<AnalysisSummary> T>
void fields(V& visit, T& x) {
    visit("id", x.id), visit("title", x.title), visit("note", x.note), visit("head", x.head);
    visit("columns", x.columns), visit("rows", x.rows), visit("headline", x.headline);
}
template <class V, Is<ExampleSummary> T>
void fields(V& visit, T& x) {
    visit("item", x.item), visit("input", x.input), visit("target", x.target), visit("outputs", x.outputs);
}
template <class V, Is<WinnerSummary> T>
void fields(V& visit, T& x) {
    visit("method", x.method), visit("setting", x.setting), visit("file", x.file);
    visit("collapses", x.collapses);
}
template <class V, Is<HeadEffectSummary> T>
void fields(V& visit, T& x) {
    visit("layer", x.layer), visit("head", x.head), visit("aie", x.aie);
}
template <class V, Is<TaskSummary> T>
void fields(V& visit, T& x) {
    visit("model", x.model), visit("name", x.name), visit("family", x.family), visit("primary", x.primary);
    visit("seed", x.seed), visit("n_train", x.n_train), visit("n_valid", x.n_valid);
    visit("n_test", x.n_test), visit("scorer_accuracy", x.scorer_accuracy);
    visit("scorer_count", x.scorer_count), visit("test", x.test), visit("pairs", x.pairs);
    visit("tables", x.tables), visit("analyses", x.analyses), visit("grid", x.grid), visit("aie", x.aie);
    visit("top_heads", x.top_heads), visit("examples", x.examples), visit("verdict", x.verdict);
    visit("winners", x.winners);
}
template <class V, Is<ModelSummary> T>
void fields(V& visit, T& x) {
    visit("name", x.name), visit("path", x.path), visit("digest", x.digest);
    visit("architecture", x.architecture), visit("quantisation", x.quantisation);
    visit("n_param", x.n_param), visit("file_bytes", x.file_bytes), visit("n_layer", x.n_layer);
    visit("n_embd", x.n_embd), visit("n_head", x.n_head), visit("post_norm", x.post_norm);
}
template <class V, Is<ProvenanceSummary> T>
void fields(V& visit, T& x) {
    visit("program_version", x.program_version), visit("engine_version", x.engine_version);
    visit("plan_digest", x.plan_digest), visit("plan_toml", x.plan_toml), visit("command", x.command);
    visit("machine", x.machine), visit("task_digests", x.task_digests);
    visit("vector_files", x.vector_files);
}
template <class V, Is<Summary> T>
void fields(V& visit, T& x) {
    visit("title", x.title), visit("question", x.question), visit("findings", x.findings);
    visit("notes", x.notes), visit("models", x.models), visit("tasks", x.tasks);
    visit("analyses", x.analyses);
    visit("provenance", x.provenance);
}
template <class V, Is<Cost> T>
void fields(V& visit, T& x) {
    visit("model", x.model), visit("task", x.task), visit("method", x.method), visit("phase", x.phase);
    visit("n_decode", x.n_decode), visit("n_token", x.n_token), visit("seconds", x.seconds);
}

// --- Writing -----------------------------------------------------------------------------------

struct Writer {
    static Json value(const std::string& text) { return valid_utf8(text); }
    static Json value(double number) { return std::isfinite(number) ? Json(number) : Json(nullptr); }
    static Json value(int number) { return number; }
    static Json value(std::uint64_t number) { return number; }
    static Json value(bool flag) { return flag; }
    template <class T>
    static Json value(const std::vector<T>& list) {
        Json out = Json::array();
        for (const T& element : list) out.push_back(value(element));
        return out;
    }
    template <class T>
    static Json value(const std::map<std::string, T>& map) {
        Json out = Json::object();
        for (const auto& [name, element] : map) out[valid_utf8(name)] = value(element);
        return out;
    }
    template <class T>
    static Json value(const T& object) {
        Json out = Json::object();
        auto visit = [&out](const char* name, const auto& field) { out[name] = value(field); };
        fields(visit, object);
        return out;
    }
};

// --- Reading -----------------------------------------------------------------------------------

/// Where a value stands; the path is spelt out only for a message.
struct Place {
    const Place* up;
    std::string_view name;  // Empty for an element of a list.
    std::size_t index;

    std::string path() const {
        if (!up) return "summary";
        return up->path() + (name.empty() ? fmt::format("[{}]", index) : fmt::format(".{}", name));
    }
};

[[noreturn]] void wrong(const Place& at, const std::string& found, const std::string& expected) {
    throw Error(Code::bad_input, fmt::format("{}: found {}, expected {}: make the file again with this "
                                             "version of tiller",
                                             valid_utf8(at.path()), found, expected));
}

std::string described(const Json& json) {
    return json.is_number() ? "the number " + json.dump()
                            : fmt::format("a value of type {}", json.type_name());
}

struct Reader {
    static void value(const Json& json, const Place& at, std::string& out) {
        if (!json.is_string()) wrong(at, described(json), "a string");
        out = json.get<std::string>();
    }
    static void value(const Json& json, const Place& at, double& out) {
        if (!json.is_number() && !json.is_null()) wrong(at, described(json), "a number or null");
        out = json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
    }
    static void value(const Json& json, const Place& at, int& out) {
        constexpr int low = std::numeric_limits<int>::min(), high = std::numeric_limits<int>::max();
        const bool fits = json.is_number_unsigned()
                              ? json.get<std::uint64_t>() <= std::uint64_t{high}
                              : json.is_number_integer() && json.get<std::int64_t>() >= low &&
                                    json.get<std::int64_t>() <= high;
        if (!fits) wrong(at, described(json), fmt::format("a whole number from {} to {}", low, high));
        out = json.get<int>();
    }
    static void value(const Json& json, const Place& at, std::uint64_t& out) {
        if (!json.is_number_unsigned()) wrong(at, described(json), "a whole number from 0 to 2^64 - 1");
        out = json.get<std::uint64_t>();
    }
    static void value(const Json& json, const Place& at, bool& out) {
        if (!json.is_boolean()) wrong(at, described(json), "true or false");
        out = json.get<bool>();
    }
    template <class T>
    static void value(const Json& json, const Place& at, std::vector<T>& out) {
        if (!json.is_array()) wrong(at, described(json), "a list");
        out.resize(json.size());
        for (std::size_t i = 0; i < out.size(); ++i) value(json[i], Place{&at, {}, i}, out[i]);
    }
    template <class T>
    static void value(const Json& json, const Place& at, std::map<std::string, T>& out) {
        if (!json.is_object()) wrong(at, described(json), "an object");
        for (const auto& [name, element] : json.items()) value(element, Place{&at, name, 0}, out[name]);
    }
    template <class T>
    static void value(const Json& json, const Place& at, T& out) {
        if (!json.is_object()) wrong(at, described(json), "an object");
        std::size_t known = 0;
        auto visit = [&](const char* name, auto& field) {
            const Place inside{&at, name, 0};
            const auto found = json.find(name);
            if (found == json.end()) wrong(inside, "nothing", "this field");
            value(*found, inside, field);
            ++known;
        };
        fields(visit, out);
        if (known == json.size()) return;
        std::set<std::string> names;
        auto collect = [&names](const char* name, auto&) { names.insert(name); };
        fields(collect, out);
        for (const auto& [name, element] : json.items())
            if (!names.contains(name)) wrong(Place{&at, name, 0}, "an unknown field", "none of this name");
    }
};

Json parse_strictly(const std::string& text) {
    return parse_strict_json(text, max_depth, [](JsonFault fault, const std::string& detail) {
        const Place root{nullptr, {}, 0};
        if (fault == JsonFault::too_deep)
            wrong(root, "deeper nesting", fmt::format("at most {} levels", max_depth));
        if (fault == JsonFault::key_twice) wrong(Place{&root, detail, 0}, "it twice", "it once");
        throw Error(Code::bad_input,
                    fmt::format("summary: not a JSON text ({}): make the file again", valid_utf8(detail)));
    });
}

}  // namespace

Json summary_tree(const Summary& summary) {
    Json out = Writer::value(summary);
    out["format"] = format_name;
    return out;
}

Json cost_tree(const std::vector<Cost>& costs) { return Writer::value(costs); }

std::string to_json(const Summary& summary) { return summary_tree(summary).dump(1) + "\n"; }

Summary summary_from_json(const std::string& text) {
    Json json = parse_strictly(text);
    const Place root{nullptr, {}, 0};
    if (!json.is_object()) wrong(root, described(json), "an object");
    const Place format{&root, "format", 0};
    if (!json.contains("format")) wrong(format, "nothing", format_name);
    if (json["format"] != format_name) wrong(format, json["format"].dump().substr(0, 80), format_name);
    json.erase("format");
    if (json.contains("cost")) {  // A report carries the ledger too; it is no part of the summary.
        std::vector<Cost> costs;
        Reader::value(json["cost"], Place{&root, "cost", 0}, costs);
        json.erase("cost");
    }
    Summary summary;
    Reader::value(json, root, summary);
    return summary;
}

}  // namespace tiller

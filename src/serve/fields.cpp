#include "serve/fields.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <cstdlib>
#include <vector>

#include "core/near_names.h"
#include "core/strict_json.h"
#include "serve/problem.h"
#include "tasks/json_events.h"

namespace tiller::serve {
namespace {

constexpr int kDepth = 32;

}  // namespace

void invalid(const std::string& path, const std::string& what) {
    throw Problem(400, "invalid_value", path.empty() ? what : fmt::format("{}: {}", path, what), path);
}

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json parse_json(std::string_view bytes) {
    if (bytes.empty()) throw Problem(400, "invalid_json", "the body is empty, expected a JSON object");
    return parse_strict_json(bytes, kDepth, [](JsonFault fault, const std::string& detail) {
        throw Problem(400, "invalid_json",
                      fault == JsonFault::too_deep
                          ? fmt::format("the body is nested deeper than {} levels", kDepth)
                      : fault == JsonFault::key_twice
                          ? fmt::format("the key {} stands twice in one object", excerpt(detail))
                          : fmt::format("the body is no JSON: {}", detail));
    });
}

const char* kind_of(const Json& value) {
    switch (value.type()) {
        case Json::value_t::null: return "null";
        case Json::value_t::boolean: return "true or false";
        case Json::value_t::string: return "a text";
        case Json::value_t::array: return "a list";
        case Json::value_t::object: return "an object";
        case Json::value_t::number_integer:
        case Json::value_t::number_unsigned:
        case Json::value_t::number_float: return "a number";
        default: return "something else";
    }
}

std::string at_index(const std::string& path, std::size_t i) { return fmt::format("{}[{}]", path, i); }

void wrong_type(const std::string& path, const Json& found, const char* expected) {
    invalid(path, fmt::format("found {}, expected {}", kind_of(found), expected));
}

Fields::Fields(const Json& value, std::string path) : value_(&value), path_(std::move(path)) {
    if (!value.is_object()) wrong_type(path_.empty() ? "the body" : path_, value, "an object");
}

std::string Fields::path_of(std::string_view name) const {
    return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
}

const Json* Fields::find(const char* name) {
    known_.insert(name);
    const auto it = value_->find(name);
    return it == value_->end() || it->is_null() ? nullptr : &*it;
}

const Json& Fields::need(const char* name) {
    if (const Json* value = find(name)) return *value;
    throw Problem(400, "missing_field", fmt::format("{} is missing", path_of(name)), path_of(name));
}

std::string Fields::need_text(const char* name) {
    need(name);
    return *text(name);
}

std::optional<bool> Fields::boolean(const char* name) {
    const Json* value = find(name);
    if (!value) return std::nullopt;
    if (!value->is_boolean()) wrong_type(path_of(name), *value, "true or false");
    return value->get<bool>();
}

std::optional<double> Fields::number(const char* name, double low, double high) {
    const Json* value = find(name);
    if (!value) return std::nullopt;
    if (!value->is_number()) wrong_type(path_of(name), *value, "a number");
    const double number = value->get<double>();
    if (!(number >= low && number <= high))
        invalid(path_of(name), fmt::format("found {}, expected {} to {}", number, low, high));
    return number;
}

std::optional<std::int64_t> Fields::integer(const char* name, std::int64_t low, std::int64_t high) {
    const auto found = number(name, static_cast<double>(low), static_cast<double>(high));
    if (!found) return std::nullopt;
    if (*found != std::floor(*found))
        invalid(path_of(name), fmt::format("found {}, expected a whole number", *found));
    return static_cast<std::int64_t>(*found);
}

std::optional<std::string> Fields::text(const char* name) {
    const Json* value = find(name);
    if (!value) return std::nullopt;
    if (!value->is_string()) wrong_type(path_of(name), *value, "a text");
    return value->get<std::string>();
}

void Fields::ignore(std::initializer_list<const char*> names) { known_.insert(names.begin(), names.end()); }

void Fields::refuse(const char* name, const char* why, const Json& harmless) {
    const Json* value = find(name);
    if (!value || *value == harmless) return;
    throw Problem(400, "unsupported", fmt::format("{}: {}", path_of(name), why), path_of(name));
}

void Fields::done() const {
    for (const auto& [name, value] : value_->items()) {
        if (known_.contains(name)) continue;
        const std::vector<std::string> known(known_.begin(), known_.end());
        const auto near = near_names(name, known);
        const std::string shown = excerpt(name);
        throw Problem(
            400, "unknown_field",
            fmt::format("{} is not a field of this request{}; nothing is ignored in silence", shown,
                        near.empty() ? "" : fmt::format(", did you mean {}?", fmt::join(near, ", "))),
            path_of(name.size() <= 80 ? std::string_view(name) : std::string_view(shown)));
    }
}

}  // namespace tiller::serve

// Reads JSON of unknown origin: every field is named, typed and bounded, and none is left over.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace tiller::serve {

using Json = nlohmann::json;

/// Compact text; bytes that are no UTF-8 become U+FFFD.
std::string dump(const Json& json);

/// A request's body. Throws Problem: invalid_json (malformed, invalid UTF-8, nested deeper than 32, a key
/// twice in one object, empty).
Json parse_json(std::string_view bytes);

/// What a value is, for messages: "a number", "a text", ...
const char* kind_of(const Json& value);

/// The members of one object. A member that is null counts as absent. Every function throws Problem 400 that
/// names the member's path; done() refuses all members that were not read.
class Fields {
public:
    /// `path` is prefixed to the members' names ("steering.vectors[0]"; empty for the body). Throws when
    /// `value` is no object. `value` must outlive this.
    explicit Fields(const Json& value, std::string path = {});

    /// The member, or null where it is absent.
    const Json* find(const char* name);
    bool has(const char* name) { return find(name) != nullptr; }
    /// Throws missing_field where it is absent.
    const Json& need(const char* name);

    std::optional<bool> boolean(const char* name);
    /// Both bounds inclusive.
    std::optional<double> number(const char* name, double low, double high);
    /// Whole numbers, also when written as 1.0. Both bounds inclusive.
    std::optional<std::int64_t> integer(const char* name, std::int64_t low, std::int64_t high);
    std::optional<std::string> text(const char* name);
    /// need() and text() in one.
    std::string need_text(const char* name);

    /// Members that change nothing whatever they are.
    void ignore(std::initializer_list<const char*> names);
    /// Throws unsupported when a member is there and is not `harmless`.
    void refuse(const char* name, const char* why, const Json& harmless = nullptr);
    /// Throws unknown_field for the first member that was not named, naming similar ones.
    void done() const;

    std::string path_of(std::string_view name) const;

private:
    const Json* value_;
    std::string path_;
    std::set<std::string> known_;
};

/// "path[3]"
std::string at_index(const std::string& path, std::size_t i);
/// Throws the Problem "invalid_value": "path: what", or `what` alone where the path is empty.
[[noreturn]] void invalid(const std::string& path, const std::string& what);
[[noreturn]] void wrong_type(const std::string& path, const Json& found, const char* expected);

}  // namespace tiller::serve

// Writes structs as JSON objects and reads them. A function `fields(visit, x)` in the namespace of each
// struct names its fields once for both. Only the files of the journal and of summaries include this.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <concepts>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/util.h"

namespace tiller::study {

/// T is U or const U: `template <class V, Is<Interval> T> void fields(V& visit, T& x)` writes a const struct
/// and reads into another.
template <class T, class U>
concept Is = std::same_as<std::remove_const_t<T>, U>;

/// One member of every element of a list, which the file has as a list of its own: a list of {label, id} as
/// {"columns": [labels], "column_ids": [ids]}.
template <class List, class Member>
struct Each {
    List& list;
    Member member;
};
template <class List, class Member>
Each(List&, Member) -> Each<List, Member>;  // clang before version 17 needs this guide

/// A value that files have as a text. `get()` returns the text. `set(text)` sets the value and returns "", or
/// returns what was expected.
template <class Get, class Set>
struct AsText {
    Get get;
    Set set;
};

/// An enum as the text name(value). `all` lists the values that may be read.
template <class E, class Name>
auto named(E& value, Name name, const std::vector<std::remove_const_t<E>>& all) {
    const auto set = [&value, name, all](const std::string& text) -> std::string {
        std::string known;
        for (const auto candidate : all) {
            if constexpr (!std::is_const_v<E>)
                if (text == name(candidate)) return value = candidate, "";
            known += (known.empty() ? "one of " : ", ") + std::string(name(candidate));
        }
        return known;
    };
    const auto get = [&value, name] { return std::string(name(value)); };
    return AsText<decltype(get), decltype(set)>{get, set};
}

/// Makes JSON trees. Texts are made valid UTF-8; numbers that are not finite become null.
struct JsonWriter {
    using Json = nlohmann::json;

    static Json value(const std::string& text) { return valid_utf8(text); }
    static Json value(double number) { return std::isfinite(number) ? Json(number) : Json(nullptr); }
    static Json value(float number) { return value(static_cast<double>(number)); }
    static Json value(bool flag) { return flag; }
    template <std::integral T>
    static Json value(T number) {
        return number;
    }
    template <class T>
    static Json value(const std::vector<T>& list) {
        Json out = Json::array();
        for (const auto& element : list) out.push_back(value(element));
        return out;
    }
    template <class T>
    static Json value(const std::map<std::string, T>& map) {
        Json out = Json::object();
        for (const auto& [name, element] : map) out[valid_utf8(name)] = value(element);
        return out;
    }
    template <class List, class Member>
    static Json value(const Each<List, Member>& each) {
        Json out = Json::array();
        for (const auto& element : each.list) out.push_back(value(element.*each.member));
        return out;
    }
    template <class Get, class Set>
    static Json value(const AsText<Get, Set>& text) {
        return text.get();
    }
    template <class T>
    requires std::is_class_v<T>
    static Json value(const T& object) {
        JsonWriter visit;
        fields(visit, object);
        return std::move(visit.out);
    }

    template <class T>
    void operator()(const char* name, const T& field) {
        out[name] = value(field);
    }
    /// Written only when it has a value other than the default (none, empty, 0, false); a list of members
    /// when one of them has.
    template <class T>
    void optional(const char* name, const std::optional<T>& field) {
        if (field) out[name] = value(*field);
    }
    template <class T>
    void optional(const char* name, const T& field) {
        if (field != T{}) out[name] = value(field);
    }
    template <class Get, class Set>
    void optional(const char* name, const AsText<Get, Set>& text) {
        if (!text.get().empty()) out[name] = text.get();
    }
    template <class List, class Member>
    void optional(const char* name, const Each<List, Member>& each) {
        const auto says = [&](const auto& element) {
            return element.*each.member != decltype(element.*each.member){};
        };
        for (const auto& element : each.list)
            if (says(element)) return (*this)(name, each);
    }
    /// Always written, but older files may lack it.
    template <class T>
    void newer(const char* name, const T& field) {
        out[name] = value(field);
    }
    /// A field with a fixed text that names the kind of object. Readers do not check it.
    void constant(const char* name, const char* text) { out[name] = text; }
    /// A field that files may have and the struct lacks: never written, accepted when read.
    void skip(const char*) {}
    /// Elements of a map as fields of the object itself; as_json(name, element) gives their values.
    template <class T, class Value>
    void others(const std::map<std::string, T>& map, const Value& as_json) {
        for (const auto& [name, element] : map) out[valid_utf8(name)] = as_json(name, element);
    }

    /// A map as an object of its own, written as in others(); older files may lack it.
    template <class T, class Value>
    void mapped(const char* name, const std::map<std::string, T>& map, const Value& as_json) {
        JsonWriter inner;
        inner.others(map, as_json);
        out[name] = std::move(inner.out);
    }

    Json out = Json::object();
};

/// Where in a file a value is: a chain up to the root, from which a path is made only for error messages.
struct JsonPlace {
    const JsonPlace* up;
    std::string_view name;  // empty for an element of a list
    std::size_t index;
    bool strict = true;  // of a root: unknown fields anywhere below it are refused

    /// "summary.tasks[0].name"
    std::string path() const {
        if (!up) return std::string(name);
        return up->path() + (name.empty() ? fmt::format("[{}]", index) : fmt::format(".{}", name));
    }
};

/// What a JsonReader throws. Callers turn it into an Error that says what to do.
struct JsonMisfit {
    std::string path, found, expected;
};

/// Reads JSON trees into structs. value() sets `out` or throws JsonMisfit; null is read as NaN.
struct JsonReader {
    using Json = nlohmann::json;

    JsonReader(const Json& read, const JsonPlace& place) : json(read), at(place) {
        if (!json.is_object()) wrong_value(at, json, "an object");
    }

    [[noreturn]] static void wrong(const JsonPlace& at, const std::string& found,
                                   const std::string& expected) {
        throw JsonMisfit{valid_utf8(at.path()), found, expected};
    }
    [[noreturn]] static void wrong_value(const JsonPlace& at, const Json& found,
                                         const std::string& expected) {
        wrong(at,
              found.is_number() ? "the number " + found.dump()
                                : fmt::format("a value of type {}", found.type_name()),
              expected);
    }

    static void value(const Json& json, const JsonPlace& at, std::string& out) {
        if (!json.is_string()) wrong_value(at, json, "a string");
        out = json.get<std::string>();
    }
    static void value(const Json& json, const JsonPlace& at, double& out) {
        if (!json.is_number() && !json.is_null()) wrong_value(at, json, "a number or null");
        out = json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
    }
    static void value(const Json& json, const JsonPlace& at, float& out) {
        double number = 0;
        value(json, at, number);
        out = static_cast<float>(number);
    }
    static void value(const Json& json, const JsonPlace& at, bool& out) {
        if (!json.is_boolean()) wrong_value(at, json, "true or false");
        out = json.get<bool>();
    }
    static void value(const Json& json, const JsonPlace& at, int& out) {
        constexpr int low = std::numeric_limits<int>::min(), high = std::numeric_limits<int>::max();
        const bool fits = json.is_number_unsigned()
                              ? json.get<std::uint64_t>() <= std::uint64_t{high}
                              : json.is_number_integer() && json.get<std::int64_t>() >= low &&
                                    json.get<std::int64_t>() <= high;
        if (!fits) wrong_value(at, json, fmt::format("a whole number from {} to {}", low, high));
        out = json.get<int>();
    }
    static void value(const Json& json, const JsonPlace& at, std::uint64_t& out) {
        if (!json.is_number_unsigned()) wrong_value(at, json, "a whole number from 0 to 2^64 - 1");
        out = json.get<std::uint64_t>();
    }
    template <class T>
    static void value(const Json& json, const JsonPlace& at, std::vector<T>& out) {
        resize(json, at, out);
        for (std::size_t i = 0; i < out.size(); ++i) value(json[i], JsonPlace{&at, {}, i}, out[i]);
    }
    template <class T>
    static void value(const Json& json, const JsonPlace& at, std::map<std::string, T>& out) {
        if (!json.is_object()) wrong_value(at, json, "an object");
        for (const auto& [name, element] : json.items()) value(element, JsonPlace{&at, name, 0}, out[name]);
    }
    template <class T>
    static void value(const Json& json, const JsonPlace& at, std::optional<T>& out) {
        value(json, at, out.emplace());
    }
    template <class List, class Member>
    static void value(const Json& json, const JsonPlace& at, Each<List, Member>& out) {
        resize(json, at, out.list);
        for (std::size_t i = 0; i < out.list.size(); ++i)
            value(json[i], JsonPlace{&at, {}, i}, out.list[i].*out.member);
    }
    template <class Get, class Set>
    static void value(const Json& json, const JsonPlace& at, AsText<Get, Set>& out) {
        std::string text;
        value(json, at, text);
        if (const std::string expected = out.set(text); !expected.empty())
            wrong(at, "\"" + valid_utf8(text).substr(0, 80) + "\"", expected);
    }
    template <class T>
    static void value(const Json& json, const JsonPlace& at, T& out) {
        JsonReader visit(json, at);
        fields(visit, out);
        if (visit.is_strict()) visit.refuse_unknown();
    }

    template <class T>
    void operator()(const char* name, T&& field) {
        read(name, field, true);
    }
    /// A field that is missing leaves the struct's value as it is.
    template <class T>
    void optional(const char* name, T&& field) {
        read(name, field, false);
    }
    template <class T>
    void newer(const char* name, T&& field) {
        read(name, field, false);
    }
    void constant(const char* name, const char*) { skip(name); }
    void skip(const char* name) {
        if (json.contains(name)) known.insert(name);
    }
    template <class T, class Value>
    void others(std::map<std::string, T>& map, const Value& /*as_json*/) {
        for (const auto& [name, element] : json.items())
            if (!known.contains(name)) value(element, JsonPlace{&at, name, 0}, map[name]);
        known_all = true;
    }

    template <class T, class Value>
    void mapped(const char* name, std::map<std::string, T>& map, const Value&) {
        read(name, map, false);
    }

    void refuse_unknown() const {
        if (known_all || known.size() == json.size()) return;
        for (const auto& [name, element] : json.items())
            if (!known.contains(name))
                wrong(JsonPlace{&at, name, 0}, "an unknown field", "none of this name");
    }
    bool is_strict() const {
        const JsonPlace* root = &at;
        while (root->up) root = root->up;
        return root->strict;
    }

    const Json& json;
    const JsonPlace& at;
    std::set<std::string, std::less<>> known;  // fields of the object that fields() named
    bool known_all = false;

private:
    template <class List>
    static void resize(const Json& json, const JsonPlace& at, List& list) {
        if (!json.is_array()) wrong_value(at, json, "a list");
        list.resize(json.size());
    }
    template <class T>
    void read(const char* name, T& field, bool required) {
        const JsonPlace inside{&at, name, 0};
        const auto found = json.find(name);
        if (found == json.end()) {
            if (required) wrong(inside, "nothing", "this field");
            return;
        }
        value(*found, inside, field);
        known.insert(name);
    }
};

}  // namespace tiller::study

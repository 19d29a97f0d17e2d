// Reads and writes the fields of a plan as TOML.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tiller/error.h"

namespace tiller::study {

inline constexpr int kMostCounted = 100'000'000;  // greatest value of any count in a plan

/// Reads fields from a TOML table or writes them as text, in the order of the calls, so that one function
/// that names a struct's fields serves both. When reading, a missing key leaves its value as it is, and a
/// value of another type throws bad_input with file and line.
class Fields {
public:
    /// Reads from `input`, which must outlive the object; with nullptr, call start_writing(). `where` is the
    /// file, for errors.
    explicit Fields(toml::table* input, std::string where) : input_(input), where_(std::move(where)) {}

    void operator()(const char* key, std::string& v) {
        visit(key, v, "a string", [&](toml::node& n) { return n.value_exact<std::string>(); });
    }
    /// Written only when it is not empty or false, so that the text of a plan that does not use a newer key,
    /// and with it digests of the plan, stay what they were before the key existed.
    void optional(const char* key, std::string& v) {
        if (!writing_ || !v.empty()) (*this)(key, v);
    }
    void optional(const char* key, std::vector<std::string>& v) {
        if (!writing_ || !v.empty()) (*this)(key, v);
    }
    void optional(const char* key, bool& v) {
        if (!writing_ || v) (*this)(key, v);
    }
    void optional(const char* key, std::vector<int>& v) {
        if (!writing_ || !v.empty()) (*this)(key, v);
    }
    void operator()(const char* key, int& v) {
        visit(key, v, "a whole number", [&](toml::node& n) -> std::optional<int> {
            const auto value = n.value_exact<std::int64_t>();
            if (!value) return std::nullopt;
            // A value that does not fit into an int becomes one that the checks of plans refuse.
            return static_cast<int>(std::clamp<std::int64_t>(*value, -kMostCounted, kMostCounted + 1));
        });
    }
    void operator()(const char* key, bool& v) {
        visit(key, v, "true or false", [&](toml::node& n) { return n.value_exact<bool>(); });
    }
    void operator()(const char* key, double& v) {
        visit(key, v, "a number", [&](toml::node& n) { return n.value<double>(); });
    }
    void operator()(const char* key, float& v) {
        visit(key, v, "a number", [&](toml::node& n) -> std::optional<float> {
            const auto value = n.value<double>();
            return value ? std::optional<float>(static_cast<float>(*value)) : std::nullopt;
        });
    }
    void operator()(const char* key, std::vector<std::string>& v) {
        visit(key, v, "a list of strings", [&](toml::node& n) { return list<std::string>(n); });
    }
    void operator()(const char* key, std::vector<int>& v) {
        visit(key, v, "a list of whole numbers", [&](toml::node& n) -> std::optional<std::vector<int>> {
            const auto values = list<std::int64_t>(n);
            if (!values) return std::nullopt;
            std::vector<int> out;
            for (auto value : *values)
                out.push_back(
                    static_cast<int>(std::clamp<std::int64_t>(value, -kMostCounted, kMostCounted + 1)));
            return out;
        });
    }
    void operator()(const char* key, std::vector<double>& v) {
        visit(key, v, "a list of numbers", [&](toml::node& n) { return list<double>(n); });
    }
    void operator()(const char* key, std::vector<std::uint64_t>& v) {
        visit(key, v, "a list of whole numbers",
              [&](toml::node& n) -> std::optional<std::vector<std::uint64_t>> {
                  const auto values = list<std::int64_t>(n);
                  if (!values) return std::nullopt;
                  std::vector<std::uint64_t> out;
                  for (auto value : *values) {
                      if (value < 0) return std::nullopt;
                      out.push_back(static_cast<std::uint64_t>(value));
                  }
                  return out;
              });
    }
    /// The fields of the table [key]: visit_fields(Fields&) names them.
    template <class Visit>
    void table(const char* key, Visit visit_fields) {
        toml::table* inner = nullptr;
        if (input_) {
            known_.emplace_back(key);
            if (toml::node* node = input_->get(key)) {
                inner = node->as_table();
                if (!inner) refuse(*node, key, "a table");
            }
        }
        Fields fields(inner, where_);
        fields.writing_ = !input_;
        fields.skip_ = input_ && !inner;
        visit_fields(fields);
        if (!input_) text_ += fmt::format("\n[{}]\n{}", key, fields.text_);
        if (inner) fields.refuse_unknown();
    }
    /// Throws bad_input when the table that was read has a key that no call named.
    void refuse_unknown() const {
        for (const auto& [key, node] : *input_)
            if (std::find(known_.begin(), known_.end(), key.str()) == known_.end())
                throw Error(Code::bad_input,
                            fmt::format("{}, line {}: unknown key \"{}\"; known here: {}", where_,
                                        node.source().begin.line, key.str(), fmt::join(known_, ", ")));
    }
    /// The TOML that was written.
    const std::string& text() const { return text_; }
    void start_writing() { writing_ = true; }

private:
    template <class T>
    static std::optional<std::vector<T>> list(toml::node& node) {
        const auto* array = node.as_array();
        if (!array) return std::nullopt;
        std::vector<T> out;
        for (const auto& element : *array) {
            // 1 is read as 1.0 in a list of numbers; other types are not converted.
            const auto value = [&] {
                if constexpr (std::is_same_v<T, double>)
                    return element.is_number() ? element.template value<T>() : std::optional<T>();
                else
                    return element.template value_exact<T>();
            }();
            if (!value) return std::nullopt;
            out.push_back(*value);
        }
        return out;
    }
    [[noreturn]] void refuse(toml::node& node, const char* key, const char* expected) const {
        throw Error(Code::bad_input, fmt::format("{}, line {}: \"{}\" must be {}", where_,
                                                 node.source().begin.line, key, expected));
    }
    template <class T, class Read>
    void visit(const char* key, T& value, const char* expected, Read read) {
        if (writing_) {
            text_ += fmt::format("{} = {}\n", key, write(value));
            return;
        }
        if (skip_) return;
        known_.emplace_back(key);
        toml::node* node = input_->get(key);
        if (!node) return;
        auto read_value = read(*node);
        if (!read_value) refuse(*node, key, expected);
        value = std::move(*read_value);
    }
    static std::string write(const std::string& v) {
        std::string out = "\"";
        for (char c : v) {
            if (c == '"' || c == '\\') out += '\\';
            out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f
                       ? fmt::format("\\u{:04x}", static_cast<unsigned char>(c))
                       : std::string(1, c);
        }
        return out + "\"";
    }
    static std::string write(int v) { return std::to_string(v); }
    static std::string write(std::uint64_t v) { return std::to_string(v); }
    static std::string write(bool v) { return v ? "true" : "false"; }
    static std::string write(double v) {
        std::string text = fmt::format("{}", v);
        return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
    }
    static std::string write(float v) {
        std::string text = fmt::format("{}", v);
        return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
    }
    template <class T>
    static std::string write(const std::vector<T>& values) {
        std::string out = "[";
        for (std::size_t i = 0; i < values.size(); ++i) out += (i ? ", " : "") + write(values[i]);
        return out + "]";
    }

    toml::table* input_;
    std::string where_;
    bool writing_ = false, skip_ = false;
    std::vector<std::string> known_;
    std::string text_;
};

}  // namespace tiller::study

// Parses JSON of unknown origin into a tree, and refuses what a tree would hide: repeated keys.
#pragma once

#include <exception>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace tiller {

/// What is wrong with a JSON text.
enum class JsonFault {
    malformed,  ///< Detail: json_error_text().
    too_deep,   ///< No detail.
    key_twice,  ///< One object has a key twice; a tree would silently keep the last one. Detail: the key.
};
/// The text of an exception of nlohmann's parser, without its number: "parse error at line 1, column 2:
/// syntax error while parsing value - ...".
std::string json_error_text(const std::exception& error);

/// Called for the first fault; must throw.
using OnJsonFault = std::function<void(JsonFault, const std::string& detail)>;

/// The value in `bytes`. Throws what `fault` throws. Nesting deeper than max_depth is found before its
/// contents are parsed.
nlohmann::json parse_strict_json(std::string_view bytes, int max_depth, const OnJsonFault& fault);

}  // namespace tiller

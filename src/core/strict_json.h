// JSON of unknown origin as a tree, without what a tree would hide.
#pragma once

#include <exception>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace tiller {

enum class JsonFault {
    malformed,  ///< Detail: json_error_text().
    too_deep,   ///< No detail.
    key_twice,  ///< In one object; a tree would keep the last one silently. Detail: the key.
};
/// What a parser's exception says, without its number: "parse error at line 1, column 2: syntax error while
/// parsing value - ...".
std::string json_error_text(const std::exception& error);

/// Must throw.
using OnJsonFault = std::function<void(JsonFault, const std::string& detail)>;

/// The value in `bytes`. Nesting beyond max_depth is found before it costs memory.
nlohmann::json parse_strict_json(std::string_view bytes, int max_depth, const OnJsonFault& fault);

}  // namespace tiller

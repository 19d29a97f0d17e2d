// Walks a JSON text and hands its parts, with byte offsets, to a reader. nlohmann's tree would not do: of two
// equal keys it silently keeps the last, it has no depth limit, and it does not know where a value was.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tiller {

/// Gets the parts of a JSON text in order. Every function may throw tiller::Error to stop the walk.
/// `at` is the part's last byte, counted from 1, as in nlohmann's own messages.
class JsonEvents {
public:
    virtual ~JsonEvents() = default;
    virtual void begin_list(std::size_t at) = 0;
    virtual void end_list(std::size_t at) = 0;
    virtual void begin_object(std::size_t at) = 0;
    virtual void key(std::string& name, std::size_t at) = 0;
    virtual void end_object(std::size_t at) = 0;
    virtual void string(std::string& value, std::size_t at) = 0;
    virtual void boolean(bool, std::size_t at) { other("true or false", at); }
    /// Anything else; `what` is "a number", "true or false" or "null".
    virtual void other(const char* what, std::size_t at) = 0;
};

/// Walks `bytes`. Messages about malformed text begin with `name` (the file). Throws bad_input (malformed
/// JSON, invalid UTF-8, anything after the value, values nested deeper than 8), and what `events` throws.
void walk_json(std::string_view bytes, const std::string& name, JsonEvents& events);

/// A value for a message: at most 240 bytes of it (then "..."), control characters as blanks, valid UTF-8.
std::string excerpt(std::string_view text);

}  // namespace tiller

// A bounded reader of GGUF files with steering vectors. The bytes are not trusted: every count and length is
// compared with the bytes that are left before anything is read or allocated. What does not fit throws
// bad_input. Nothing is copied: values and tensors are views of the file's bytes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vectors/reject.h"

namespace tiller::gguf {

/// Limits of what is read. A file beyond them is not a steering vector.
inline constexpr std::uint64_t max_file_bytes = 1ull << 30;
inline constexpr std::uint64_t max_entries = 65536;    ///< So many keys, and so many tensors.
inline constexpr std::uint64_t max_key_bytes = 65535;  ///< Keys and tensor names (GGUF's own limit for keys).
inline constexpr std::uint64_t max_string_bytes = 16 << 20;  ///< One string value.

/// Types of metadata values, numbered as in the file.
enum class Type : std::uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };

/// "u8", "string", ...; "type 77" for a number that is not a type.
std::string type_name(std::uint32_t type);

/// The `width` bytes from `at` on as a little-endian number; `width` at most 8. `bytes` must have them.
std::uint64_t little_endian(std::string_view bytes, std::size_t at, std::size_t width);
/// The float32 of a float16's bits.
float half_to_float(std::uint32_t half);

/// One metadata value.
struct Value {
    Type type = Type::u8;  ///< Type of the value, or of each item of an array.
    bool is_array = false;
    std::uint64_t count = 1;  ///< Number of items; 1 when not an array.
    /// Little-endian items; the text of a single string; empty for arrays of strings, which are not kept.
    std::string_view bytes;
};

/// One tensor of float32 or float16 values. Other types are refused.
struct Tensor {
    std::string_view name;
    bool half = false;                 ///< float16; else float32.
    std::vector<std::uint64_t> shape;  ///< 1 to 4 dimensions, fastest-changing first, none 0.
    std::uint64_t n = 0;               ///< Product of the shape.
    std::string_view bytes;            ///< n * (half ? 2 : 4) bytes.

    /// Value i as float32. i < n.
    float at(std::uint64_t i) const;
};

/// The parsed file. The bytes and `checked` given to the constructor must outlive it.
class File {
public:
    /// `checked` says what error messages begin and end with. Throws bad_input.
    File(std::string_view bytes, const Checked& checked);

    const std::vector<Tensor>& tensors() const noexcept { return tensors_; }
    /// Does a key begin with `prefix`?
    bool has_prefix(std::string_view prefix) const;
    /// All keys with their values, by name.
    const std::map<std::string_view, Value>& values() const noexcept { return values_; }

    /// Typed values; empty when there is no such key. Throw bad_input when the key has another type,
    /// and text() when it is not valid UTF-8.
    std::optional<std::string> text(std::string_view key) const;
    std::optional<std::uint32_t> u32(std::string_view key) const;
    std::optional<std::uint64_t> u64(std::string_view key) const;
    std::optional<float> f32(std::string_view key) const;
    /// An array with items of `type`, as a view; read them with item_u32() and item_f32(). Empty and errors
    /// as above.
    std::optional<Value> array(std::string_view key, Type type) const;

private:
    const Value* find(std::string_view key, Type type, bool is_array) const;

    const Checked& checked_;
    std::map<std::string_view, Value> values_;  // no hash map, whose buckets a file could make collide
    std::vector<Tensor> tensors_;
};

/// Item i of an array of u32 or f32; i < value.count, which is not checked.
std::uint32_t item_u32(const Value& value, std::uint64_t i);
float item_f32(const Value& value, std::uint64_t i);

}  // namespace tiller::gguf

#include "vectors/gguf_reader.h"

#include <fmt/format.h>

#include <bit>
#include <set>

#include "core/util.h"

namespace tiller::gguf {
namespace {

std::uint64_t width_of(Type type) {
    switch (type) {
        case Type::u8:
        case Type::i8:
        case Type::boolean: return 1;
        case Type::u16:
        case Type::i16: return 2;
        case Type::u32:
        case Type::i32:
        case Type::f32: return 4;
        case Type::u64:
        case Type::i64:
        case Type::f64: return 8;
        case Type::string:
        case Type::array: break;
    }
    return 0;
}

std::string value_type_name(const Value& value) {
    const std::string name = type_name(static_cast<std::uint32_t>(value.type));
    return value.is_array ? "array of " + name : name;
}

// Reads the bytes from start to end. `what` names the part that is read, for error messages.
class Cursor {
public:
    Cursor(std::string_view bytes, const Checked& checked) : bytes_(bytes), checked_(checked) {}

    std::uint64_t left() const { return bytes_.size() - at_; }
    std::uint64_t at() const { return at_; }

    std::string_view take(std::uint64_t n, const std::string& what) {
        if (n > left())
            reject(checked_, fmt::format("{} at byte {}", what, at_),
                   fmt::format("{} bytes long with {} bytes left in the file", n, left()),
                   "something that fits into the file");
        const std::string_view piece = bytes_.substr(at_, n);
        at_ += n;
        return piece;
    }
    std::uint32_t u32(const std::string& what) {
        return static_cast<std::uint32_t>(little_endian(take(4, what), 0, 4));
    }
    std::uint64_t u64(const std::string& what) { return little_endian(take(8, what), 0, 8); }

    std::string_view text(std::uint64_t limit, const std::string& what) {
        const std::uint64_t n = u64("length of " + what);
        if (n > limit)
            reject(checked_, "length of " + what, fmt::format("{}", n), fmt::format("at most {}", limit));
        return take(n, what);
    }

    // Each text takes at least the 8 bytes of its length, so the loop ends with the file, whatever `count`
    // says.
    void skip_texts(std::uint64_t count, const std::string& what) {
        for (std::uint64_t i = 0; i < count; ++i) {
            const std::uint64_t n = left() < 8 ? 0 : little_endian(bytes_, at_, 8);
            if (left() < 8 || n > left() - 8 || n > max_string_bytes)
                reject(checked_, fmt::format("item {} of {}", i, what),
                       fmt::format("{} bytes long with {} bytes left in the file", n, left()),
                       "a text that fits into the file");
            at_ += 8 + n;
        }
    }

private:
    std::string_view bytes_;
    const Checked& checked_;
    std::uint64_t at_ = 0;
};

Type read_type(Cursor& cursor, const Checked& checked, const std::string& what) {
    const std::uint32_t type = cursor.u32("type of " + what);
    if (type > static_cast<std::uint32_t>(Type::f64))
        reject(checked, "type of " + what, fmt::format("{}", type), "a GGUF value type (0 to 12)");
    return static_cast<Type>(type);
}

Value read_value(Cursor& cursor, const Checked& checked, const std::string& what) {
    Value value;
    value.type = read_type(cursor, checked, what);
    if (value.type == Type::string) {
        value.bytes = cursor.text(max_string_bytes, what);
        return value;
    }
    if (value.type != Type::array) {
        value.bytes = cursor.take(width_of(value.type), what);
        return value;
    }
    value.is_array = true;
    value.type = read_type(cursor, checked, "items of " + what);
    if (value.type == Type::array)
        reject(checked, "type of items of " + what, "array", "a type that does not nest");
    value.count = cursor.u64("number of items of " + what);
    if (value.type == Type::string) {
        cursor.skip_texts(value.count, what);  // no steering vector has arrays of strings: none is kept
        return value;
    }
    const std::uint64_t width = width_of(value.type);
    if (value.count > cursor.left() / width)
        reject(checked, "number of items of " + what, fmt::format("{}", value.count),
               fmt::format("at most the {} that the rest of the file can hold", cursor.left() / width));
    value.bytes = cursor.take(value.count * width, what);
    return value;
}

// Fills all fields but `bytes`. `offset` gets where the tensor starts in the data section.
Tensor read_tensor_info(Cursor& cursor, const Checked& checked, std::uint64_t file_bytes,
                        std::uint64_t& offset) {
    Tensor tensor;
    tensor.name = cursor.text(max_key_bytes, "name of a tensor");
    const std::string what = "tensor " + printable(tensor.name);
    const std::uint32_t n_dims = cursor.u32("number of dimensions of " + what);
    if (n_dims < 1 || n_dims > 4)
        reject(checked, "number of dimensions of " + what, fmt::format("{}", n_dims), "1 to 4");
    tensor.n = 1;
    for (std::uint32_t i = 0; i < n_dims; ++i) {
        const std::uint64_t size = cursor.u64("shape of " + what);
        // Each value takes 2 bytes at least; this bounds every product below 2^64.
        if (size == 0 || size > file_bytes / 2 / tensor.n)
            reject(checked, fmt::format("dimension {} of {}", i, what), fmt::format("{}", size),
                   "at least 1, and values that fit into the file");
        tensor.shape.push_back(size);
        tensor.n *= size;
    }
    const std::uint32_t type = cursor.u32("type of " + what);
    if (type > 1) reject(checked, "type of " + what, fmt::format("{}", type), "0 (F32) or 1 (F16)");
    tensor.half = type == 1;
    offset = cursor.u64("offset of " + what);
    return tensor;
}

}  // namespace

std::uint64_t little_endian(std::string_view bytes, std::size_t at, std::size_t width) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < width; ++i)
        value |= std::uint64_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
    return value;
}

// float32 has every float16 value: exponents move by 127 - 15, and denormals (mantissa * 2^-24) become
// normal.
float half_to_float(std::uint32_t half) {
    const std::uint32_t sign = (half & 0x8000) << 16, exponent = half >> 10 & 31, mantissa = half & 1023;
    if (exponent == 0)
        return std::bit_cast<float>(sign |
                                    std::bit_cast<std::uint32_t>(static_cast<float>(mantissa) * 0x1p-24f));
    const std::uint32_t wide = exponent == 31 ? 255 : exponent + 112;
    return std::bit_cast<float>(sign | wide << 23 | mantissa << 13);
}

std::string type_name(std::uint32_t type) {
    static constexpr const char* names[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                            "bool", "string", "array", "u64", "i64", "f64"};
    return type < std::size(names) ? names[type] : fmt::format("type {}", type);
}

float Tensor::at(std::uint64_t i) const {
    if (half) return half_to_float(static_cast<std::uint32_t>(little_endian(bytes, i * 2, 2)));
    return std::bit_cast<float>(static_cast<std::uint32_t>(little_endian(bytes, i * 4, 4)));
}

std::uint32_t item_u32(const Value& value, std::uint64_t i) {
    return static_cast<std::uint32_t>(little_endian(value.bytes, i * 4, 4));
}
float item_f32(const Value& value, std::uint64_t i) { return std::bit_cast<float>(item_u32(value, i)); }

File::File(std::string_view bytes, const Checked& checked) : checked_(checked) {
    if (bytes.size() > max_file_bytes)
        reject(checked, "size", fmt::format("{} bytes", bytes.size()),
               fmt::format("at most {}", max_file_bytes));
    Cursor cursor(bytes, checked);
    const std::string_view magic = cursor.take(4, "the file's mark");
    if (magic != "GGUF") reject(checked, "the file's mark", printable(magic), "'GGUF'");
    const std::uint32_t version = cursor.u32("GGUF version");
    if (version != 2 && version != 3)  // version 1 has other widths; big-endian files show 0x03000000
        reject(checked, "GGUF version", fmt::format("{}", version), "2 or 3, little-endian");
    const std::uint64_t n_tensors = cursor.u64("number of tensors");
    const std::uint64_t n_values = cursor.u64("number of keys");
    if (n_tensors > max_entries)
        reject(checked, "number of tensors", fmt::format("{}", n_tensors),
               fmt::format("at most {}", max_entries));
    if (n_values > max_entries)
        reject(checked, "number of keys", fmt::format("{}", n_values),
               fmt::format("at most {}", max_entries));

    for (std::uint64_t i = 0; i < n_values; ++i) {
        const std::string_view key = cursor.text(max_key_bytes, "a key");
        const Value value = read_value(cursor, checked, "key " + printable(key));
        if (!values_.emplace(key, value).second)
            reject(checked, "key " + printable(key), "there twice", "one");
    }
    const std::uint64_t alignment = u32("general.alignment").value_or(32);
    if (!std::has_single_bit(alignment) || alignment > 65536)
        reject(checked, "general.alignment", fmt::format("{}", alignment), "a power of two, at most 65536");
    const auto padded = [alignment](std::uint64_t n) { return (n + alignment - 1) & ~(alignment - 1); };

    // Tensors must follow each other in the order of their descriptions, as all writers order them and ggml
    // requires. Then no two can overlap, none can lie outside of the file, and no bytes are left over. `end`
    // cannot wrap: 65536 tensors, each of less than 2^32 bytes.
    std::set<std::string_view> names;
    std::uint64_t end = 0;
    for (std::uint64_t i = 0; i < n_tensors; ++i) {
        std::uint64_t offset = 0;
        const Tensor tensor = read_tensor_info(cursor, checked, bytes.size(), offset);
        const std::string what = "tensor " + printable(tensor.name);
        if (!names.insert(tensor.name).second) reject(checked, what, "there twice", "one");
        if (offset != end)
            reject(checked, "offset of " + what, fmt::format("{}", offset), fmt::format("{}", end));
        end = padded(end + tensor.n * (tensor.half ? 2 : 4));
        tensors_.push_back(tensor);
    }
    if (n_tensors == 0) return;
    const std::uint64_t data = padded(cursor.at());
    if (data + end != bytes.size())
        reject(checked, "size", fmt::format("{} bytes", bytes.size()),
               fmt::format("{} bytes from its list of tensors", data + end));
    std::uint64_t at = data;
    for (Tensor& tensor : tensors_) {
        const std::uint64_t n_bytes = tensor.n * (tensor.half ? 2 : 4);
        tensor.bytes = bytes.substr(at, n_bytes);
        at += padded(n_bytes);
    }
}

bool File::has_prefix(std::string_view prefix) const {
    const auto it = values_.lower_bound(prefix);
    return it != values_.end() && it->first.starts_with(prefix);
}

const Value* File::find(std::string_view key, Type type, bool is_array) const {
    const auto it = values_.find(key);
    if (it == values_.end()) return nullptr;
    const Value& value = it->second;
    if (value.type != type || value.is_array != is_array) {
        Value wanted;
        wanted.type = type;
        wanted.is_array = is_array;
        reject(checked_, "type of key " + printable(key), value_type_name(value), value_type_name(wanted));
    }
    return &value;
}

std::optional<std::string> File::text(std::string_view key) const {
    const Value* value = find(key, Type::string, false);
    if (!value) return std::nullopt;
    if (!is_valid_utf8(value->bytes))
        reject(checked_, "key " + printable(key), printable(value->bytes), "valid UTF-8");
    return std::string(value->bytes);
}
std::optional<std::uint32_t> File::u32(std::string_view key) const {
    const Value* value = find(key, Type::u32, false);
    return value ? std::optional(item_u32(*value, 0)) : std::nullopt;
}
std::optional<std::uint64_t> File::u64(std::string_view key) const {
    const Value* value = find(key, Type::u64, false);
    return value ? std::optional(little_endian(value->bytes, 0, 8)) : std::nullopt;
}
std::optional<float> File::f32(std::string_view key) const {
    const Value* value = find(key, Type::f32, false);
    return value ? std::optional(item_f32(*value, 0)) : std::nullopt;
}
std::optional<Value> File::array(std::string_view key, Type type) const {
    const Value* value = find(key, type, true);
    return value ? std::optional(*value) : std::nullopt;
}

}  // namespace tiller::gguf

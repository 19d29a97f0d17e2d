#include "vectors/gguf_writer.h"

#include <bit>

namespace tiller::gguf {
namespace {

// GGUF's numbers of the value types that are written here.
constexpr std::uint32_t type_u32 = 4, type_f32 = 6, type_string = 8, type_array = 9, type_u64 = 10;
constexpr std::size_t alignment = 32;  // GGUF's default, so that general.alignment need not be written

void put32(std::string& out, std::uint32_t value) {
    for (int i = 0; i < 4; ++i) out += static_cast<char>(value >> (8 * i) & 255);
}
void put64(std::string& out, std::uint64_t value) {
    for (int i = 0; i < 8; ++i) out += static_cast<char>(value >> (8 * i) & 255);
}
void put(std::string& out, float value) { put32(out, std::bit_cast<std::uint32_t>(value)); }
void put(std::string& out, std::string_view text) {
    put64(out, text.size());
    out += text;
}
void pad(std::string& out) { out.resize((out.size() + alignment - 1) / alignment * alignment, '\0'); }

}  // namespace

void Writer::key(std::string_view name, std::uint32_t type) {
    put(keys_, name);
    put32(keys_, type);
    ++n_keys_;
}
void Writer::array(std::string_view name, std::uint32_t item_type, std::size_t count) {
    key(name, type_array);
    put32(keys_, item_type);
    put64(keys_, count);
}
void Writer::text(std::string_view name, std::string_view value) {
    key(name, type_string);
    put(keys_, value);
}
void Writer::u32(std::string_view name, std::uint32_t value) {
    key(name, type_u32);
    put32(keys_, value);
}
void Writer::u64(std::string_view name, std::uint64_t value) {
    key(name, type_u64);
    put64(keys_, value);
}
void Writer::f32(std::string_view name, float value) {
    key(name, type_f32);
    put(keys_, value);
}
void Writer::u32s(std::string_view name, std::span<const std::uint32_t> values) {
    array(name, type_u32, values.size());
    for (const std::uint32_t value : values) put32(keys_, value);
}
void Writer::f32s(std::string_view name, std::span<const float> values) {
    array(name, type_f32, values.size());
    for (const float value : values) put(keys_, value);
}

void Writer::tensor(std::string_view name, std::span<const float> values) {
    const std::uint64_t shape[] = {values.size()};
    tensor(name, shape, values);
}

void Writer::matrix(std::string_view name, std::span<const float> values, std::size_t width) {
    const std::uint64_t shape[] = {width, values.size() / width};
    tensor(name, shape, values);
}

void Writer::tensor(std::string_view name, std::span<const std::uint64_t> shape,
                    std::span<const float> values) {
    put(infos_, name);
    put32(infos_, static_cast<std::uint32_t>(shape.size()));
    for (const std::uint64_t size : shape) put64(infos_, size);
    put32(infos_, 0);  // F32
    put64(infos_, data_.size());
    for (const float value : values) put(data_, value);
    pad(data_);
    ++n_tensors_;
}

std::string Writer::finish() {
    std::string out = "GGUF";
    out.reserve(64 + keys_.size() + infos_.size() + data_.size());
    put32(out, 3);
    put64(out, n_tensors_);
    put64(out, n_keys_);
    out += keys_;
    out += infos_;
    pad(out);
    out += data_;
    *this = {};
    return out;
}

}  // namespace tiller::gguf

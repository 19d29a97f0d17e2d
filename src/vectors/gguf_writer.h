// Writes GGUF version 3, little-endian, into memory. Equal calls give equal bytes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tiller::gguf {

/// Keys and tensors are written in the order of the calls. The caller gives each name only once.
class Writer {
public:
    void text(std::string_view name, std::string_view value);
    void u32(std::string_view name, std::uint32_t value);
    void u64(std::string_view name, std::uint64_t value);
    void f32(std::string_view name, float value);
    void u32s(std::string_view name, std::span<const std::uint32_t> values);
    void f32s(std::string_view name, std::span<const float> values);
    /// A float32 tensor of one dimension, at least one value.
    void tensor(std::string_view name, std::span<const float> values);
    /// A float32 tensor [n_row][width], row-major, at least one row. values.size() is a multiple of `width`.
    void matrix(std::string_view name, std::span<const float> values, std::size_t width);

    /// The whole file. The writer is empty afterwards.
    std::string finish();

private:
    void key(std::string_view name, std::uint32_t type);
    void array(std::string_view name, std::uint32_t item_type, std::size_t count);
    void tensor(std::string_view name, std::span<const std::uint64_t> shape, std::span<const float> values);

    std::string keys_, infos_, data_;
    std::uint64_t n_keys_ = 0, n_tensors_ = 0;
};

}  // namespace tiller::gguf

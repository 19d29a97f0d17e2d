// Vectors as arrays with names, one for each layer: numpy's .npz archives and safetensors files. Neither is a
// format for vectors: which array is which layer's is said by its name alone (docs/formats.md).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tiller/vector.h"
#include "vectors/reject.h"

namespace tiller {

/// Values of one array at most: no model is that wide.
inline constexpr std::uint64_t max_array_values = 1 << 20;
/// Arrays of a file at most.
inline constexpr std::uint64_t max_arrays = 65536;

struct LayerArray {
    std::string name;
    std::vector<std::uint64_t> shape;
    std::vector<float> values;
};
struct LayerArrays {
    std::vector<LayerArray> arrays;
    /// Text about the file: safetensors' `__metadata__`, an archive's comment.
    std::map<std::string, std::string> metadata;
};

/// Types of values that are read, and how to make them float32.
enum class ArrayType { f16, bf16, f32, f64 };
std::uint64_t width_of(ArrayType type);
/// Little-endian values. `bytes` has a whole number of them.
std::vector<float> floats_of(ArrayType type, std::string_view bytes);

/// Throws bad_input: the shape is not one row (dimensions but one are 1) or too long.
void check_row(const std::string& name, const std::vector<std::uint64_t>& shape, const Checked& checked);

/// The vector of a file's arrays. Throws bad_input when a name does not say its layer without doubt, when
/// arrays differ in more than the layer, and when the metadata say that the vector is projected out.
SteeringVector vector_from_arrays(LayerArrays file, const Checked& checked);
/// The other way: float32 arrays `layer_N` by rising N, where the vector came from in the metadata.
LayerArrays arrays_of(const SteeringVector& vector);

/// Reads the file's bytes, which are not trusted. Throw bad_input.
LayerArrays read_npz(std::string_view bytes, const Checked& checked);
LayerArrays read_safetensors(std::string_view bytes, const Checked& checked);
/// The file's bytes; equal arrays give equal bytes. npz_bytes() throws bad_input when the metadata have more
/// than the 65535 bytes of an archive's comment, environment when there is no memory.
std::string npz_bytes(const LayerArrays& file, const Checked& checked);
std::string safetensors_bytes(const LayerArrays& file);

}  // namespace tiller

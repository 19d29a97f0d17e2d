// Vectors as named arrays, one for each layer: numpy's .npz archives and safetensors files. Neither is a
// format for vectors: only an array's name says which layer it belongs to (docs/formats.md).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tiller/vector.h"
#include "vectors/reject.h"

namespace tiller {

/// Values of one array at most; no model is that wide.
inline constexpr std::uint64_t max_array_values = 1 << 20;
/// Arrays of a file at most.
inline constexpr std::uint64_t max_arrays = 65536;

/// One array of a file. `values` are all its values as float32, in the file's order.
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

/// Types of values that can be read.
enum class ArrayType { f16, bf16, f32, f64 };
/// Bytes of one value.
std::uint64_t width_of(ArrayType type);
/// Little-endian values as float32; float64 is rounded. `bytes` has a whole number of values.
std::vector<float> floats_of(ArrayType type, std::string_view bytes);

/// Throws bad_input when a shape is not that of one row (1 to 8 dimensions, all but one of size 1), or has no
/// value or more than max_array_values.
void check_row(const std::string& name, const std::vector<std::uint64_t>& shape, const Checked& checked);

/// The vector of a file's arrays. Throws bad_input when a name leaves the layer in doubt, when names differ
/// in more than the layer, when the metadata say that the vector is projected out, and as check_vector()
/// does.
SteeringVector vector_from_arrays(LayerArrays file, const Checked& checked);
/// The arrays of a vector: float32, named `layer_N`, by rising N. Its provenance is in the metadata.
LayerArrays arrays_of(const SteeringVector& vector);

/// Read a file's bytes, which are not trusted. Throw bad_input.
LayerArrays read_npz(std::string_view bytes, const Checked& checked);
LayerArrays read_safetensors(std::string_view bytes, const Checked& checked);
/// The file's bytes; equal arrays give equal bytes. npz_bytes() throws bad_input when the metadata do not fit
/// into the 65535 bytes of an archive's comment, environment when libzip fails.
std::string npz_bytes(const LayerArrays& file, const Checked& checked);
std::string safetensors_bytes(const LayerArrays& file);

}  // namespace tiller

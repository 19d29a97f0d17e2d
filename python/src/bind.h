// What the files of the Python module share. Each binds one subject; names, defaults and checks that a user
// sees are in python/tiller, so the functions here take what is already checked.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/util.h"

namespace nb = nanobind;

namespace tiller::python {

void bind_errors(nb::module_& m);
void bind_edits(nb::module_& m);
void bind_vectors(nb::module_& m);
void bind_model(nb::module_& m);
void bind_generation(nb::module_& m);
void bind_stream(nb::module_& m);
void bind_extraction(nb::module_& m);
void bind_study(nb::module_& m);

/// A float32 array that somebody hands in: C order, on the CPU.
using FloatsIn = nb::ndarray<const float, nb::c_contig, nb::device::cpu, nb::ro>;

/// NumPy's view of values that `owner` keeps: no copy, and `owner` lives as long as the array.
template <class T>
nb::ndarray<nb::numpy, T> view_of(std::vector<T>& values, std::vector<std::size_t> shape, nb::handle owner) {
    return nb::ndarray<nb::numpy, T>(values.data(), shape.size(), shape.data(), owner);
}

/// Text of a model or a file as Python's str, which must be valid UTF-8.
inline nb::str text_of(std::string_view text) {
    const std::string valid = valid_utf8(text);
    return nb::str(valid.data(), valid.size());
}

}  // namespace tiller::python

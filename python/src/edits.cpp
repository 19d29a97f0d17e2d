// Edits, captures and positions.
#include <fmt/format.h>

#include <memory>

#include "bind.h"
#include "tiller/edit.h"

namespace tiller::python {
namespace {

SharedFloats copy_of(const FloatsIn& values) {
    return std::make_shared<const std::vector<float>>(values.data(), values.data() + values.size());
}

}  // namespace

void bind_edits(nb::module_& m) {
    nb::enum_<Site>(m, "Site")
        .value("head_output", Site::head_output)
        .value("attention_output", Site::attention_output)
        .value("mlp_output", Site::mlp_output)
        .value("residual", Site::residual);
    nb::enum_<Operation>(m, "Operation")
        .value("add", Operation::add)
        .value("replace", Operation::replace)
        .value("turn", Operation::turn)
        .value("project", Operation::project);
    nb::enum_<Positions::Kind>(m, "PositionKind")
        .value("last_prompt", Positions::Kind::last_prompt)
        .value("last_k", Positions::Kind::last_k)
        .value("prompt", Positions::Kind::prompt)
        .value("generated", Positions::Kind::generated)
        .value("steered", Positions::Kind::steered)
        .value("all", Positions::Kind::all)
        .value("range", Positions::Kind::range);
    nb::class_<Positions>(m, "Positions")
        .def(
            "__init__",
            [](Positions* self, Positions::Kind kind, int begin, int end) {
                new (self) Positions{kind, begin, end};
            },
            nb::arg("kind"), nb::arg("begin") = 0, nb::arg("end") = 0)
        .def_ro("kind", &Positions::kind)
        .def_ro("begin", &Positions::begin)
        .def_ro("end", &Positions::end);
    nb::class_<Edit>(m, "Edit")
        .def(
            "__init__",
            [](Edit* self, Site site, int layer, int head, Operation operation, const Positions& positions,
               const FloatsIn& vector, float strength) {
                new (self) Edit{site, layer, head, operation, positions, copy_of(vector), strength};
            },
            nb::arg("site"), nb::arg("layer"), nb::arg("head"), nb::arg("operation"), nb::arg("positions"),
            nb::arg("vector"), nb::arg("strength"))
        .def_ro("site", &Edit::site)
        .def_ro("layer", &Edit::layer)
        .def_ro("head", &Edit::head)
        .def_ro("operation", &Edit::operation)
        .def_ro("positions", &Edit::positions)
        .def_prop_ro("strength", [](const Edit& edit) { return edit.strength; })
        .def(
            "at",
            [](const Edit& edit, float strength) {
                Edit other = edit;
                other.strength = strength;
                return other;
            },
            nb::arg("strength"), "The same edit with another strength; the vector is shared.")
        .def_prop_ro("vector", [](const Edit& edit) {
            return nb::ndarray<nb::numpy, const float, nb::ndim<1>>(edit.vector->data(),
                                                                    {edit.vector->size()}, nb::find(edit));
        });
    nb::class_<Capture>(m, "Capture")
        .def(
            "__init__",
            [](Capture* self, Site site, int layer_begin, int layer_end, const Positions& positions,
               bool mean) {
                new (self) Capture{site, layer_begin, layer_end, positions, mean};
            },
            nb::arg("site"), nb::arg("layer_begin"), nb::arg("layer_end"), nb::arg("positions"),
            nb::arg("mean"));
    m.def(
        "fits_width",
        [](Operation operation, std::size_t n_value, std::size_t width) {
            return fits_width(operation, n_value, width);
        },
        nb::arg("operation"), nb::arg("n_value"), nb::arg("width"));
}

}  // namespace tiller::python

// Steering vectors: files, arithmetic, the edits that apply them.
#include <filesystem>

#include "bind.h"
#include "tiller/export.h"
#include "tiller/vector.h"

namespace tiller::python {
namespace {

std::vector<std::size_t> shape_of(const SteeringVector& v, const std::vector<float>& direction) {
    const auto width = static_cast<std::size_t>(v.provenance.n_embd);
    if (v.operation != Operation::project || width == 0) return {direction.size()};
    return {direction.size() / width, width};
}

using Direction = nb::ndarray<nb::numpy, const float>;

nb::typed<nb::dict, int, Direction> directions_of(SteeringVector& v, nb::handle owner) {
    nb::dict out;
    for (auto& [layer, direction] : v.directions) {
        const auto shape = shape_of(v, direction);
        out[nb::int_(layer)] = Direction(direction.data(), shape.size(), shape.data(), owner);
    }
    return out;
}

nb::typed<nb::dict, nb::str, nb::any> provenance_of(const Provenance& p) {
    nb::dict out, settings;
    for (const auto& [name, value] : p.settings) settings[text_of(name)] = text_of(value);
    out["task"] = text_of(p.task);
    out["prompts_digest"] = text_of(p.prompts_digest);
    out["seed"] = p.seed;
    out["model_name"] = text_of(p.model_name);
    out["model_digest"] = text_of(p.model_digest);
    out["weights_digest"] = text_of(p.weights_digest);
    out["tokenizer_digest"] = text_of(p.tokenizer_digest);
    out["architecture"] = text_of(p.architecture);
    out["quantisation"] = text_of(p.quantisation);
    out["n_layer"] = p.n_layer;
    out["n_embd"] = p.n_embd;
    out["program_version"] = text_of(p.program_version);
    out["settings"] = settings;
    return out;
}

SteeringVector vector_from(const std::vector<std::pair<int, FloatsIn>>& directions, Site site,
                           Operation operation, Positions::Kind positions, float scale,
                           const std::string& method, int n_embd) {
    SteeringVector v;
    v.method = method;
    v.site = site;
    v.operation = operation;
    v.positions = positions;
    v.scale = scale;
    for (const auto& [layer, values] : directions)
        v.directions[layer].assign(values.data(), values.data() + values.size());
    v.provenance.n_embd = n_embd;
    return v;
}

}  // namespace

void bind_vectors(nb::module_& m) {
    nb::class_<SteeringVector>(m, "SteeringVector")
        .def_prop_ro("method", [](const SteeringVector& v) { return text_of(v.method); })
        .def_ro("site", &SteeringVector::site)
        .def_ro("operation", &SteeringVector::operation)
        .def_ro("positions", &SteeringVector::positions)
        .def_ro("scale", &SteeringVector::scale)
        .def_ro("extraction", &SteeringVector::extraction)
        .def_prop_ro("directions",
                     [](nb::handle self) { return directions_of(nb::cast<SteeringVector&>(self), self); })
        .def_prop_ro("heads",
                     [](const SteeringVector& v) {
                         std::vector<std::tuple<int, int, float>> heads;
                         for (const auto& h : v.heads) heads.emplace_back(h.layer, h.head, h.aie);
                         return heads;
                     })
        .def_prop_ro("head_scores", [](const SteeringVector& v) { return v.aie; })
        .def_prop_ro("provenance", [](const SteeringVector& v) { return provenance_of(v.provenance); })
        .def(
            "at",
            [](const SteeringVector& v, float scale) {
                SteeringVector other = v;
                other.scale = scale;
                return other;
            },
            nb::arg("scale"))
        .def(
            "only_layers",
            [](const SteeringVector& v, int first, int last) { return only_layers(v, first, last); },
            nb::arg("first"), nb::arg("last"))
        .def(
            "edits", [](const SteeringVector& v, float strength) { return edits_of(v, strength); },
            nb::arg("strength"))
        .def(
            "save",
            [](const SteeringVector& v, const std::string& path) {
                const nb::gil_scoped_release no_python;
                save_vector(v, path);
            },
            nb::arg("path"));
    m.def("vector_from", &vector_from, nb::arg("directions"), nb::arg("site"), nb::arg("operation"),
          nb::arg("positions"), nb::arg("scale"), nb::arg("method"), nb::arg("n_embd"));
    m.def(
        "load_vector",
        [](const std::string& path) {
            const nb::gil_scoped_release no_python;
            return load_vector(path);
        },
        nb::arg("path"));
    m.def(
        "combine",
        [](const std::vector<const SteeringVector*>& vectors, const std::vector<float>& weights,
           float scale) {
            std::vector<std::pair<SteeringVector, float>> parts;
            for (std::size_t i = 0; i < vectors.size(); ++i) parts.emplace_back(*vectors[i], weights.at(i));
            SteeringVector sum = combine(parts);
            sum.scale = scale;
            return sum;
        },
        nb::arg("vectors"), nb::arg("weights"), nb::arg("scale"));
}

}  // namespace tiller::python

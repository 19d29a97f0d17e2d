// tiller._tiller: the compiled half of the Python package.
#include "bind.h"
#include "tiller/version.h"

NB_MODULE(_tiller, m) {
    nb::set_leak_warnings(false);  // nothing is printed, at exit neither
    m.doc() = "The compiled half of tiller. Use the package `tiller`; what is here may change.";
    m.def("version", [] { return tiller::version(); });
    m.def("engine_version", [] { return tiller::engine_version(); });
    tiller::python::bind_errors(m);
    tiller::python::bind_edits(m);
    tiller::python::bind_vectors(m);
    tiller::python::bind_model(m);
    tiller::python::bind_generation(m);
    tiller::python::bind_stream(m);
    tiller::python::bind_extraction(m);
    tiller::python::bind_study(m);
}

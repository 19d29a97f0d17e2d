// tiller._tiller: the compiled half of the Python package.
#include "bind.h"
#include "tiller/version.h"

namespace {

// The engine of a wheel uses these instructions without asking; this file does not.
void require_processor() {
#if defined(TILLER_PORTABLE) && defined(__x86_64__)
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("bmi2"))
        throw nb::import_error(
            "tiller: this processor lacks AVX2, FMA or BMI2, which this wheel needs; install from source "
            "(pip install .) to build it for this machine");
#endif
}

}  // namespace

NB_MODULE(_tiller, m) {
    require_processor();
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

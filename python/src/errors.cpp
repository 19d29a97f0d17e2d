// tiller::Error becomes the class of tiller._errors for its code.
#include "bind.h"
#include "tiller/error.h"

namespace tiller::python {

void bind_errors(nb::module_&) {
    nb::register_exception_translator([](const std::exception_ptr& thrown, void*) {
        try {
            std::rethrow_exception(thrown);
        } catch (const Error& error) {
            // Looked up when it is needed: importing this module imports nothing else.
            const nb::object made = nb::module_::import_("tiller._errors")
                                        .attr("error_of")(code_name(error.code()), text_of(error.what()));
            PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(made.ptr())), made.ptr());
        }
    });
}

}  // namespace tiller::python

#include "tiller/error.h"
#include "tiller/method.h"

namespace tiller {

const Method& find_method(const std::string& name) {
    std::string known;
    for (const Method* method : methods()) {
        if (method->name() == name) return *method;
        known += (known.empty() ? "" : ", ") + method->name();
    }
    throw Error(Code::usage, "unknown method \"" + name + "\"; known: " + known);
}

}  // namespace tiller

#include "tiller/error.h"

namespace tiller {

int exit_code(Code code) noexcept {
    switch (code) {
        case Code::usage: return 2;
        case Code::bad_input:
        case Code::unsupported:
        case Code::incomplete: return 3;
        case Code::missing:
        case Code::environment: return 4;
        case Code::interrupted: return 130;
    }
    return 4;
}

const char* code_name(Code code) noexcept {
    switch (code) {
        case Code::usage: return "usage";
        case Code::bad_input: return "bad_input";
        case Code::unsupported: return "unsupported";
        case Code::incomplete: return "incomplete";
        case Code::missing: return "missing";
        case Code::environment: return "environment";
        case Code::interrupted: return "interrupted";
    }
    return "unknown";
}

}  // namespace tiller

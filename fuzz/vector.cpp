// The vector loader on any bytes: it reads them or throws bad_input. What it reads can be written, and what
// was written reads back to the same bytes (which name every field, so the vectors are equal too).
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tiller/error.h"
#include "vectors/layer_arrays.h"
#include "vectors/vector_format.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const tiller::Checked checked{"fuzz", "Next step."};
    tiller::SteeringVector vector;
    try {
        vector = tiller::vector_from_bytes({reinterpret_cast<const char*>(data), size}, checked);
    } catch (const tiller::Error& error) {
        if (error.code() != tiller::Code::bad_input) std::abort();
        return 0;
    }
    if (!vector.extraction && tiller::is_zero(vector)) return 0;  // not written: it would do nothing
    if (vector.extraction) return 0;                              // not applied
    // From here on nothing may throw: an exception that leaves this function is a finding.
    const std::string written = tiller::vector_to_bytes(vector, checked);
    const tiller::SteeringVector again = tiller::vector_from_bytes(written, checked);
    if (tiller::vector_to_bytes(again, checked) != written) std::abort();
    if (tiller::edits_of(vector, 1.0f).size() != again.directions.size()) std::abort();
    if (vector.operation == tiller::Operation::add) {
        const tiller::LayerArrays arrays = tiller::arrays_of(vector);
        for (const bool zip : {false, true}) {
            try {  // too much metadata for an archive, or some that say "ablation", are refused
                const std::string bytes =
                    zip ? tiller::npz_bytes(arrays, checked) : tiller::safetensors_bytes(arrays);
                if (tiller::vector_from_bytes(bytes, checked).directions != vector.directions) std::abort();
            } catch (const tiller::Error& error) {
                if (error.code() != tiller::Code::bad_input) std::abort();
            }
        }
    }
    if (vector.operation != tiller::Operation::project) tiller::combine({{vector, 0.5f}, {again, 0.25f}});
    return 0;
}

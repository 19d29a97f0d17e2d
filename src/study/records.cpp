#include "study/records.h"

#include "study/record_json.h"

namespace tiller::study {

const char* phase_name(Phase phase) noexcept {
    switch (phase) {
        case Phase::valid: return "valid";
        case Phase::test: return "test";
        case Phase::oracle: return "oracle";
        case Phase::damage: return "damage";
    }
    return "unknown";
}

TILLER_RECORD(ItemRecord);
TILLER_RECORD(HitsRecord);
TILLER_RECORD(TaskClosing);

}  // namespace tiller::study

#include "protocols/crossed/crossed_records.h"

#include "study/record_json.h"

namespace tiller::study {

template <class V, Is<SizesRecord> T>
void fields(V& visit, T& x) {
    visit.constant("type", "sizes"), visit("sizes", x.sizes);
}
template <class V, Is<CrossedClosing> T>
void fields(V& visit, T& x) {
    visit("cells", x.cells), visit("n_heads", x.n_heads);
}

TILLER_RECORD(SizesRecord);
TILLER_CLOSING_PART(CrossedClosing);

}  // namespace tiller::study

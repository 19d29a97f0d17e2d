#include "protocols/transfer/transfer_records.h"

#include "study/record_json.h"

namespace tiller::study {

// In the journal the settings are one level down: "transfer": {"settings": ...}.
template <class Map>
struct Inner {
    Map& settings;
};
template <class Map>
Inner(Map&) -> Inner<Map>;  // clang before version 17 needs this guide

template <class V, class Map>
void fields(V& visit, const Inner<Map>& x) {
    visit("settings", x.settings);
}

template <class V, Is<TransferClosing> T>
void fields(V& visit, T& x) {
    visit("key", x.key), visit("transfer", Inner{x.settings});
}

TILLER_CLOSING_PART(TransferClosing);

}  // namespace tiller::study

// Linked with the whole archive of tiller::core and with nothing of tiller::study: a symbol that the core
// takes from a study room does not link.
#include <cstdio>

#include "tiller/error.h"
#include "tiller/method.h"
#include "tiller/version.h"

int main() {
    // Methods are reached through a generated list, so an archive without them would link as well.
    if (tiller::methods().empty() || tiller::find_method("fv").name() != "fv") return 1;
    std::printf("tiller %s: %zu methods without tiller::study\n", tiller::version(),
                tiller::methods().size());
    return 0;
}

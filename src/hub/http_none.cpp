// A build without libcurl: names are looked up in the caches, and nothing is downloaded.
#include "hub/http.h"
#include "tiller/error.h"

namespace tiller::hub {

bool can_download() noexcept { return false; }

HttpResponse get(const HttpRequest&) {
    throw Error(Code::environment,
                "this tiller was built without libcurl and cannot download; install libcurl4-openssl-dev "
                "(Debian's name) and build it again, or fetch the file yourself and give its path");
}

}  // namespace tiller::hub

// The page at / and what it is made of. Needs no key: it holds no data, and asks for a key where it needs
// one.
#include "serve/page_files.h"
#include "serve/service.h"

namespace tiller::serve {

void get_page(Service&, const Request& request, const std::shared_ptr<Reply>& reply) {
    const std::string_view name =
        request.path == "/" ? "index.html" : std::string_view(request.path).substr(1);
    for (const PageFile& file : page_files())
        if (file.name == name)
            return reply->send(
                200, file.type, std::string(file.bytes),
                {{"Content-Security-Policy",
                  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src "
                  "'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
                 {"Referrer-Policy", "no-referrer"},
                 {"Cache-Control", "no-cache"}});
    throw Problem(404, "not_found", "there is nothing at this path; docs/server.md lists what is");
}

}  // namespace tiller::serve

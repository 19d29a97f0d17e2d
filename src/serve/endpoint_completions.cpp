// /v1/completions and /v1/chat/completions.
#include "serve/completion.h"

namespace tiller::serve {

void post_completions(Service& service, const Request& request, const std::shared_ptr<Reply>& reply) {
    std::make_shared<Completion>(service, parse_completion(parse_json(request.body)), reply)->start();
}

void post_chat_completions(Service& service, const Request& request, const std::shared_ptr<Reply>& reply) {
    std::make_shared<Completion>(service, parse_chat_completion(parse_json(request.body)), reply)->start();
}

}  // namespace tiller::serve

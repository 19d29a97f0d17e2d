// Every path of the server, and the file that answers it: endpoint_<name>.cpp.
#include "serve/service.h"

namespace tiller::serve {

std::span<const Route> routes() {
    static constexpr Route list[] = {
        {"GET", "/health", get_health, true},
        {"GET", "/healthz", get_health, true},
        {"GET", "/metrics", get_metrics},
        {"GET", "/", get_page, true},
        {"GET", "/v1/models", get_models},
        {"GET", "/v1/models/*", get_model},
        {"POST", "/v1/completions", post_completions},
        {"POST", "/v1/chat/completions", post_chat_completions},
        {"GET", "/v1/vectors", get_vectors},
        {"POST", "/v1/vectors", post_vectors},
        {"POST", "/v1/vectors/extract", post_extract},
        {"GET", "/v1/vectors/*", get_vector},
        {"DELETE", "/v1/vectors/*", delete_vector},
        {"GET", "/v1/jobs", get_jobs},
        {"GET", "/v1/jobs/*", get_job},
        {"DELETE", "/v1/jobs/*", delete_job},
        {"POST", "/v1/next", post_next},
        {"POST", "/v1/logprobs", post_logprobs},
        {"POST", "/v1/activations", post_activations},
        {"POST", "/tokenize", post_tokenize},
        {"POST", "/detokenize", post_detokenize},
        {"GET", "/tokenizer_info", get_tokenizer_info},
        {"POST", "/apply-template", post_apply_template},
        {"GET", "/*", get_page, true},
    };
    return list;
}

}  // namespace tiller::serve

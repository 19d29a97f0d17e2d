// /v1/logprobs: how likely a given continuation is, token by token, under each steering.
#include <fmt/format.h>

#include "serve/completion_json.h"
#include "serve/probe_request.h"

namespace tiller::serve {

void post_logprobs(Service& service, const Request& request, const std::shared_ptr<Reply>& reply) {
    const Json body = parse_json(request.body);
    Fields fields(body);
    auto probe = std::make_shared<Probe>(read_probe(fields, service));
    const Json& given = fields.need("continuation");
    fields.done();
    std::vector<Token> continuation;
    if (given.is_string())
        continuation = service.model.tokenize(given.get<std::string>(), false);
    else
        continuation = tokenize(tokens_of(given, "continuation"), service.model, {}, "continuation");
    if (continuation.empty())
        throw Problem(400, "invalid_value", "continuation: it is empty", "continuation");
    check_length(service, probe->prompt.size() + continuation.size());
    auto rows = steered_rows(*probe);
    for (Row& row : rows) row.forced = continuation;
    run_rows(service, std::move(rows), reply,
             [&service, probe, reply, continuation](std::vector<RowResult> results) {
                 Json tokens = Json::array(), choices = Json::array();
                 for (Token token : continuation) {
                     Json entry = token_json(service.model, token, 0);
                     entry.erase("logprob");
                     tokens.push_back(std::move(entry));
                 }
                 for (std::size_t i = 0; i < results.size(); ++i) {
                     refuse_broken(results[i], *probe, i);
                     double sum = 0;
                     for (float logprob : results[i].forced_logprob) sum += logprob;
                     choices.push_back({{"index", i},
                                        {"steering", probe->steerings[i].applied},
                                        {"token_logprobs", results[i].forced_logprob},
                                        {"logprob", sum}});
                 }
                 send_json(reply, 200,
                           {{"object", "logprobs"},
                            {"model", service.model_id},
                            {"tokens", tokens},
                            {"choices", choices},
                            {"usage", {{"prompt_tokens", probe->prompt.size()}}}});
             });
}

}  // namespace tiller::serve

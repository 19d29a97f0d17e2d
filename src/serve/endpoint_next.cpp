// /v1/next: the next token's distribution under each steering.
#include <fmt/format.h>

#include "serve/completion_json.h"
#include "serve/probe_request.h"
#include "tasks/json_events.h"

namespace tiller::serve {
namespace {

constexpr std::size_t kMostWatched = 1000;

std::vector<Token> watched(const Json* value, const Model& model) {
    std::vector<Token> tokens;
    if (!value) return tokens;
    if (!value->is_array()) wrong_type("watch", *value, "a list of texts or tokens");
    if (value->size() > kMostWatched)
        throw Problem(400, "invalid_value",
                      fmt::format("watch: {} entries, expected at most {}", value->size(), kMostWatched),
                      "watch");
    for (std::size_t i = 0; i < value->size(); ++i) {
        const Json& entry = (*value)[i];
        const std::string path = at_index("watch", i);
        if (!entry.is_string()) {
            tokens.push_back(tokens_of(Json::array({entry}), path).front());
            if (tokens.back() >= model.info().n_vocab)
                throw Problem(400, "invalid_value",
                              fmt::format("{}: the vocabulary has no token {}", path, tokens.back()), path);
            continue;
        }
        const auto found = model.tokenize(entry.get<std::string>(), false);
        if (found.size() != 1)
            throw Problem(
                400, "invalid_value",
                fmt::format("{}: {} is {} tokens, expected one (a leading blank often belongs to it)", path,
                            excerpt(entry.get<std::string>()), found.size()),
                path);
        tokens.push_back(found.front());
    }
    return tokens;
}

}  // namespace

void post_next(Service& service, const Request& request, const std::shared_ptr<Reply>& reply) {
    const Json body = parse_json(request.body);
    Fields fields(body);
    auto probe = std::make_shared<Probe>(read_probe(fields, service));
    const int top = static_cast<int>(fields.integer("top", 0, 1000).value_or(10));
    const auto watch = watched(fields.find("watch"), service.model);
    fields.done();
    check_length(service, probe->prompt.size());
    std::vector<Row> rows;
    for (const Steering& steering : probe->steerings) {
        Row row;
        row.prompt = probe->prompt;
        row.edits = steering.edits;
        row.n_top = top;
        row.watch = watch;
        // Without either there would be no logits to see that the row broke.
        if (top == 0 && watch.empty()) row.n_top = 1;
        rows.push_back(std::move(row));
    }
    run_rows(service, std::move(rows), reply,
             [&service, probe, reply, top, watch](std::vector<RowResult> results) {
                 Json choices = Json::array();
                 for (std::size_t i = 0; i < results.size(); ++i) {
                     const RowResult& result = results[i];
                     refuse_broken(result, *probe, i);
                     Json tops = Json::array(), watches = Json::array();
                     for (int t = 0; t < top && t < static_cast<int>(result.top.size()); ++t) {
                         const TokenLogprob& entry = result.top[static_cast<std::size_t>(t)];
                         tops.push_back(token_json(service.model, entry.token, entry.logprob));
                     }
                     for (std::size_t w = 0; w < watch.size(); ++w) {
                         Json entry = token_json(service.model, watch[w], result.watch_logprob[w]);
                         entry["rank"] = result.watch_rank[w];
                         watches.push_back(std::move(entry));
                     }
                     choices.push_back({{"index", i},
                                        {"steering", probe->steerings[i].applied},
                                        {"top", tops},
                                        {"watch", watches}});
                 }
                 send_json(reply, 200,
                           {{"object", "next"},
                            {"model", service.model_id},
                            {"choices", choices},
                            {"usage", {{"prompt_tokens", probe->prompt.size()}}}});
             });
}

}  // namespace tiller::serve

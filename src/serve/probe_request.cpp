#include "serve/probe_request.h"

#include <fmt/format.h>

namespace tiller::serve {

Probe read_probe(Fields& fields, const Service& service) {
    Probe probe;
    const std::string model = fields.text("model").value_or("");
    TokenizeChoice choice;
    choice.special = fields.boolean("special");
    choice.add_generation_prompt = fields.boolean("add_generation_prompt").value_or(true);
    choice.chat_template = service.options.chat_template;
    choice.continue_final = fields.boolean("continue_final_message").value_or(false);
    const bool chat = fields.has("messages");
    probe.prompt = tokenize(prompt_or_messages(fields), service.model, choice, chat ? "messages" : "prompt");
    const SteeringField field = parse_steering(fields.find("steering"), "steering");
    if (field.entries.size() > 256)
        throw Problem(400, "invalid_value",
                      fmt::format("steering: {} entries, expected at most 256", field.entries.size()),
                      "steering");
    probe.is_list = field.is_list;
    probe.steerings = service.steerings_of(model, field);
    return probe;
}

std::vector<Row> steered_rows(const Probe& probe) {
    std::vector<Row> rows;
    for (const Steering& steering : probe.steerings) {
        Row& row = rows.emplace_back();
        row.prompt = probe.prompt;
        row.edits = steering.edits;
    }
    return rows;
}

void check_length(const Service& service, std::size_t n_token) {
    const auto most = static_cast<std::size_t>(service.worker.options().row_tokens);
    if (n_token > most)
        throw Problem(
            400, "context_length_exceeded",
            fmt::format("the request has {} tokens, rows of this server have at most {}", n_token, most),
            "prompt");
}

void refuse_broken(const RowResult& result, const Probe& probe, std::size_t i) {
    if (!result.broken) return;
    throw Problem(400, "steering_broke",
                  "the vectors drove the model's numbers to NaN or infinity; give a smaller scale",
                  probe.is_list ? at_index("steering", i) : "steering");
}

}  // namespace tiller::serve

#include "serve/completion.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <random>

#include "core/util.h"

namespace tiller::serve {
namespace {

constexpr int kUsualTokens = 16;  // of /v1/completions, as for OpenAI

std::uint32_t drawn_seed() {
    static thread_local std::random_device device;
    return device();
}

// Steering that starts at the last prompt token does not reach the echoed tokens: their log-probabilities
// would be unsteered numbers that look steered.
void refuse_without_effect(const Steering& steering) {
    using Kind = Positions::Kind;
    const auto reaches = [](const Edit& edit) {
        return edit.positions.kind == Kind::all || edit.positions.kind == Kind::prompt;
    };
    if (steering.edits.empty() || std::any_of(steering.edits.begin(), steering.edits.end(), reaches)) return;
    throw Problem(
        400, "unsupported",
        "steering: these vectors act from the last prompt token on and would change no echoed token; ask "
        "/v1/logprobs for a continuation, or let them act on the prompt (apply.prompt \"all\", or "
        "NAME:SCALE:all)",
        "steering");
}

}  // namespace

Completion::Completion(Service& service, CompletionRequest request, std::shared_ptr<Reply> reply)
    : service_(&service),
      request_(std::move(request)),
      reply_(std::move(reply)),
      id_(service.next_id(request_.chat ? "chatcmpl" : "cmpl")),
      created_(std::chrono::duration_cast<std::chrono::seconds>(
                   std::chrono::system_clock::now().time_since_epoch())
                   .count()),
      arrived_(std::chrono::steady_clock::now()) {
    if (request_.stream && request_.echo && request_.logprobs)
        throw Problem(400, "unsupported",
                      "echo: a prompt's log-probabilities are not streamed; leave out stream", "echo");
    if (!request_.has_seed) request_.sampling.seed = drawn_seed();
    request_.tokenize.chat_template = service.options.chat_template;
    const auto steerings = service.steerings_of(request_.model, request_.steering);
    for (const TokenBias& bias : request_.sampling.bias)
        if (bias.token >= service.model.info().n_vocab)
            throw Problem(400, "invalid_value",
                          fmt::format("logit_bias: token {} is not in the vocabulary of {}", bias.token,
                                      service.model.info().n_vocab),
                          "logit_bias");
    if (request_.echo && request_.logprobs)
        for (const Steering& steering : steerings) refuse_without_effect(steering);
    for (std::size_t p = 0; p < request_.prompts.size(); ++p) {
        const std::string path = request_.chat                 ? "messages"
                                 : request_.prompts.size() > 1 ? at_index("prompt", p)
                                                               : "prompt";
        prompts_.push_back(tokenize(request_.prompts[p], service.model, request_.tokenize, path));
        new_tokens(prompts_.back().size());
        for (int i = 0; i < request_.n; ++i) {
            Choice choice;
            choice.prompt = p;
            choices_.push_back(std::move(choice));
            const auto s = static_cast<std::size_t>(request_.steering.is_list ? i : 0);
            rows_.push_back(row_of(choices_.size() - 1, steerings[s].edits));
        }
    }
    n_left_ = choices_.size();
    if (request_.steering.is_list) {
        applied_ = Json::array();
        for (const Steering& steering : steerings) applied_.push_back(steering.applied);
    } else {
        applied_ = steerings.front().applied;
    }
}

// Throws where the prompt leaves no room for an answer.
int Completion::new_tokens(std::size_t n_prompt) const {
    const int most = service_->worker.options().row_tokens;
    const int rest = most - static_cast<int>(std::min(n_prompt, static_cast<std::size_t>(most) + 1));
    const int wanted = request_.max_tokens.value_or(request_.chat ? rest : kUsualTokens);
    if (rest < std::min(1, request_.max_tokens.value_or(1)))
        throw Problem(
            400, "context_length_exceeded",
            fmt::format("the prompt has {} tokens, rows of this server have at most {}; shorten it, or have "
                        "the server started with longer rows",
                        n_prompt, most),
            request_.chat ? "messages" : "prompt");
    return std::min(wanted, rest);
}

Row Completion::row_of(std::size_t i, const std::vector<Edit>& edits) const {
    Row row;
    row.prompt = prompts_[choices_[i].prompt];
    row.edits = edits;
    row.max_new_tokens = new_tokens(row.prompt.size());
    row.sampling = request_.sampling;
    // Choices that differ by their steering share one seed, so that nothing else differs.
    if (!request_.steering.is_list)
        row.sampling.seed += static_cast<std::uint32_t>(i % static_cast<std::size_t>(request_.n));
    row.stop = request_.stop;
    row.stop_in_blanks = true;
    row.want_logprobs = request_.logprobs;
    row.n_top_each = request_.n_top;
    row.want_prompt_logprobs = request_.echo && request_.logprobs;
    return row;
}

void Completion::start() {
    Submission submission;
    submission.rows = std::move(rows_);
    submission.gone = reply_->gone();
    const auto self = shared_from_this();
    submission.accepted = [self] { self->accepted(); };
    submission.on_event = [self](std::size_t i, const TokenEvent& event) { self->on_event(i, event); };
    submission.on_end = [self](std::size_t i, RowResult result) { self->on_end(i, std::move(result)); };
    submission.failed = [self](std::exception_ptr error) { self->fail(error); };
    submit(*service_, std::move(submission));
}

std::string Completion::prompt_text(std::size_t prompt) const {
    if (const auto* text = std::get_if<std::string>(&request_.prompts[prompt])) return *text;
    return valid_utf8(service_->model.text(prompts_[prompt]));
}

void Completion::accepted() {
    if (!request_.stream) return;
    began_ = true;
    reply_->begin_events();
    for (std::size_t i = 0; i < choices_.size(); ++i) {
        if (request_.chat) {
            Json json = frame();
            json["choices"] = {{{"index", i},
                                {"delta", {{"role", "assistant"}, {"content", ""}}},
                                {"logprobs", nullptr},
                                {"finish_reason", nullptr}}};
            finish_frame(json);  // here too, for clients that do not read to the end
            reply_->event(dump(json));
        } else if (request_.echo) {
            send_chunk(i, prompt_text(choices_[i].prompt), nullptr);
        }
    }
}

void Completion::on_event(std::size_t i, const TokenEvent& event) {
    Choice& choice = choices_[i];
    if (event.token >= 0) {
        if (!std::exchange(has_first_, true))
            service_->metrics.observe_first_token(
                std::chrono::duration<double>(std::chrono::steady_clock::now() - arrived_).count());
        const bool ends = service_->model.is_end_of_generation(event.token);
        // A chat's content has no end-of-turn token; evaluation harnesses count one entry for each token
        // drawn.
        if (request_.logprobs && (!ends || !request_.chat))
            choice.entries.push_back({event.token, event.logprob, event.top, choice.n_byte});
        if (!ends) choice.n_byte += token_bytes(service_->model, event.token).size();
    }
    if (!request_.stream || event.finish != Finish::unfinished) {
        // The last text is sent with the end, when it is known where a stop text cut it.
        if (request_.stream) choice.result.text = event.text;
        return;
    }
    if (event.text.empty()) return;
    send_chunk(i, event.text, nullptr);
}

void Completion::on_end(std::size_t i, RowResult result) {
    Choice& choice = choices_[i];
    const std::string last = std::move(choice.result.text);
    choice.result = std::move(result);
    choice.ended = true;
    --n_left_;
    if (over_ || choice.result.finish == Finish::cancelled) return;
    // Tokens that a stop text cut away.
    std::erase_if(choice.entries, [&](const TokenEntry& entry) {
        return choice.result.finish == Finish::stop_text && entry.begin >= choice.result.stop_at;
    });
    if (!request_.stream) {
        if (n_left_ == 0) answer();
        return;
    }
    if (choice.result.finish == Finish::broken && choices_.size() == 1) {
        over_ = true;
        reply_->event(dump({{"error", broken_error("steering")}}));
        return reply_->end();
    }
    send_chunk(i, last, finish_reason(choice.result.finish));
    if (n_left_ > 0) return;
    over_ = true;
    if (request_.include_usage) {
        Json json = frame();
        json["choices"] = Json::array();
        json["usage"] = usage();
        reply_->event(dump(json));
    }
    reply_->event("[DONE]");
    reply_->end();
}

void Completion::fail(std::exception_ptr error) {
    if (std::exchange(over_, true)) return;
    const Problem problem = problem_of(error);
    if (!began_) return reply_->send(problem.status, "application/json", error_body(problem));
    reply_->event(error_body(problem));
    reply_->end();
}

Json Completion::frame() const {
    const char* object = !request_.chat    ? "text_completion"
                         : request_.stream ? "chat.completion.chunk"
                                           : "chat.completion";
    return {{"id", id_},
            {"object", object},
            {"created", created_},
            {"model", request_.model.empty() ? service_->model_id : request_.model},
            {"system_fingerprint", service_->fingerprint}};
}

// Fields of the last chunk only.
void Completion::finish_frame(Json& json) const {
    json["seed"] = request_.sampling.seed;
    if (!applied_.is_null()) json["steering"] = applied_;
}

Json Completion::usage() const {
    std::size_t n_prompt = 0, n_new = 0, n_cached = 0;
    for (const auto& prompt : prompts_) n_prompt += prompt.size();
    for (std::size_t i = 0; i < choices_.size(); ++i) {
        n_new += choices_[i].result.generated.size();
        if (i % static_cast<std::size_t>(request_.n) == 0)
            n_cached += static_cast<std::size_t>(choices_[i].result.n_reused_token);
    }
    return {{"prompt_tokens", n_prompt},
            {"completion_tokens", n_new},
            {"total_tokens", n_prompt + n_new},
            {"prompt_tokens_details", {{"cached_tokens", n_cached}}}};
}

Json Completion::logprobs_json(std::span<const TokenEntry> entries) const {
    if (!request_.logprobs) return nullptr;
    return request_.chat ? chat_logprobs(service_->model, entries)
                         : completion_logprobs(service_->model, entries, request_.n_top);
}

void Completion::send_chunk(std::size_t i, const std::string& text, const char* finish) {
    Choice& choice = choices_[i];
    Json json = frame();
    Json one = {{"index", i}, {"finish_reason", finish ? Json(finish) : Json(nullptr)}};
    if (request_.chat)
        one["delta"] = text.empty() && finish ? Json::object() : Json{{"content", text}};
    else
        one["text"] = text;
    one["logprobs"] = choice.entries.empty() ? Json(nullptr) : logprobs_json(choice.entries);
    choice.entries.clear();
    if (finish && choice.result.finish == Finish::broken) one["error"] = broken_error("steering");
    json["choices"] = Json::array({std::move(one)});
    if (finish && n_left_ == 0) finish_frame(json);
    reply_->event(dump(json));
}

// The prompt's tokens come first; offsets of the text's tokens are shifted accordingly.
Json Completion::prompt_entries(Choice& choice) const {
    const auto& prompt = prompts_[choice.prompt];
    std::vector<TokenEntry> entries;
    std::size_t at = 0;
    for (std::size_t t = 0; t < prompt.size(); ++t) {
        TokenEntry entry{prompt[t], std::numeric_limits<float>::quiet_NaN(), {}, at};
        if (t > 0) {
            entry.logprob = choice.result.prompt_logprob[t - 1];
            if (request_.n_top > 0) entry.top = choice.result.prompt_top[t - 1];
        }
        at += token_bytes(service_->model, prompt[t]).size();
        entries.push_back(std::move(entry));
    }
    for (TokenEntry& entry : choice.entries) {
        entry.begin += at;
        entries.push_back(std::move(entry));
    }
    return logprobs_json(entries);
}

Json Completion::choice_json(std::size_t i) {
    Choice& choice = choices_[i];
    const std::string text = valid_utf8(choice.result.text_before_stop());
    Json json = {{"index", i}, {"finish_reason", finish_reason(choice.result.finish)}};
    if (choice.result.finish == Finish::broken) json["error"] = broken_error("steering");
    if (request_.chat) {
        json["message"] = {{"role", "assistant"}, {"content", text}, {"refusal", nullptr}};
        json["logprobs"] = logprobs_json(choice.entries);
        return json;
    }
    json["text"] = request_.echo ? prompt_text(choice.prompt) + text : text;
    json["logprobs"] =
        request_.echo && request_.logprobs ? prompt_entries(choice) : logprobs_json(choice.entries);
    return json;
}

void Completion::answer() {
    over_ = true;
    const bool all_broken = std::all_of(choices_.begin(), choices_.end(), [](const Choice& choice) {
        return choice.result.finish == Finish::broken;
    });
    if (all_broken) return send_json(reply_, 400, {{"error", broken_error("steering")}});
    Json json = frame();
    json["choices"] = Json::array();
    for (std::size_t i = 0; i < choices_.size(); ++i) json["choices"].push_back(choice_json(i));
    json["usage"] = usage();
    finish_frame(json);
    send_json(reply_, 200, json);
}

}  // namespace tiller::serve

// One completion under way: from a request to rows, and from their results to a reply or a stream.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "serve/completion_json.h"
#include "serve/completion_request.h"
#include "serve/service.h"

namespace tiller::serve {

/// Made in the network's thread; after start() its functions run in the worker's.
class Completion : public std::enable_shared_from_this<Completion> {
public:
    /// Throws Problem: what the request asks for cannot be done with this model and these vectors.
    Completion(Service& service, CompletionRequest request, std::shared_ptr<Reply> reply);

    /// Throws Problem 429.
    void start();

private:
    struct Choice {
        std::size_t prompt = 0;
        std::size_t n_byte = 0;           ///< Of the text so far.
        std::vector<TokenEntry> entries;  ///< Since the last chunk; all of them without a stream.
        bool ended = false;
        RowResult result;
    };

    Row row_of(std::size_t choice, const std::vector<Edit>& edits) const;
    int new_tokens(std::size_t n_prompt) const;
    void accepted();
    void on_event(std::size_t choice, const TokenEvent& event);
    void on_end(std::size_t choice, RowResult result);
    void fail(std::exception_ptr error);
    void answer();
    Json choice_json(std::size_t i);
    Json prompt_entries(Choice& choice) const;
    Json frame() const;
    void finish_frame(Json& json) const;
    Json usage() const;
    Json logprobs_json(std::span<const TokenEntry> entries) const;
    void send_chunk(std::size_t choice, const std::string& text, const char* finish);
    std::string prompt_text(std::size_t prompt) const;

    Service* service_;
    CompletionRequest request_;
    std::shared_ptr<Reply> reply_;
    std::string id_;
    std::int64_t created_;
    std::chrono::steady_clock::time_point arrived_;
    std::vector<std::vector<Token>> prompts_;
    std::vector<Row> rows_;
    std::vector<Choice> choices_;
    Json applied_;  ///< The field `steering` of the answer; null where none was asked for.
    std::size_t n_left_ = 0;
    bool began_ = false, over_ = false, has_first_ = false;
};

}  // namespace tiller::serve

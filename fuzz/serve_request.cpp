// Bodies of requests to the server: whatever the bytes are, data or a Problem.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "serve/completion_request.h"
#include "serve/problem.h"
#include "serve/prompt_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tiller::serve;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    for (const bool chat : {false, true}) {
        try {
            const Json body = parse_json(bytes);
            const CompletionRequest request = chat ? parse_chat_completion(body) : parse_completion(body);
            if (request.n < 1 || request.prompts.empty() || request.steering.entries.empty())
                __builtin_trap();
        } catch (const Problem& problem) {
            if (problem.status != 400 && problem.status != 404) __builtin_trap();
            if (!Json::accept(error_body(problem))) __builtin_trap();
        }
    }
    try {  // as /v1/next, /v1/tokens and others take them
        const Json body = parse_json(bytes);
        Fields fields(body);
        prompt_or_messages(fields);
    } catch (const Problem& problem) {
        if (problem.status != 400) __builtin_trap();
    }
    try {
        parse_steering_text(bytes, "steering");
    } catch (const Problem&) {
    }
    return 0;
}

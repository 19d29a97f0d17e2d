// What is wrong with a request, as the client is told.
#pragma once

#include <exception>
#include <string>

namespace tiller::serve {

/// An answer other than 2xx: {"error": {"message", "type", "param", "code"}}.
struct Problem : std::exception {
    int status = 400;
    std::string code;     ///< "invalid_value", ... (docs/server.md lists them).
    std::string message;  ///< A sentence or two, for people. Valid UTF-8.
    std::string param;    ///< The place in the request, "steering.vectors[0].name"; may be empty.
    int retry_after = 0;  ///< Seconds, for 429; 0 = no such header.

    Problem(int s, std::string c, std::string m, std::string p = {})
        : status(s), code(std::move(c)), message(std::move(m)), param(std::move(p)) {}
    const char* what() const noexcept override { return message.c_str(); }
};

/// The problem that an exception stands for: Problem as it is, tiller::Error by its code, anything else 500.
/// `param` is filled in where there is none.
Problem problem_of(std::exception_ptr error, const std::string& param = {});

/// The body of the answer.
std::string error_body(const Problem& problem);

}  // namespace tiller::serve

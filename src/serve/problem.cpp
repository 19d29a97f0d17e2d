#include "serve/problem.h"

#include <new>
#include <nlohmann/json.hpp>

#include "core/util.h"
#include "tiller/error.h"

namespace tiller::serve {
namespace {

Problem of_error(const Error& error) {
    const std::string message = valid_utf8(error.what());
    switch (error.code()) {
        case Code::usage:
        case Code::bad_input: return {400, "invalid_value", message};
        case Code::unsupported:
            return {400, error.topic() == Topic::chat_template ? "no_chat_template" : "unsupported", message};
        case Code::missing: return {404, "not_found", message};
        case Code::interrupted: return {503, "stopping", message};
        case Code::incomplete:
        case Code::environment: break;
    }
    return {500, "engine_failed", message};
}

const char* type_of(int status) {
    if (status == 401) return "authentication_error";
    if (status == 403) return "permission_error";
    if (status == 404) return "not_found_error";
    if (status == 429) return "rate_limit_error";
    return status < 500 ? "invalid_request_error" : "server_error";
}

}  // namespace

Problem problem_of(std::exception_ptr error, const std::string& param) {
    Problem problem{500, "engine_failed", "an error without a name"};
    try {
        std::rethrow_exception(error);
    } catch (const Problem& p) {
        problem = p;
    } catch (const Error& e) {
        problem = of_error(e);
    } catch (const std::bad_alloc&) {
        problem.message = "out of memory";
    } catch (const std::exception& e) {
        problem.message = valid_utf8(e.what());
    } catch (...) {
    }
    if (problem.param.empty()) problem.param = param;
    return problem;
}

std::string error_body(const Problem& problem) {
    nlohmann::json error = {{"message", problem.message},
                            {"type", type_of(problem.status)},
                            {"param", nullptr},
                            {"code", problem.code}};
    if (!problem.param.empty()) error["param"] = problem.param;
    return nlohmann::json{{"error", error}}.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace tiller::serve

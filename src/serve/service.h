// What endpoints work with, and the list of them. An endpoint is one file endpoint_<name>.cpp with a function
// that routes.cpp lists.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "serve/fields.h"
#include "serve/http.h"
#include "serve/jobs.h"
#include "serve/metrics.h"
#include "serve/problem.h"
#include "serve/steering.h"
#include "serve/vector_store.h"
#include "serve/worker.h"
#include "tiller/server.h"

namespace tiller::serve {

struct Service {
    const Model& model;
    const ServerOptions& options;
    std::string model_id;      ///< What clients call the model.
    std::string fingerprint;   ///< Of model and program.
    std::int64_t started = 0;  ///< Seconds since 1970.
    VectorStore& vectors;
    Worker& worker;
    Jobs& jobs;
    Metrics& metrics;
    std::atomic<bool>& stopping;

    /// A unique id for a reply: "cmpl-...".
    std::string next_id(const char* prefix);
    /// The steering that a model's name asks for ("gemma3-270m+formal:0.7"). Throws Problem 404
    /// model_not_found.
    SteeringTerms steering_of_model(const std::string& name) const;
    /// What the model's name or the field `steering` asks for, one for each of the field's entries. Throws
    /// Problem: both of them ask, and as apply_steering().
    std::vector<Steering> steerings_of(const std::string& name, const SteeringField& field) const;
    std::uint64_t n_id = 0;
};

/// Called in the network's thread; must not wait. What it throws becomes the reply.
using Endpoint = void (*)(Service&, const Request&, const std::shared_ptr<Reply>&);

struct Route {
    const char* method;
    const char* path;  ///< A last part "*" matches any that is not empty.
    Endpoint run;
    bool open = false;  ///< Needs no key.
};
std::span<const Route> routes();

/// The last part of the request's path.
std::string_view last_part(const Request& request);

void send_json(const std::shared_ptr<Reply>& reply, int status, const Json& json);

/// Runs rows and calls `finish` with their results when all have ended; replies with the error when one
/// fails.
/// `finish` is called in the worker's thread; what it throws becomes the reply. Throws Problem 429
/// queue_full.
void run_rows(Service& service, std::vector<Row> rows, const std::shared_ptr<Reply>& reply,
              std::function<void(std::vector<RowResult>)> finish);
/// The same, for callers that want tokens as they are generated. Counts the rows' edits.
void submit(Service& service, Submission submission);

// One for each route, in endpoint_*.cpp.
void get_health(Service&, const Request&, const std::shared_ptr<Reply>&);
void get_metrics(Service&, const Request&, const std::shared_ptr<Reply>&);
void get_page(Service&, const Request&, const std::shared_ptr<Reply>&);
void get_models(Service&, const Request&, const std::shared_ptr<Reply>&);
void get_model(Service&, const Request&, const std::shared_ptr<Reply>&);
void post_completions(Service&, const Request&, const std::shared_ptr<Reply>&);
void post_chat_completions(Service&, const Request&, const std::shared_ptr<Reply>&);
void get_vectors(Service&, const Request&, const std::shared_ptr<Reply>&);
void post_vectors(Service&, const Request&, const std::shared_ptr<Reply>&);
void get_vector(Service&, const Request&, const std::shared_ptr<Reply>&);
void delete_vector(Service&, const Request&, const std::shared_ptr<Reply>&);
void post_extract(Service&, const Request&, const std::shared_ptr<Reply>&);
void get_jobs(Service&, const Request&, const std::shared_ptr<Reply>&);
void get_job(Service&, const Request&, const std::shared_ptr<Reply>&);
void delete_job(Service&, const Request&, const std::shared_ptr<Reply>&);
void post_next(Service&, const Request&, const std::shared_ptr<Reply>&);
void post_logprobs(Service&, const Request&, const std::shared_ptr<Reply>&);
void post_activations(Service&, const Request&, const std::shared_ptr<Reply>&);
void post_tokenize(Service&, const Request&, const std::shared_ptr<Reply>&);
void post_detokenize(Service&, const Request&, const std::shared_ptr<Reply>&);
void get_tokenizer_info(Service&, const Request&, const std::shared_ptr<Reply>&);
void post_apply_template(Service&, const Request&, const std::shared_ptr<Reply>&);

}  // namespace tiller::serve

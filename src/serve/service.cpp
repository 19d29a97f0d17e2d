#include "serve/service.h"

#include <fmt/format.h>

#include <algorithm>

#include "tasks/json_events.h"

namespace tiller::serve {

std::string Service::next_id(const char* prefix) {
    return fmt::format("{}-{:x}-{}", prefix, started, ++n_id);
}

SteeringTerms Service::steering_of_model(const std::string& name) const {
    if (name.empty() || name == model_id) return {};
    if (name.size() > model_id.size() && name.starts_with(model_id) && name[model_id.size()] == '+')
        return parse_steering_text(std::string_view(name).substr(model_id.size() + 1), "model");
    throw Problem(404, "model_not_found",
                  fmt::format("the model {} is not served here; this is {} (with a vector: {}+NAME:SCALE)",
                              excerpt(name), model_id, model_id),
                  "model");
}

std::vector<Steering> Service::steerings_of(const std::string& name, const SteeringField& field) const {
    const SteeringTerms of_model = steering_of_model(name);
    if (!of_model.empty() && field.given)
        throw Problem(400, "invalid_value",
                      "steering: the model's name asks for vectors as well; give one of them", "steering");
    std::vector<Steering> steerings;
    if (!of_model.empty()) {
        steerings.push_back(apply_steering(of_model, vectors));
        return steerings;
    }
    for (const SteeringTerms& terms : field.entries) steerings.push_back(apply_steering(terms, vectors));
    return steerings;
}

std::string_view last_part(const Request& request) {
    return std::string_view(request.path).substr(request.path.rfind('/') + 1);
}

void send_json(const std::shared_ptr<Reply>& reply, int status, const Json& json) {
    reply->send(status, "application/json", dump(json));
}

void submit(Service& service, Submission submission) {
    std::uint64_t n_edit = 0;
    for (const Row& row : submission.rows) n_edit += row.edits.size();
    if (!service.worker.submit(std::move(submission))) {
        Problem problem(
            429, "queue_full",
            fmt::format("{} rows are computed or wait, and there is room for {}; try again in a moment",
                        service.worker.n_live(), service.worker.options().n_rows + service.options.n_queue));
        problem.retry_after = 1;
        throw problem;
    }
    service.metrics.count_edits(n_edit);
}

namespace {

// Results of several rows, until all are there.
struct Gather {
    std::vector<RowResult> results;
    std::size_t n_left;
    std::function<void(std::vector<RowResult>)> finish;
};

}  // namespace

void run_rows(Service& service, std::vector<Row> rows, const std::shared_ptr<Reply>& reply,
              std::function<void(std::vector<RowResult>)> finish) {
    auto gather =
        std::make_shared<Gather>(Gather{std::vector<RowResult>(rows.size()), rows.size(), std::move(finish)});
    const auto fail = [reply](std::exception_ptr error) {
        const Problem problem = problem_of(error);
        reply->send(problem.status, "application/json", error_body(problem));
    };
    Submission submission;
    submission.rows = std::move(rows);
    submission.gone = reply->gone();
    submission.failed = fail;
    submission.on_end = [gather, fail](std::size_t i, RowResult result) {
        gather->results[i] = std::move(result);
        if (--gather->n_left > 0) return;
        try {
            gather->finish(std::move(gather->results));
        } catch (...) {
            fail(std::current_exception());
        }
    };
    submit(service, std::move(submission));
}

}  // namespace tiller::serve

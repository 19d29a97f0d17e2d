// /health and /metrics.
#include <fmt/format.h>

#include "serve/service.h"

namespace tiller::serve {
namespace {

// Longest prompts of a 7B on two cores take some seconds a step.
constexpr double kStuckSeconds = 300;

}  // namespace

void get_health(Service& service, const Request&, const std::shared_ptr<Reply>& reply) {
    if (service.stopping) return send_json(reply, 503, {{"status", "stopping"}});
    const double seconds = service.worker.seconds_in_step();
    if (seconds > kStuckSeconds) return send_json(reply, 500, {{"status", "stuck"}, {"seconds", seconds}});
    send_json(reply, 200, {{"status", "ok"}});
}

void get_metrics(Service& service, const Request&, const std::shared_ptr<Reply>& reply) {
    const int active = service.worker.n_running();
    reply->send(200, "text/plain; version=0.0.4; charset=utf-8",
                service.metrics.text(active, std::max(service.worker.n_live() - active, 0)));
}

}  // namespace tiller::serve

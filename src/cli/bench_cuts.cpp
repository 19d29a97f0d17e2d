// What it costs to read or change activations: the engine's graph is cut at every node that is looked at, and
// over servers each cut is a message with the graph so far and, for the values, an answer that is waited for.
#include <linux/tcp.h>  // netinet/tcp.h has an old tcp_info
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>

#include "cli/bench_parts.h"

namespace tiller::cli {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

struct Traffic {
    double sent = 0, received = 0;  ///< Bytes.
};

/// Of all TCP connections of this process, since each began: over servers these are the engine's own.
Traffic traffic() {
    Traffic all;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator("/proc/self/fd", error)) {
        const std::string name = entry.path().filename().string();
        int fd = -1;
        std::from_chars(name.data(), name.data() + name.size(), fd);
        tcp_info info{};
        socklen_t size = sizeof info;
        if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) continue;
        all.sent += static_cast<double>(info.tcpi_bytes_acked);
        all.received += static_cast<double>(info.tcpi_bytes_received);
    }
    return all;
}

struct Case {
    const char* name;
    int n_cut;  ///< Nodes looked at in each step.
    std::function<void(Row&)> prepare;
    std::vector<double> seconds = {};  ///< For one step, by round.
    Traffic step = {};
};

// One step of all rows: the difference between many new tokens and one, so that prompts do not count.
void measure(const Bench& bench, Engine& engine, Case& c, int n_row) {
    double seconds[2] = {};
    Traffic bytes[2];
    const int n_new[2] = {1, std::max(bench.n_new, 2)};
    for (const int i : {0, 1}) {
        // Given tokens: a text that ends early would have fewer steps.
        auto rows = generation_rows(*bench.model, n_row, 0, false);
        for (Row& row : rows) {
            for (int k = 0; k < n_new[i]; ++k) row.forced.push_back((100 + k) % bench.model->info().n_vocab);
            c.prepare(row);
        }
        const Traffic before = traffic();
        seconds[i] = seconds_of([&] { engine.run(rows); });
        const Traffic after = traffic();
        bytes[i] = {after.sent - before.sent, after.received - before.received};
    }
    const double n_step = n_new[1] - 1;
    c.seconds.push_back((seconds[1] - seconds[0]) / n_step);
    c.step = {(bytes[1].sent - bytes[0].sent) / n_step, (bytes[1].received - bytes[0].received) / n_step};
}

}  // namespace

json bench_cuts(const Bench& bench, int n_row) {
    const ModelInfo& info = bench.model->info();
    const auto vector =
        std::make_shared<const std::vector<float>>(static_cast<std::size_t>(info.n_embd), 0.001f);
    const Positions later = {Positions::Kind::generated, 0, 0};
    std::vector<Case> cases = {
        {"nothing", 0, [](Row&) {}},
        {"vector at one layer", 1,
         [&](Row& row) {
             row.edits = {{Site::residual, info.n_layer / 2, -1, Operation::add, later, vector, 1}};
         }},
        {"capture of all layers", info.n_layer,
         [&](Row& row) {
             row.captures = {{Site::residual, 0, -1, later, false}};
         }},
    };
    const auto engine = bench.engine(n_row);
    for (int round = 0; round <= bench.repeats; ++round) {
        bench.say("cuts, round " + std::to_string(round));
        for (Case& c : cases) {
            measure(bench, *engine, c, n_row);
            if (round == 0) c.seconds.clear();  // caches are made
        }
    }
    json list = json::array();
    const double plain = median(cases.front().seconds);
    for (const Case& c : cases) {
        const double seconds = median(c.seconds);
        list.push_back({{"what", c.name},
                        {"cuts", c.n_cut},
                        {"seconds_per_step", seconds},
                        {"ratio", seconds / plain},
                        {"seconds_per_cut", c.n_cut > 0 ? json((seconds - plain) / c.n_cut) : json()},
                        {"bytes_sent_per_step", c.step.sent},
                        {"bytes_received_per_step", c.step.received}});
    }
    return {{"rows", n_row}, {"new_tokens", bench.n_new}, {"servers", info.servers.size()}, {"cases", list}};
}

}  // namespace tiller::cli

#include "many/probe.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <set>
#include <span>

#include "core/util.h"
#include "statistics/log_sum_exp.h"

namespace tiller::study {
namespace {

constexpr std::size_t kSpread = 16;  // log-probabilities kept of each row, spread over the vocabulary

Row probe_row(int n_vocab, int length, int first) {
    Row row;
    for (int i = 0; i < length; ++i) row.prompt.push_back((i * 31 + first) % n_vocab);
    for (int i = 0; i < 4; ++i) row.forced.push_back((i * 17 + first + 5) % n_vocab);
    row.want_logits = true;
    return row;
}

void add(Digest& digest, std::span<const float> values) {
    digest.add(std::string_view(reinterpret_cast<const char*>(values.data()), values.size_bytes()));
}

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

}  // namespace

MachineProbe probe_machine(Engine& engine) {
    const int n_vocab = engine.info().n_vocab;
    // Lengths that fill whole tiles of a matrix unit and that leave tiles partly filled.
    const std::vector<Row> rows = {probe_row(n_vocab, 40, 7), probe_row(n_vocab, 24, 11),
                                   probe_row(n_vocab, 5, 3)};
    const auto together = engine.run(rows), alone = engine.run(std::span(rows).first(1)),
               forked = engine.fork(rows);
    Digest digest;
    for (const auto* results : {&together, &alone, &forked})
        for (const RowResult& result : *results)
            add(digest, result.logits), add(digest, result.forced_logprob);
    MachineProbe out;
    for (const RowResult& result : together) {
        out.logprobs.insert(out.logprobs.end(), result.forced_logprob.begin(), result.forced_logprob.end());
        const double lse = log_sum_exp(std::span<const float>(result.logits));
        for (std::size_t i = 0; i < kSpread; ++i)
            out.logprobs.push_back(static_cast<double>(result.logits[i * result.logits.size() / kSpread]) -
                                   lse);
    }
    out.machine_class = digest.hex().substr(0, 12);
    return out;
}

double apart(const std::vector<double>& a, const std::vector<double>& b) {
    double most = a.size() == b.size() && !a.empty() ? 0 : std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
        const double difference = std::abs(a[i] - b[i]);
        most = std::isnan(difference) ? std::numeric_limits<double>::infinity() : std::max(most, difference);
    }
    return most;
}

std::string program_digest() {
    std::set<std::string> files = {"/proc/self/exe"};
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        const auto slash = line.find('/');
        if (slash == std::string::npos) continue;
        const std::string path = line.substr(slash), name = path.substr(path.rfind('/') + 1);
        for (const char* ours : {"libllama", "libggml", "libtiller"})
            if (name.starts_with(ours)) files.insert(path);
    }
    std::set<std::string> digests;  // sorted by digest, since paths may differ between machines
    for (const auto& file : files) digests.insert(sha256_file(file));
    Digest digest;
    for (const auto& file : digests) digest.add(file);
    return digest.hex();
}

std::string host_name() {
    char name[256] = {};
    return ::gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

std::string scheduler_job() {
    std::string job = variable("SLURM_ARRAY_JOB_ID");
    if (!job.empty())
        job += "_" + variable("SLURM_ARRAY_TASK_ID");
    else
        job = variable("SLURM_JOB_ID");
    if (job.empty()) return "";
    std::string text = "Slurm " + job;
    if (const auto node = variable("SLURMD_NODENAME"); !node.empty()) text += " on " + node;
    if (const auto restarts = variable("SLURM_RESTART_COUNT"); !restarts.empty() && restarts != "0")
        text += ", restart " + restarts;
    return text;
}

}  // namespace tiller::study

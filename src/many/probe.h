// Do two machines compute the same numbers? Each computes a fixed probe, to be compared; and what a worker
// records of its program, machine and job.
#pragma once

#include <string>
#include <vector>

#include "tiller/engine.h"

namespace tiller::study {

/// What a machine computes for a fixed probe: three rows of fixed prompt tokens and four forced tokens each.
/// They are computed in one run(), the first row by itself, and in a fork().
struct MachineProbe {
    /// 12 hexadecimal digits of the SHA-256 of the bits of all logits and log-probabilities. Equal digests
    /// mean that the machines' arithmetic is the same as far as these rows tell.
    std::string machine_class;
    /// Log-probabilities in nats, row by row: of its 4 forced tokens, then of 16 tokens spread over the
    /// vocabulary, by its logits (RowResult::logits).
    std::vector<double> logprobs;
};
/// Runs the probe. Changes nothing of the engine but its caches and statistics.
MachineProbe probe_machine(Engine& engine);

/// The largest difference of two probes of one model (MachineProbe::logprobs), in nats. Infinite when they
/// are empty, differ in length, or a value is NaN.
double apart(const std::vector<double>& a, const std::vector<double>& b);
/// How far the probes of two machines that compute in float32 throughout may differ, in nats
/// (docs/architectures.md).
inline constexpr double kExactBound = 1e-4;

/// SHA-256 over the program's own file and the shared libraries of the engine and of tiller that it has
/// loaded, in hexadecimal.
std::string program_digest();

/// This machine's host name; "unknown" when the system gives none.
std::string host_name();

/// The scheduler's name for this job ("Slurm 12_3 on n1, restart 1"); empty outside of Slurm.
std::string scheduler_job();

}  // namespace tiller::study

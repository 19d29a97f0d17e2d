// Do two machines compute the same numbers? What each says of itself, to be compared.
#pragma once

#include <string>
#include <vector>

#include "tiller/engine.h"

namespace tiller::study {

/// What a machine computes for a fixed probe: three rows of fixed tokens with forced ones behind them,
/// together and alone.
struct MachineProbe {
    /// 12 hexadecimal digits of the SHA-256 of the bits of all logits and log-probabilities. Equal digests
    /// mean that the machines' arithmetic is the same as far as these rows tell.
    std::string machine_class;
    /// Log-probabilities: of the forced tokens of each row, then of tokens spread over the vocabulary after
    /// its prompt.
    std::vector<double> logprobs;
};
/// Leaves the engine as it was, but for its caches.
MachineProbe probe_machine(Engine& engine);

/// The largest difference of two probes of one model, in nats; infinite where they are not of one length, or
/// where one has no number.
double apart(const std::vector<double>& a, const std::vector<double>& b);
/// What float32 throughout (exact) may differ by between machines, in nats (docs/architectures.md).
inline constexpr double kExactBound = 1e-4;

/// SHA-256 over the program's own file and the engine's shared libraries that it has loaded.
std::string program_digest();

/// This machine's name.
std::string host_name();

/// The scheduler's name for this job ("Slurm 12_3 on n1, restarted 1 time"); empty without one.
std::string scheduler_job();

}  // namespace tiller::study

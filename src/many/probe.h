// Do two machines compute the same numbers? What each says of itself, to be compared.
#pragma once

#include <string>

#include "tiller/engine.h"

namespace tiller::study {

/// 12 hexadecimal digits of the SHA-256 of the bits of a fixed probe's logits and log-probabilities: three
/// rows of fixed tokens with forced ones behind them, together and alone. Equal digests mean that the
/// machines' arithmetic is the same as far as these rows tell. Leaves the engine as it was, caches apart.
std::string machine_class(Engine& engine);

/// SHA-256 over the program's own file and the engine's shared libraries that it has loaded.
std::string program_digest();

/// This machine's name.
std::string host_name();

/// The scheduler's name for this job ("Slurm 12_3 on n1, restarted 1 time"); empty without one.
std::string scheduler_job();

}  // namespace tiller::study

// What the engine computes with on this machine.
#pragma once

#include <string>
#include <vector>

namespace tiller {

struct Backend {
    std::string name;                   ///< The engine's: "CPU", "CUDA", "Vulkan".
    std::string library;                ///< "libggml-cpu-zen4.so" where it is a library of its own, else "".
    std::vector<std::string> features;  ///< Kernels it was built with: "AVX512_VNNI"; may be empty.
    std::vector<std::string> devices;   ///< Names of what it computes on; may be empty.
};

/// The backends in this process, in the engine's order; at least the CPU's unless an installation lacks its
/// libraries. The first call starts the engine as Model::load() does. Any thread.
std::vector<Backend> backends();

}  // namespace tiller

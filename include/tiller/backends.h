// What the engine computes with on this machine.
#pragma once

#include <string>
#include <vector>

namespace tiller {

struct Backend {
    std::string name;  ///< The engine's: "CPU", "CUDA", "Vulkan".
    std::string
        library;  ///< File name of its library, like "libggml-cpu-haswell.so"; "" when it is linked in.
    std::vector<std::string> features;  ///< Kernels it was built with: "AVX512_VNNI"; may be empty.
    std::vector<std::string> devices;   ///< Descriptions of the devices that it computes on; may be empty.
};

/// The backends loaded in this process, in the engine's order. The CPU's is one of them unless the
/// installation lacks its libraries. Starts the engine as Model::load() does, if nothing has yet.
/// Thread-safe.
std::vector<Backend> backends();

}  // namespace tiller

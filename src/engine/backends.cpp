#include "tiller/backends.h"

#include <dlfcn.h>
#include <ggml-backend.h>

#include <filesystem>

#include "engine/engine_log.h"

namespace tiller {
namespace {

/// The file that the code at `address` lies in, without its folder.
std::string library_of(void* address) {
    Dl_info info{};
    if (address == nullptr || ::dladdr(address, &info) == 0 || info.dli_fname == nullptr) return {};
    return std::filesystem::path(info.dli_fname).filename().string();
}

std::vector<std::string> features_of(void* get_features, ggml_backend_reg_t registry) {
    std::vector<std::string> names;
    if (get_features == nullptr) return names;
    const auto* feature = reinterpret_cast<ggml_backend_get_features_t>(get_features)(registry);
    for (; feature != nullptr && feature->name != nullptr; ++feature)
        if (std::string(feature->value) != "0") names.emplace_back(feature->name);
    return names;
}

}  // namespace

std::vector<Backend> backends() {
    const engine::EngineLog log;
    std::vector<Backend> found;
    for (std::size_t i = 0; i < ggml_backend_reg_count(); ++i) {
        const ggml_backend_reg_t registry = ggml_backend_reg_get(i);
        void* get_features = ggml_backend_reg_get_proc_address(registry, "ggml_backend_get_features");
        Backend backend{.name = ggml_backend_reg_name(registry),
                        .library = library_of(get_features),
                        .features = features_of(get_features, registry),
                        .devices = {}};
        // Linked into this program: no library of its own.
        if (!backend.library.starts_with("libggml-")) backend.library.clear();
        for (std::size_t k = 0; k < ggml_backend_reg_dev_count(registry); ++k)
            backend.devices.emplace_back(ggml_backend_dev_description(ggml_backend_reg_dev_get(registry, k)));
        found.push_back(std::move(backend));
    }
    return found;
}

}  // namespace tiller

// Where models are downloaded from and looked for, and how often a download is tried again.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>

namespace tiller::hub {

struct Settings {
    std::string endpoint;               ///< The hub: "https://host", without a slash at the end.
    std::string token;                  ///< Access token; empty: none.
    bool offline = false;               ///< Are only the caches used?
    std::filesystem::path own;          ///< Where downloads go: own/user/repo/file.
    std::filesystem::path hub_cache;    ///< The cache of huggingface_hub; empty: none.
    std::filesystem::path llama_cache;  ///< The cache of llama.cpp; empty: none.

    int n_try = 5;  ///< A download is given up after so many tries in a row without progress.
    std::chrono::milliseconds first_wait{1000};  ///< Before the second try; doubles five times at most.
    int stall_seconds = 60;                      ///< A transfer without a byte for so long counts as cut off.

    /// Gets messages for the user, one line each.
    std::function<void(const std::string&)> say = [](const std::string&) {};
    /// Called often; true interrupts waiting and downloading.
    std::function<bool()> stop = [] { return false; };
    /// Gets the name of the file that is downloaded ("model.gguf"), bytes so far, bytes in all.
    std::function<void(const std::string&, std::size_t, std::size_t)> progress =
        [](const std::string&, std::size_t, std::size_t) {};
};

/// From the variables HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE, HF_HUB_CACHE (else HF_HOME/hub) and LLAMA_CACHE,
/// and tiller's own cache folder. When neither HF_TOKEN nor HF_ENDPOINT is set, the token is read from the
/// file where huggingface_hub keeps it (HF_TOKEN_PATH, else HF_HOME/token). Throws usage (an endpoint that is
/// not an http or https address, a token that cannot be sent or would go to another machine unencrypted),
/// environment (no cache folder).
Settings settings_from_environment();

}  // namespace tiller::hub

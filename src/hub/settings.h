// Where models are downloaded from, where they are looked for, and how patient a download is.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>

namespace tiller::hub {

struct Settings {
    std::string endpoint;               ///< "https://host", without a slash at the end.
    std::string token;                  ///< Empty: none.
    bool offline = false;               ///< Only the caches are looked at.
    std::filesystem::path own;          ///< Where downloads go: own/user/repo/file.
    std::filesystem::path hub_cache;    ///< The hub's own package's; empty: none.
    std::filesystem::path llama_cache;  ///< llama.cpp's; empty: none.

    int n_try = 5;  ///< Tries in a row that bring nothing before a download is given up.
    std::chrono::milliseconds first_wait{1000};  ///< Before the second try; doubles with each.
    int stall_seconds = 60;  ///< Without a byte for so long, a transfer counts as cut off.

    std::function<void(const std::string&)> say = [](const std::string&) {};
    std::function<bool()> stop = [] { return false; };
    /// What is downloaded ("model.gguf"), bytes so far, bytes in all.
    std::function<void(const std::string&, std::size_t, std::size_t)> progress =
        [](const std::string&, std::size_t, std::size_t) {};
};

/// From HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE, HF_HUB_CACHE (else HF_HOME/hub), LLAMA_CACHE and tiller's own
/// cache folder. Without HF_TOKEN and HF_ENDPOINT, the token is read from the file that the hub's own package
/// keeps it in (HF_TOKEN_PATH, else HF_HOME/token). Throws usage (an endpoint that is no http or https
/// address, a token that cannot be sent or would go to another machine unencrypted), environment (no home
/// folder).
Settings settings_from_environment();

}  // namespace tiller::hub

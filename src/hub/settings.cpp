#include "hub/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "core/escape_controls.h"
#include "core/paths.h"
#include "hub/http.h"
#include "tiller/error.h"

namespace tiller::hub {
namespace {

namespace fs = std::filesystem;

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

fs::path cache_home() {
    if (const auto xdg = variable("XDG_CACHE_HOME"); !xdg.empty()) return xdg;
    if (const auto home = variable("HOME"); !home.empty()) return fs::path(home) / ".cache";
    return {};
}

fs::path hub_cache() {
    if (const auto folder = variable("HF_HUB_CACHE"); !folder.empty()) return folder;
    if (const auto home = variable("HF_HOME"); !home.empty()) return fs::path(home) / "hub";
    const fs::path home = cache_home();
    return home.empty() ? home : home / "huggingface" / "hub";
}

fs::path llama_cache() {
    if (const auto folder = variable("LLAMA_CACHE"); !folder.empty()) return folder;
    const fs::path home = cache_home();
    return home.empty() ? home : home / "llama.cpp";
}

bool is_on(std::string value) {
    for (char& c : value) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return value == "1" || value == "ON" || value == "YES" || value == "TRUE";
}

bool is_this_machine(const std::string& origin) {
    for (const char* host : {"://127.0.0.1:", "://localhost:", "://[::1]:"})
        if (origin.find(host) != std::string::npos) return true;
    return false;
}

}  // namespace

Settings settings_from_environment() {
    Settings s;
    s.endpoint = variable("HF_ENDPOINT");
    if (s.endpoint.empty()) s.endpoint = "https://huggingface.co";
    while (s.endpoint.ends_with('/')) s.endpoint.pop_back();
    const std::string origin = origin_of(s.endpoint);
    if (origin.empty() || s.endpoint.find_first_of(" ?#@") != std::string::npos)
        throw Error(Code::usage,
                    fmt::format("HF_ENDPOINT is {}, expected an address like https://hub.example",
                                escape_line(s.endpoint)));
    s.token = variable("HF_TOKEN");
    if (std::any_of(s.token.begin(), s.token.end(), [](unsigned char c) { return c <= 0x20 || c >= 0x7f; }))
        throw Error(Code::usage,
                    "HF_TOKEN holds blanks, line breaks or other characters that no token has; "
                    "set it anew");
    if (!s.token.empty() && origin.starts_with("http:") && !is_this_machine(origin))
        throw Error(Code::usage,
                    fmt::format("HF_TOKEN would go to {} unencrypted; give HF_ENDPOINT an https address, or "
                                "unset HF_TOKEN",
                                escape_line(s.endpoint)));
    s.offline = is_on(variable("HF_HUB_OFFLINE"));
    s.own = cache_dir() / "models" / "hf";
    s.hub_cache = hub_cache();
    s.llama_cache = llama_cache();
    return s;
}

}  // namespace tiller::hub

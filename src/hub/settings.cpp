#include "hub/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>

#include "core/escape_controls.h"
#include "core/paths.h"
#include "hub/http.h"
#include "tiller/error.h"

namespace tiller::hub {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostTokenBytes = 4096;

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

fs::path cache_home() {
    if (const auto xdg = variable("XDG_CACHE_HOME"); !xdg.empty()) return xdg;
    if (const auto home = variable("HOME"); !home.empty()) return fs::path(home) / ".cache";
    return {};
}

// The folder of huggingface_hub (the hub's own package); empty when no variable says where it is.
fs::path hub_home() {
    if (const auto home = variable("HF_HOME"); !home.empty()) return home;
    const fs::path home = cache_home();
    return home.empty() ? home : home / "huggingface";
}

fs::path hub_cache() {
    if (const auto folder = variable("HF_HUB_CACHE"); !folder.empty()) return folder;
    const fs::path home = hub_home();
    return home.empty() ? home : home / "hub";
}

void check_token(const std::string& token, const std::string& from, const char* next) {
    if (std::any_of(token.begin(), token.end(), [](unsigned char c) { return c <= 0x20 || c >= 0x7f; }))
        throw Error(Code::usage,
                    fmt::format("{} holds blanks, line breaks or other characters that no token has; {}",
                                from, next));
}

// The token that huggingface_hub keeps ("hf auth login"); empty when there is none.
std::string stored_token() {
    fs::path file = variable("HF_TOKEN_PATH");
    if (file.empty() && !hub_home().empty()) file = hub_home() / "token";
    std::ifstream in(file, std::ios::binary);
    std::string text(kMostTokenBytes, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.pop_back();
    check_token(text, escape_line(file.string()), "log in anew (hf auth login), or set HF_TOKEN");
    return text;
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
    const bool usual = s.endpoint.empty();
    if (usual) s.endpoint = "https://huggingface.co";
    while (s.endpoint.ends_with('/')) s.endpoint.pop_back();
    const std::string origin = origin_of(s.endpoint);
    if (origin.empty() || s.endpoint.find_first_of(" ?#@") != std::string::npos)
        throw Error(Code::usage,
                    fmt::format("HF_ENDPOINT is {}, expected an address like https://hub.example",
                                escape_line(s.endpoint)));
    s.token = variable("HF_TOKEN");
    check_token(s.token, "HF_TOKEN", "set it anew");
    // The stored token is for the usual hub. Another hub gets a token only when the user sets HF_TOKEN.
    if (s.token.empty() && usual) s.token = stored_token();
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

#include "hub/repository.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <thread>

#include "core/escape_controls.h"
#include "core/strict_json.h"
#include "core/util.h"
#include "tiller/error.h"

namespace tiller::hub {
namespace {

using nlohmann::json;
constexpr std::size_t kMostBytes = 32u << 20;  // of one page of the list of files
constexpr int kMostPages = 100, kMostFiles = 200000;
constexpr std::uint64_t kLargestFile = std::uint64_t{1} << 46;

[[noreturn]] void no_list(const Name& name, const Settings& s, const std::string& why) {
    throw Error(
        Code::bad_input,
        fmt::format("{}: what {} answers is no list of files ({}); is HF_ENDPOINT the address of a hub?",
                    name.text(), s.endpoint, why));
}

bool is_sha256(const std::string& text) {
    return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

RemoteFile file_of(const json& entry, const std::string& path, const Name& name, const Settings& s) {
    RemoteFile file;
    file.path = path;
    const json& size = entry.contains("lfs") && entry["lfs"].is_object() && entry["lfs"].contains("size")
                           ? entry["lfs"]["size"]
                           : entry.value("size", json());
    if (!size.is_number_unsigned() || size.get<std::uint64_t>() > kLargestFile)
        no_list(name, s, fmt::format("the size of {} is {}", escape_line(path), escape_line(size.dump())));
    file.bytes = size;
    if (entry.contains("lfs") && entry["lfs"].is_object() && entry["lfs"].contains("oid")) {
        const json& oid = entry["lfs"]["oid"];
        if (!oid.is_string() || !is_sha256(oid.get<std::string>()))
            no_list(name, s,
                    fmt::format("the SHA-256 of {} is {}", escape_line(path), escape_line(oid.dump())));
        file.sha256 = oid;
    }
    return file;
}

// Adds the files of one page of the list. Size and digest are read only of GGUF files; there may be thousands
// of others.
void add_files(const std::string& page, std::vector<RemoteFile>& files, const Name& name, const Settings& s) {
    const json list = parse_strict_json(
        page, 16, [&](JsonFault, const std::string& detail) { no_list(name, s, escape_line(detail)); });
    if (!list.is_array()) no_list(name, s, fmt::format("a JSON {}", list.type_name()));
    for (const json& entry : list) {
        if (!entry.is_object() || !entry.contains("path") || !entry["path"].is_string())
            no_list(name, s, "an entry without a path");
        if (entry.value("type", json("file")) != "file") continue;
        const std::string path = entry["path"];
        if (static_cast<int>(files.size()) >= kMostFiles) no_list(name, s, "too many files");
        if (!path.ends_with(".gguf"))
            files.push_back({path, 0, ""});
        else if (!is_safe_path(path))
            no_list(name, s, fmt::format("the path '{}'", escape_line(path)));
        else
            files.push_back(file_of(entry, path, name, s));
    }
}

// The url in `Link: <url>; rel="next"`; "" when there is no next page.
std::string next_page(const HttpResponse& response) {
    const std::string link = response.header("link");
    const auto rel = link.find("rel=\"next\"");
    if (rel == std::string::npos) return {};
    const auto begin = link.rfind('<', rel);
    const auto end = link.find('>', begin);
    return begin == std::string::npos || end == std::string::npos ? ""
                                                                  : link.substr(begin + 1, end - begin - 1);
}

// The seconds in Retry-After; -1 when there is no such header or it is a date.
int retry_after(const HttpResponse& response) {
    const std::string text = response.header("retry-after");
    int seconds = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    return error == std::errc() && end == text.data() + text.size() && seconds >= 0 ? seconds : -1;
}

}  // namespace

std::string url_of(const Name& name, const std::string& path, const Settings& settings) {
    return fmt::format("{}/{}/resolve/main/{}", settings.endpoint, name.repo, encode_path(path));
}

void refuse(const HttpResponse& response, const std::string& what, const Name& name, const Settings& s) {
    const std::string where = fmt::format("{} ({})", what, s.endpoint);
    const std::string again = "what is already here is kept, and the same command goes on from there";
    const auto says = [&](Code code, const std::string& text) { throw Error(code, where + ": " + text); };
    if (response.stopped)
        throw Error(Code::interrupted, fmt::format("interrupted while fetching {}; {}", what, again));
    const bool has_token = !s.token.empty();
    switch (response.status) {
        case 401:
        case 403:
            if (response.header("x-error-code") == "GatedRepo")
                says(
                    Code::environment,
                    fmt::format("access is granted on request ({}): accept the terms on the page of {}, then "
                                "log in (hf auth login) or set HF_TOKEN to a token of yours",
                                response.status, name.repo));
            says(Code::environment,
                 fmt::format(
                     "access is refused ({}): {}", response.status,
                     has_token
                         ? "HF_TOKEN, or the token that you are logged in with, may not read it; give one "
                           "that may, or check the name"
                         : "the repository is private or there is none of that name; check the "
                           "name, or set HF_TOKEN to a token that may read it"));
            break;
        case 404:
            says(Code::missing, "the hub knows no such repository or file (404); check the name");
            break;
        case 429: {
            const int seconds = retry_after(response);
            says(Code::environment,
                 fmt::format("too many requests (429){}; wait and try again{}: {}",
                             seconds < 0 ? "" : fmt::format(", it asks to wait {} s", seconds),
                             has_token ? "" : ", or set HF_TOKEN, which raises the limit", again));
            break;
        }
        case 0: break;
        default:
            if (response.failure.empty() && (response.status < 200 || response.status >= 300))
                says(Code::environment,
                     fmt::format("the server answers {}; try again later: {}", response.status, again));
    }
    const std::string failure = response.failure.empty() ? "it was cut off" : response.failure;
    says(Code::environment,
         fmt::format(
             "cannot be fetched: {}; check the network connection and HF_ENDPOINT, and try again ({}). "
             "HF_HUB_OFFLINE=1 uses only what is already here",
             escape_line(failure), again));
    std::abort();  // not reached: says() throws
}

bool Patience::another_try(const HttpResponse& response, const std::string& what) {
    constexpr int longest = 120;  // seconds that a server may ask for
    const int status = response.status;
    const bool is_busy = response.failure.empty() && (status == 408 || status == 429 || status == 500 ||
                                                      (status >= 502 && status <= 504));
    if (response.stopped || !(is_busy || response.may_come_back) || ++n_ >= settings_.n_try) return false;
    std::chrono::milliseconds wait = settings_.first_wait * (1 << std::min(n_ - 1, 5));
    if (const int asked = retry_after(response); asked >= 0 && is_busy) {
        if (asked > longest) return false;
        wait = std::chrono::seconds(asked);
    }
    settings_.say(fmt::format("{}: {}; trying again in {:.0f} s", what,
                              response.failure.empty() ? fmt::format("the server answers {}", status)
                                                       : escape_line(response.failure),
                              std::chrono::duration<double>(wait).count()));
    const auto until = std::chrono::steady_clock::now() + wait;
    while (std::chrono::steady_clock::now() < until) {
        std::this_thread::sleep_for(std::min(std::chrono::milliseconds(100), wait));
        if (settings_.stop())
            throw Error(Code::interrupted, fmt::format("interrupted while fetching {}", what));
    }
    return true;
}

std::vector<RemoteFile> list_files(const Name& name, const Settings& settings) {
    std::vector<RemoteFile> files;
    std::string url = fmt::format("{}/api/models/{}/tree/main?recursive=true", settings.endpoint, name.repo);
    Patience patience(settings);
    for (int page = 0; !url.empty() && page < kMostPages;) {
        std::string text;
        HttpRequest request;
        request.url = url, request.token = settings.token;
        request.stop = settings.stop, request.stall_seconds = settings.stall_seconds;
        request.body = [&](std::string_view bytes) {
            if (text.size() + bytes.size() > kMostBytes) no_list(name, settings, "too long");
            text += bytes;
        };
        HttpResponse response = get(request);
        // No tries again before the first page: the address may be wrong, or there is no network.
        if (response.status == 0 && page == 0) response.may_come_back = false;
        if (!response.failure.empty() || response.status < 200 || response.status >= 300) {
            if (patience.another_try(response, name.text())) continue;
            refuse(response, name.text(), name, settings);
        }
        add_files(text, files, name, settings);
        url = next_page(response);
        if (!url.empty() && origin_of(url) != origin_of(settings.endpoint))
            no_list(name, settings, "its next page is on another host");
        ++page;
    }
    if (!url.empty()) no_list(name, settings, fmt::format("more than {} pages", kMostPages));
    return files;
}

}  // namespace tiller::hub

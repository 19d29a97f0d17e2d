// get() by libcurl, which no other file includes.
#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <exception>
#include <memory>
#include <mutex>
#include <utility>

#include "hub/http.h"
#include "tiller/error.h"
#include "tiller/version.h"

namespace tiller::hub {
namespace {

struct FreeEasy {
    void operator()(CURL* p) const { curl_easy_cleanup(p); }
};
struct FreeList {
    void operator()(curl_slist* p) const { curl_slist_free_all(p); }
};

void start_curl() {
    static std::once_flag once;
    static CURLcode code = CURLE_OK;
    std::call_once(once, [] { code = curl_global_init(CURL_GLOBAL_DEFAULT); });
    if (code != CURLE_OK)
        throw Error(Code::environment, fmt::format("libcurl does not start: {}", curl_easy_strerror(code)));
}

// The state of one request of a chain, for libcurl's callbacks.
struct Transfer {
    const HttpRequest& request;
    HttpResponse& response;
    bool began = false;
    std::exception_ptr thrown = {};
};

bool is_good(int status) { return status >= 200 && status < 300; }

std::string trimmed(std::string_view text) {
    const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return std::string(text);
}

// libcurl is C: no exception may pass through it. Returning another count than n ends the transfer.
std::size_t on_header(char* data, std::size_t, std::size_t n, void* user) {
    auto& t = *static_cast<Transfer*>(user);
    try {
        const std::string_view line(data, n);
        if (line.starts_with("HTTP/")) {  // a status line; there may be several (100, a proxy's)
            const auto blank = line.find(' ');
            t.response.status = blank == std::string_view::npos ? 0 : std::atoi(line.data() + blank);
            return n;
        }
        const auto colon = line.find(':');
        if (colon == std::string_view::npos || t.response.headers.size() > 200) return n;
        std::string name(line.substr(0, colon));
        for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        t.response.headers[name] = trimmed(line.substr(colon + 1));
        return n;
    } catch (...) {
        t.thrown = std::current_exception();
        return 0;
    }
}

std::size_t on_body(char* data, std::size_t, std::size_t n, void* user) {
    auto& t = *static_cast<Transfer*>(user);
    if (!is_good(t.response.status)) return n;  // ignores the page of an error
    try {
        if (!std::exchange(t.began, true) && t.request.begin) t.request.begin(t.response);
        if (t.request.body) t.request.body({data, n});
        return n;
    } catch (...) {
        t.thrown = std::current_exception();
        return 0;
    }
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    auto& t = *static_cast<Transfer*>(user);
    try {
        if (t.request.stop && t.request.stop()) t.response.stopped = true;
    } catch (...) {
        t.thrown = std::current_exception();
        return 1;
    }
    return t.response.stopped ? 1 : 0;
}

// May another try succeed? Yes for transfers that were cut off or timed out, and for hosts that were not
// reached.
bool may_come_back(CURLcode code) {
    switch (code) {
        case CURLE_PARTIAL_FILE:
        case CURLE_RECV_ERROR:
        case CURLE_SEND_ERROR:
        case CURLE_GOT_NOTHING:
        case CURLE_OPERATION_TIMEDOUT:
        case CURLE_HTTP2:
        case CURLE_HTTP2_STREAM:
        case CURLE_COULDNT_CONNECT:
        case CURLE_COULDNT_RESOLVE_HOST: return true;
        default: return false;
    }
}

using Easy = std::unique_ptr<CURL, FreeEasy>;

// Makes one request, without following redirects. `next` gets where the answer redirects to, if it does.
void perform(const Easy& curl, const std::string& url, bool with_token, Transfer& t, std::string& next) {
    curl_easy_reset(curl.get());
    const auto set = [&](CURLoption option, auto value) { curl_easy_setopt(curl.get(), option, value); };
    char error[CURL_ERROR_SIZE] = {};
    const std::string agent = fmt::format("tiller/{}", TILLER_VERSION);
    std::unique_ptr<curl_slist, FreeList> headers;
    if (with_token)
        headers.reset(
            curl_slist_append(nullptr, fmt::format("Authorization: Bearer {}", t.request.token).c_str()));
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_USERAGENT, agent.c_str());
    set(CURLOPT_HTTPHEADER, headers.get());
    set(CURLOPT_ERRORBUFFER, error);
    set(CURLOPT_CONNECTTIMEOUT, 30L);
    set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(t.request.stall_seconds));
    set(CURLOPT_HEADERFUNCTION, on_header);
    set(CURLOPT_HEADERDATA, &t);
    set(CURLOPT_WRITEFUNCTION, on_body);
    set(CURLOPT_WRITEDATA, &t);
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, on_progress);
    set(CURLOPT_XFERINFODATA, &t);
    const std::string range = fmt::format("{}-", t.request.from);
    if (t.request.from > 0) set(CURLOPT_RANGE, range.c_str());
    const CURLcode code = curl_easy_perform(curl.get());
    if (t.thrown) std::rethrow_exception(t.thrown);
    // libcurl does not call on_body() for an empty body.
    if (code == CURLE_OK && is_good(t.response.status) && !t.began && t.request.begin)
        t.request.begin(t.response);
    if (code != CURLE_OK) {
        t.response.failure = error[0] != '\0' ? error : curl_easy_strerror(code);
        t.response.may_come_back = may_come_back(code);
    }
    const char* to = nullptr;
    if (curl_easy_getinfo(curl.get(), CURLINFO_REDIRECT_URL, &to) == CURLE_OK && to != nullptr) next = to;
    set(CURLOPT_ERRORBUFFER, nullptr);
}

}  // namespace

bool can_download() noexcept { return true; }

HttpResponse get(const HttpRequest& request) {
    start_curl();
    const Easy curl(curl_easy_init());
    if (!curl) throw Error(Code::environment, "libcurl does not start; is memory short?");
    HttpResponse response;
    std::string url = request.url;
    const std::string home = origin_of(url);
    for (int hop = 0; hop <= 10; ++hop) {
        Transfer transfer{request, response};
        std::string next;
        response.status = 0;
        response.headers.erase("location");
        const bool at_home = origin_of(url) == home;
        perform(curl, url, at_home && !request.token.empty(), transfer, next);
        if (!response.failure.empty() || next.empty() || response.status < 300 || response.status >= 400)
            return response;
        if (origin_of(next).empty() || (url.starts_with("https://") && !next.starts_with("https://"))) {
            response.failure = fmt::format("it redirects to {}, which is not followed", next.substr(0, 200));
            return response;
        }
        for (const char* name : {"content-length", "content-range", "etag", "retry-after"})
            response.headers.erase(name);  // these are about the redirect's own body
        url = next;
    }
    response.failure = "it redirects more than 10 times";
    return response;
}

}  // namespace tiller::hub

// The server as a network program: connections, limits, those who may not ask, clients that vanish, its end.
#include <chrono>
#include <random>

#include "support/serve_fixture.h"

namespace tiller {
namespace {

using test::HttpAnswer;
using test::HttpConnection;

class ServeHttp : public test::ServeTest {
protected:
    /// A model that takes a while.
    void be_slow() {
        test::TinyOptions o = test::chat_model();
        o.n_embd = 256;
        o.n_ff = 1024;
        o.d_head = 64;
        o.n_layer = 8;
        model_ = Model::load(test::make_tiny_model(o));
        options_.vectors.clear();
        options_.row_tokens = 512;
    }
    /// A request that takes a while then: most tokens that fit, for several rows.
    Json long_request(int n = 4) const {
        Json bias = Json::object();
        for (Token token = 0; token < model_->info().n_vocab; ++token)
            if (model_->is_end_of_generation(token)) bias[std::to_string(token)] = -100;
        return {{"prompt", "a"},    {"max_tokens", 500}, {"n", n},
                {"temperature", 1}, {"seed", 1},         {"logit_bias", bias}};
    }
    void wait_for_metric(const std::string& name, double value) {
        for (int i = 0; i < 200 && metric(name) != value; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        EXPECT_EQ(metric(name), value);
    }
    std::string code_of(const HttpAnswer& answer) {
        return answer.status < 400 ? "" : answer.json().at("error").at("code").get<std::string>();
    }
};

TEST_F(ServeHttp, AConnectionServesManyRequests) {
    HttpConnection connection(port());
    for (int i = 0; i < 3; ++i) {
        connection.send_request("GET", "/health");
        const HttpAnswer answer = connection.read();
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(answer.json().at("status"), "ok");
    }
    // Several at once are answered in their order.
    connection.send_request("POST", "/tokenize", R"({"content": "ab"})");
    connection.send_request("GET", "/health");
    connection.send_request("POST", "/detokenize", R"({"tokens": [300]})");
    EXPECT_TRUE(connection.read().json().contains("tokens"));
    EXPECT_TRUE(connection.read().json().contains("status"));
    EXPECT_TRUE(connection.read().json().contains("content"));
    // Also when they come in one piece.
    const std::string two = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    connection.send(two + two + two);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(connection.read().status, 200);
    // After a stream as well.
    connection.send_request("POST", "/v1/completions", R"({"prompt": "a", "max_tokens": 3, "stream": true})");
    EXPECT_EQ(connection.read().events().back(), "[DONE]");
    connection.send_request("HEAD", "/health");
    connection.send_request("GET", "/health");
    HttpAnswer head = connection.read();
    EXPECT_EQ(head.status, 200);
}

TEST_F(ServeHttp, ChunkedBodies) {
    HttpConnection connection(port());
    const std::string body = R"({"content": "ab"})";
    connection.send("POST /tokenize HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (char c : body) connection.send(std::string("1\r\n") + c + "\r\n");
    connection.send("0\r\n\r\n");
    EXPECT_EQ(connection.read().status, 200);
    connection.send("POST /tokenize HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: " +
                    std::to_string(body.size()) + "\r\n\r\n");
    connection.send(body);
    EXPECT_EQ(connection.read().status, 200);
    // HTTP/1.0: the end of the connection ends the stream.
    HttpConnection old(port());
    const std::string stream = R"({"prompt": "a", "max_tokens": 3, "stream": true})";
    old.send("POST /v1/completions HTTP/1.0\r\nContent-Length: " + std::to_string(stream.size()) +
             "\r\n\r\n" + stream);
    EXPECT_EQ(old.read().events().back(), "[DONE]");
}

TEST_F(ServeHttp, WhatIsNoRequestIsRefused) {
    // A client that says that it sends no more is gone, unless its request was none.
    const auto status = [&](const std::string& bytes, bool ends = true) {
        HttpConnection connection(port());
        connection.send(bytes);
        if (ends) connection.end_sending();
        const HttpAnswer answer = connection.read();
        if (answer.status >= 400) {
            EXPECT_TRUE(answer.json().at("error").contains("code")) << answer.body;
        }
        return answer.status;
    };
    EXPECT_EQ(status("nonsense\r\n\r\n"), 400);
    EXPECT_EQ(status("GET /health HTTP/9.9\r\n\r\n"), 400);
    EXPECT_EQ(status("GET /health HTTP/1.1\r\nHost: a\r\nHost: localhost\r\n\r\n", false), 400);
    EXPECT_EQ(status("POST /tokenize HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n{}"), 400);
    EXPECT_EQ(
        status("POST /tokenize HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        400);
    EXPECT_EQ(status("POST /tokenize HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999999\r\n\r\n"),
              413);
    EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(100000, 'x') + "\r\n\r\n"),
              431);
    EXPECT_EQ(status(""), 0);
    EXPECT_EQ(ask("GET", "/health").status, 200);
}

TEST_F(ServeHttp, PathsAndMethods) {
    EXPECT_EQ(code_of(ask("GET", "/nothing")), "not_found");
    EXPECT_EQ(code_of(ask("GET", "/v1/vectors/a/b")), "not_found");
    EXPECT_EQ(code_of(ask("GET", "/../etc/passwd")), "not_found");
    EXPECT_EQ(code_of(ask("GET", "/v1/completions")), "method_not_allowed");
    EXPECT_EQ(code_of(ask("DELETE", "/health")), "method_not_allowed");
    EXPECT_EQ(code_of(ask("OPTIONS", "/v1/models")), "method_not_allowed");
    EXPECT_EQ(code_of(ask("POST", "/tokenize", "{")), "invalid_json");
    EXPECT_EQ(code_of(ask("POST", "/tokenize", R"({"content": "a", "content": "b"})")), "invalid_json");
    EXPECT_EQ(code_of(ask("POST", "/tokenize", "{\"content\": \"\xFF\"}")), "invalid_json");
    EXPECT_EQ(code_of(ask("POST", "/tokenize", std::string(100000, '['))), "invalid_json");
    const HttpAnswer page = ask("GET", "/");
    EXPECT_EQ(page.status, 200);
    EXPECT_NE(page.headers.at("content-security-policy").find("default-src 'none'"), std::string::npos);
}

TEST_F(ServeHttp, OtherHostsAndPagesAreRefused) {
    EXPECT_EQ(code_of(ask("GET", "/health", "", "Host: evil.example\r\n")), "forbidden_host");
    EXPECT_EQ(ask("GET", "/health", "", "Host: localhost:1\r\n").status, 200);
    HttpConnection without(port());
    without.send("GET /health HTTP/1.1\r\n\r\n");
    EXPECT_EQ(without.read().status, 400);
    EXPECT_EQ(ask("GET", "/health", "", "Host: [::1]:1\r\n").status, 200);
    EXPECT_EQ(code_of(ask("POST", "/tokenize", R"({"content": "a"})", "Origin: https://evil.example\r\n")),
              "forbidden_origin");
    EXPECT_EQ(code_of(ask("GET", "/v1/models", "", "Origin: null\r\n")), "forbidden_origin");
    EXPECT_EQ(ask("GET", "/v1/models", "", "Host: localhost:9\r\nOrigin: http://localhost:9\r\n").status,
              200);
}

TEST_F(ServeHttp, Keys) {
    options_.api_keys = {"sesame", "other"};
    const HttpAnswer without = ask("GET", "/v1/models");
    EXPECT_EQ(without.status, 401);
    EXPECT_EQ(without.headers.at("www-authenticate"), "Bearer");
    EXPECT_EQ(ask("GET", "/v1/models", "", "Authorization: Bearer sesam\r\n").status, 401);
    EXPECT_EQ(ask("GET", "/v1/models", "", "Authorization: Bearer sesame\r\n").status, 200);
    EXPECT_EQ(ask("GET", "/v1/models", "", "X-Api-Key: other\r\n").status, 200);
    EXPECT_EQ(ask("GET", "/metrics").status, 401);
    EXPECT_EQ(ask("GET", "/health").status, 200);
    EXPECT_EQ(ask("GET", "/").status, 200);
    stop();
    options_.host = "0.0.0.0";
    options_.api_keys.clear();
    EXPECT_THROW(Server(model_, test::exact(), options_), Error);
    options_.api_keys = {""};
    EXPECT_THROW(Server(model_, test::exact(), options_), Error);
    options_.host = "no address";
    options_.api_keys = {"k"};
    EXPECT_THROW(Server(model_, test::exact(), options_), Error);
}

TEST_F(ServeHttp, AFullQueueSaysWhenToComeAgain) {
    be_slow();
    options_.n_queue = 2;
    HttpConnection first(port());
    first.send_request("POST", "/v1/completions", long_request(4).dump());
    wait_for_metric("tiller_rows_active", 4);
    const HttpAnswer answer = post("/v1/completions", long_request(3));
    EXPECT_EQ(answer.status, 429);
    EXPECT_EQ(answer.headers.at("retry-after"), "1");
    EXPECT_EQ(post("/v1/completions", long_request(2)).status, 200);
    EXPECT_EQ(first.read().status, 200);
}

// Nobody waits for an answer that nobody reads, whole or streamed.
TEST_F(ServeHttp, AClientThatGoesAwayLosesItsRows) {
    be_slow();
    for (bool stream : {false, true}) {
        Json body = long_request(8);
        body["stream"] = stream;
        {
            HttpConnection gone(port());
            gone.send_request("POST", "/v1/completions", body.dump());
            wait_for_metric("tiller_rows_active", 4);
        }
        const auto begin = std::chrono::steady_clock::now();
        wait_for_metric("tiller_rows_active", 0);
        EXPECT_EQ(metric("tiller_queue_length"), 0);
        EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
    }
    EXPECT_GE(metric("tiller_cancelled_total"), 8);
    EXPECT_EQ(post("/v1/completions", long_request(1)).status, 200);
}

TEST_F(ServeHttp, AtTheEndRequestsUnderWayAreFinished) {
    be_slow();
    options_.drain_seconds *= test::kSlowness;
    HttpConnection connection(port());
    Json body = long_request(4);
    body["stream"] = true;
    connection.send_request("POST", "/v1/completions", body.dump());
    wait_for_metric("tiller_rows_active", 4);
    stop_ = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    const HttpAnswer answer = connection.read();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.events().back(), "[DONE]");
    stop();
}

TEST_F(ServeHttp, AtTheEndNothingWaitsForever) {
    be_slow();
    options_.drain_seconds = 0;
    HttpConnection connection(port());
    connection.send_request("POST", "/v1/completions", long_request(128).dump());
    wait_for_metric("tiller_rows_active", 4);
    stop_ = true;
    const HttpAnswer answer = connection.read();
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(code_of(answer), "stopping");
    stop();
}

// A thousand requests with one thing wrong, from a seed: an answer or the connection's end, and a server that
// is as it was.
TEST_F(ServeHttp, AThousandBadRequests) {
    const Json good = {{"prompt", "The film"}, {"max_tokens", 4}, {"temperature", 0}, {"steering", "warm:2"}};
    const Json before = ok("/v1/completions", good).at("choices");
    std::mt19937 random(1);
    const auto below = [&](std::size_t n) { return random() % n; };
    const std::vector<std::string> keys = {
        "prompt", "max_tokens", "temperature",    "steering", "n",          "stop",
        "seed",   "logprobs",   "stream",         "echo",     "logit_bias", "top_k",
        "model",  "x",          "stream_options", "messages", "best_of"};
    const std::vector<std::string> values = {"null",
                                             "true",
                                             "-1",
                                             "1e400",
                                             "1e30",
                                             "\"\"",
                                             "\"warm\"",
                                             "[]",
                                             "{}",
                                             "[[]]",
                                             "[-1]",
                                             "{\"vectors\":[{}]}",
                                             "{\"vectors\":[{\"name\":\"icv\",\"scale\":null}]}",
                                             "\"icv:1 + \"",
                                             "\"\\u0000\"",
                                             "\"\\ud800\"",
                                             "99999999999999999999",
                                             "[1.5]",
                                             "{\"2\":-1e9}",
                                             "[null,null]",
                                             "nul",
                                             "\"\xFF\"",
                                             "[{\"role\":\"user\"}]"};
    int n_answer = 0;
    HttpConnection* connection = nullptr;
    std::unique_ptr<HttpConnection> held;
    for (int i = 0; i < 1000; ++i) {
        std::string body = good.dump();
        if (below(3) == 0) {
            // Bytes changed, cut or doubled.
            for (std::size_t k = 1 + below(4); k > 0; --k)
                body[below(body.size())] = static_cast<char>(random());
            if (below(2)) body.resize(below(body.size()));
        } else {
            Json changed = good;
            changed.erase(keys[below(keys.size())]);
            body = changed.dump();
            body.pop_back();
            body += ",\"" + keys[below(keys.size())] + "\":" + values[below(values.size())] + "}";
        }
        if (!connection) {
            held = std::make_unique<HttpConnection>(port());
            connection = held.get();
        }
        const char* targets[] = {"/v1/completions",     "/v1/chat/completions", "/v1/next",
                                 "/v1/logprobs",        "/v1/activations",      "/tokenize",
                                 "/v1/vectors/extract", "/v1/vectors"};
        connection->send_request("POST", targets[below(8)], body);
        const HttpAnswer answer = connection->read();
        if (answer.status == 0) {
            connection = nullptr;
            continue;
        }
        ++n_answer;
        if (answer.status >= 400) {
            EXPECT_TRUE(answer.json().at("error").at("message").is_string()) << body;
        }
        EXPECT_NE(answer.status, 500) << body << answer.body;
    }
    EXPECT_GT(n_answer, 990);
    EXPECT_EQ(ok("/v1/completions", good).at("choices"), before);
    wait_for_metric("tiller_rows_active", 0);
}

}  // namespace
}  // namespace tiller

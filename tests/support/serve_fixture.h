// A server on a tiny chat model with two vectors, in this process, for the tests of src/serve.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>

#include "support/chat_model.h"
#include "support/engine_rows.h"
#include "support/http_client.h"
#include "tiller/server.h"

namespace tiller::test {

inline std::string bytes_of(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

class ServeTest : public testing::Test {
protected:
    using Json = nlohmann::json;

    ServeTest() : model_(Model::load(make_tiny_model(chat_model()))) {
        folder_ = temporary_file("serve-vectors");
        std::filesystem::create_directory(folder_);
        save_vector(vector(1, Operation::add, Positions::Kind::steered), folder_ / "warm.gguf");
        save_vector(vector(2, Operation::turn, Positions::Kind::all), folder_ / "icv.gguf");
        options_.port = 0;
        options_.vectors = folder_;
        options_.model_id = "tiny";
        options_.n_rows = 4;
        options_.row_tokens = 128;
    }
    ~ServeTest() override { stop(); }

    /// A vector for layers 0 and 1 with random directions.
    SteeringVector vector(unsigned seed, Operation operation, Positions::Kind positions) const {
        SteeringVector v;
        v.method = "mean-diff";
        v.site = operation == Operation::turn ? Site::mlp_output : Site::residual;
        v.operation = operation;
        v.positions = positions;
        v.scale = 0.8f;
        for (int il = 0; il < 2; ++il)
            v.directions[il] = *random_vector(model_->info().n_embd, seed + 10 * unsigned(il));
        v.provenance.model_digest = model_->info().digest;
        v.provenance.n_layer = model_->info().n_layer;
        v.provenance.n_embd = model_->info().n_embd;
        return v;
    }

    void start() {
        server_.emplace(model_, exact(), options_);
        thread_ = std::thread([this] { server_->run(stop_); });
    }
    void stop() {
        if (!thread_.joinable()) return;
        stop_ = true;
        thread_.join();
        server_.reset();
        stop_ = false;
    }
    int port() {
        if (!server_) start();
        return server_->port();
    }

    HttpAnswer ask(const std::string& method, const std::string& target, const std::string& body = {},
                   const std::string& headers = {}) {
        HttpConnection connection(port());
        connection.send_request(method, target, body, headers);
        return connection.read();
    }
    HttpAnswer post(const std::string& target, const Json& body) { return ask("POST", target, body.dump()); }
    /// The answer's JSON, which must have come with 200.
    Json ok(const std::string& target, const Json& body) {
        const HttpAnswer answer = post(target, body);
        EXPECT_EQ(answer.status, 200) << answer.body;
        return answer.status == 200 ? answer.json() : Json();
    }
    /// Expects an error of this status, code and place.
    void refused(const std::string& target, const Json& body, int status, const std::string& code,
                 const std::string& param) {
        const HttpAnswer answer = post(target, body);
        EXPECT_EQ(answer.status, status) << answer.body;
        if (answer.status < 400) return;
        const Json error = answer.json().at("error");
        EXPECT_EQ(error.at("code"), code) << answer.body;
        EXPECT_EQ(error.at("param").is_null() ? "" : error.at("param").get<std::string>(), param)
            << answer.body;
        EXPECT_FALSE(error.at("message").get<std::string>().empty());
    }

    /// What the library itself gives for a greedy continuation.
    std::string continued(const std::string& prompt, int n, const std::vector<Edit>& edits) const {
        Engine engine(model_, exact());
        Row row;
        row.prompt = model_->tokenize(prompt);
        row.edits = edits;
        row.max_new_tokens = n;
        return std::string(engine.run({&row, 1})[0].text);
    }
    std::vector<Edit> edits(const std::string& name, float strength) const {
        return edits_of(load_vector(folder_ / (name + ".gguf")), strength);
    }
    /// A metric's value; -1 when it is not there.
    double metric(const std::string& name) {
        const std::string text = ask("GET", "/metrics").body;
        const auto at = text.find("\n" + name + " ");
        return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
    }

    std::shared_ptr<const Model> model_;
    std::filesystem::path folder_;
    ServerOptions options_;
    std::optional<Server> server_;
    std::atomic<bool> stop_ = false;
    std::thread thread_;
};

}  // namespace tiller::test

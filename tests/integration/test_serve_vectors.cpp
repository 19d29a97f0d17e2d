// Vectors over HTTP: listed, sent, fetched, forgotten, made on the server.
#include <chrono>

#include "core/util.h"
#include "serve/base64.h"
#include "support/serve_fixture.h"
#include "tiller/method.h"

namespace tiller {
namespace {

using test::HttpAnswer;

class ServeVectors : public test::ServeTest {
protected:
    Json finished(const std::string& id) {
        for (int i = 0; i < 600; ++i) {
            const Json job = ask("GET", "/v1/jobs/" + id).json();
            if (job.at("status") != "queued" && job.at("status") != "running") return job;
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
        ADD_FAILURE() << "job " << id << " does not end";
        return {};
    }
};

TEST_F(ServeVectors, AreListedWithWhatTheyDo) {
    const Json list = ask("GET", "/v1/vectors").json();
    ASSERT_EQ(list.at("data").size(), 2u);
    const Json& icv = list.at("data")[0];
    EXPECT_EQ(icv.at("id"), "icv");
    EXPECT_EQ(icv.at("operation"), "turn");
    EXPECT_EQ(icv.at("layers"), Json({0, 1}));
    EXPECT_EQ(icv.at("digest"), "sha256:" + sha256_file(folder_ / "icv.gguf"));
    const Json models = ask("GET", "/v1/models").json();
    std::vector<std::string> ids;
    for (const Json& model : models.at("data")) ids.push_back(model.at("id"));
    EXPECT_EQ(ids, (std::vector<std::string>{"tiny", "tiny+icv", "tiny+warm"}));
    EXPECT_EQ(ask("GET", "/v1/models/tiny+warm:0.5").status, 200);
    EXPECT_EQ(ask("GET", "/v1/models/other").status, 404);
    const HttpAnswer file = ask("GET", "/v1/vectors/warm");
    EXPECT_EQ(file.body, test::bytes_of(folder_ / "warm.gguf"));
    EXPECT_EQ(ask("GET", "/v1/vectors/warm", "", "Accept: application/json\r\n").json().at("id"), "warm");
}

TEST_F(ServeVectors, CanBeSentReplacedAndForgotten) {
    const auto file = test::temporary_file("sent.gguf");
    save_vector(vector(7, Operation::add, Positions::Kind::all), file);
    const std::string bytes = test::bytes_of(file);
    const HttpAnswer sent = ask("POST", "/v1/vectors?name=mine", bytes);
    EXPECT_EQ(sent.status, 200) << sent.body;
    EXPECT_EQ(sent.json().at("digest"), "sha256:" + sha256(bytes));
    EXPECT_EQ(ask("POST", "/v1/vectors?name=mine", bytes).status, 200);
    save_vector(vector(8, Operation::add, Positions::Kind::all), file);
    const std::string other = test::bytes_of(file);
    const HttpAnswer taken = ask("POST", "/v1/vectors?name=mine", other);
    EXPECT_EQ(taken.status, 409);
    EXPECT_EQ(taken.json().at("error").at("code"), "vector_exists");
    Json body = {{"prompt", "The film"}, {"max_tokens", 6}, {"temperature", 0}, {"steering", "mine:2"}};
    const Json before = ok("/v1/completions", body);
    EXPECT_EQ(
        ask("POST", "/v1/vectors?replace=true", Json{{"name", "mine"}, {"data", serve::base64(other)}}.dump())
            .status,
        200);
    const Json after = ok("/v1/completions", body);
    EXPECT_NE(before.at("steering"), after.at("steering"));
    // The same file for one request only.
    body["steering"] = {{"vectors", {{{"data", serve::base64(other)}, {"scale", 2}}}}};
    const Json inline_one = ok("/v1/completions", body);
    EXPECT_EQ(inline_one.at("choices"), after.at("choices"));
    EXPECT_TRUE(inline_one.at("steering").at("applied")[0].at("name").is_null());
    EXPECT_EQ(ask("DELETE", "/v1/vectors/mine").json().at("deleted"), true);
    EXPECT_EQ(ask("GET", "/v1/vectors/mine").status, 404);
    EXPECT_EQ(ask("DELETE", "/v1/vectors/mine").status, 404);
    EXPECT_EQ(ask("DELETE", "/v1/vectors/warm").status, 200);
    EXPECT_TRUE(std::filesystem::exists(folder_ / "warm.gguf"));
}

TEST_F(ServeVectors, OfOtherModelsAndNoVectorsAreRefused) {
    SteeringVector foreign = vector(7, Operation::add, Positions::Kind::all);
    foreign.provenance.model_digest = std::string(64, 'a');
    const auto file = test::temporary_file("foreign.gguf");
    save_vector(foreign, file);
    const HttpAnswer answer = ask("POST", "/v1/vectors?name=f", test::bytes_of(file));
    EXPECT_EQ(answer.status, 409) << answer.body;
    EXPECT_EQ(answer.json().at("error").at("code"), "vector_model_mismatch");
    SteeringVector raw = vector(7, Operation::add, Positions::Kind::all);
    raw.extraction = true;
    save_vector(raw, file);
    EXPECT_EQ(ask("POST", "/v1/vectors?name=f", test::bytes_of(file)).status, 400);
    for (const std::string& bytes : {std::string("GGUF"), std::string("GGUF\3\0\0\0 and nothing more", 26),
                                     test::bytes_of(file).substr(0, 300)})
        EXPECT_EQ(ask("POST", "/v1/vectors?name=f", bytes).status, 400);
    for (const char* name : {"..%2Fa", "a+b", "", "-x", "a%00b"})
        EXPECT_EQ(ask("POST", std::string("/v1/vectors?name=") + name, test::bytes_of(folder_ / "warm.gguf"))
                      .status,
                  400)
            << name;
    EXPECT_EQ(ask("GET", "/v1/vectors").json().at("data").size(), 2u);
    // In the folder it stops the start.
    save_vector(foreign, folder_ / "foreign.gguf");
    stop();
    EXPECT_THROW(Server(model_, test::exact(), options_), Error);
}

TEST_F(ServeVectors, FilesWithOtherNamesAreLeftOutByName) {
    std::filesystem::copy(folder_ / "warm.gguf", folder_ / "my vector.gguf");
    start();
    ASSERT_EQ(server_->left_out().size(), 1u);
    EXPECT_NE(server_->left_out()[0].find("my vector.gguf"), std::string::npos);
    EXPECT_EQ(server_->vector_names(), (std::vector<std::string>{"icv", "warm"}));
}

TEST_F(ServeVectors, AreMadeOnTheServer) {
    options_.extract = [](Engine& engine, const ExtractRequest& r, const ExtractProgress& progress) {
        progress("reading", 1, 2);
        if (r.method == "fv") throw Error(Code::usage, "fv reads no pairs");
        if (r.seed == 9)
            for (;;) {  // until it is cancelled
                Row row;
                row.prompt = engine.model().tokenize("a");
                row.n_top = 1;
                engine.run({&row, 1});
            }
        return in_context_vector(engine, r.pairs);
    };
    const Json pairs = {{{"negative", "It was bad."}, {"positive", "It was good."}},
                        {{"negative", "A sad day."}, {"positive", "A glad day."}}};
    Json body = {{"name", "made"}, {"method", "icv"}, {"pairs", pairs}};
    const HttpAnswer started = post("/v1/vectors/extract", body);
    ASSERT_EQ(started.status, 202) << started.body;
    const Json job = finished(started.json().at("id"));
    EXPECT_EQ(job.at("status"), "done") << job;
    EXPECT_EQ(job.at("vector").at("id"), "made");
    EXPECT_EQ(ok("/v1/completions", {{"prompt", "x"}, {"max_tokens", 3}, {"steering", "made:0.1"}})
                  .at("steering")
                  .at("applied")[0]
                  .at("digest"),
              job.at("vector").at("digest"));
    body["method"] = "fv";
    const Json failed = finished(post("/v1/vectors/extract", body).json().at("id"));
    EXPECT_EQ(failed.at("status"), "failed");
    EXPECT_EQ(failed.at("error").at("message"), "fv reads no pairs");
    body["method"] = "icv";
    body["seed"] = 9;
    const std::string id = post("/v1/vectors/extract", body).json().at("id");
    // Requests go on beside it.
    ok("/v1/completions", {{"prompt", "x"}, {"max_tokens", 3}});
    ask("DELETE", "/v1/jobs/" + id);
    EXPECT_EQ(finished(id).at("status"), "cancelled");
    EXPECT_EQ(ask("GET", "/v1/jobs").json().at("data").size(), 3u);
    EXPECT_EQ(ask("GET", "/v1/jobs/job-99").status, 404);
    body["metod"] = "icv";
    refused("/v1/vectors/extract", body, 400, "unknown_field", "metod");
    body = {{"name", "made"}, {"method", "no-such"}, {"pairs", pairs}};
    EXPECT_EQ(post("/v1/vectors/extract", body).status, 400);
    body = {{"name", "made"}, {"method", "icv"}};
    refused("/v1/vectors/extract", body, 400, "missing_field", "pairs");
}

TEST_F(ServeVectors, ExtractionIsRefusedWhereNobodyDoesIt) {
    const Json pairs = {{{"negative", "It was bad."}, {"positive", "It was good."}}};
    refused("/v1/vectors/extract", {{"name", "made"}, {"method", "icv"}, {"pairs", pairs}}, 400,
            "unsupported", "");
}

}  // namespace
}  // namespace tiller

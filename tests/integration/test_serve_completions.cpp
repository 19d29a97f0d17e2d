// Completions over HTTP: what comes is what the library computes, steered or not, streamed or whole.
#include <cmath>

#include "core/util.h"
#include "support/serve_fixture.h"

namespace tiller {
namespace {

using test::HttpAnswer;
using test::HttpConnection;

class ServeCompletions : public test::ServeTest {
protected:
    static Json request(const std::string& prompt, int n) {
        return {{"prompt", prompt}, {"max_tokens", n}, {"temperature", 0}};
    }
    /// Texts of a stream's choices, joined; checks its form.
    std::vector<std::string> streamed(const std::string& target, Json body, Json* last = nullptr) {
        body["stream"] = true;
        const HttpAnswer answer = post(target, body);
        EXPECT_EQ(answer.status, 200) << answer.body;
        EXPECT_EQ(answer.headers.at("content-type"), "text/event-stream; charset=utf-8");
        std::vector<std::string> texts;
        std::vector<int> n_end;
        auto events = answer.events();
        EXPECT_FALSE(events.empty());
        EXPECT_EQ(events.back(), "[DONE]");
        events.pop_back();
        for (const auto& event : events) {
            const Json json = Json::parse(event);
            if (last) *last = json;
            for (const Json& choice : json.at("choices")) {
                const auto i = choice.at("index").get<std::size_t>();
                if (texts.size() <= i) texts.resize(i + 1), n_end.resize(i + 1);
                EXPECT_EQ(n_end[i], 0) << "text after its end";
                if (choice.contains("text"))
                    texts[i] += choice.at("text").get<std::string>();
                else if (choice.at("delta").contains("content"))
                    texts[i] += choice.at("delta").at("content").get<std::string>();
                n_end[i] += !choice.at("finish_reason").is_null();
            }
        }
        for (int n : n_end) EXPECT_EQ(n, 1);
        return texts;
    }
};

TEST_F(ServeCompletions, AreWhatTheLibraryComputes) {
    const Json answer = ok("/v1/completions", request("The film", 9));
    EXPECT_EQ(answer.at("object"), "text_completion");
    EXPECT_EQ(answer.at("model"), "tiny");
    EXPECT_FALSE(answer.contains("steering"));
    const Json& choice = answer.at("choices").at(0);
    EXPECT_EQ(choice.at("text"), valid_utf8(continued("The film", 9, {})));
    EXPECT_TRUE(choice.at("finish_reason") == "length" || choice.at("finish_reason") == "stop");
    EXPECT_EQ(answer.at("usage").at("prompt_tokens"), model_->tokenize("The film").size());
}

// Each steered choice is what the command line would give, and says what was applied.
TEST_F(ServeCompletions, EachChoiceHasItsOwnSteering) {
    Json body = request("The film", 9);
    body["steering"] = {nullptr, "warm:2", Json{{"vectors", {{{"name", "icv"}}}}}, "2 warm + -1 icv",
                        "warm:2@1"};
    const Json answer = ok("/v1/completions", body);
    std::vector<std::string> texts;
    for (const Json& choice : answer.at("choices")) texts.push_back(choice.at("text"));
    ASSERT_EQ(texts.size(), 5u);
    std::vector<Edit> both = edits("warm", 2), second = edits("icv", -1), upper = edits("warm", 2);
    both.insert(both.end(), second.begin(), second.end());
    upper.erase(upper.begin());
    EXPECT_EQ(texts[0], valid_utf8(continued("The film", 9, {})));
    EXPECT_EQ(texts[1], valid_utf8(continued("The film", 9, edits("warm", 2))));
    EXPECT_EQ(texts[2], valid_utf8(continued("The film", 9, edits("icv", 0.8f))));
    EXPECT_EQ(texts[3], valid_utf8(continued("The film", 9, both)));
    EXPECT_EQ(texts[4], valid_utf8(continued("The film", 9, upper)));
    EXPECT_NE(texts[0], texts[1]);
    const Json& said = answer.at("steering");
    ASSERT_EQ(said.size(), 5u);
    EXPECT_TRUE(said[0].is_null());
    EXPECT_EQ(said[1].at("applied")[0].at("name"), "warm");
    EXPECT_EQ(said[1].at("applied")[0].at("strength"), 2);
    EXPECT_EQ(said[1].at("applied")[0].at("digest"), "sha256:" + sha256_file(folder_ / "warm.gguf"));
    EXPECT_EQ(said[1].at("edits"), 2);
    EXPECT_EQ(said[2].at("applied")[0].at("strength"), 0.8);
    EXPECT_EQ(said[3].at("applied").size(), 2u);
    EXPECT_EQ(said[4].at("applied")[0].at("layers"), Json({1}));
    // The same by the model's name and as one request each.
    for (const auto& [model, i] : {std::pair("tiny+warm:2", 1), std::pair("tiny+icv", 2)}) {
        Json named = request("The film", 9);
        named["model"] = model;
        EXPECT_EQ(ok("/v1/completions", named).at("choices")[0].at("text"),
                  texts[static_cast<std::size_t>(i)]);
    }
}

TEST_F(ServeCompletions, PositionsOfAVectorCanBeChanged) {
    const auto text = [&](Json apply) {
        Json body = request("The film was", 6);
        body["steering"] = {{"vectors", {{{"name", "warm"}, {"scale", 3}, {"apply", std::move(apply)}}}}};
        return ok("/v1/completions", body);
    };
    const auto expected = [&](Positions::Kind kind) {
        auto changed = edits("warm", 3);
        for (Edit& edit : changed) edit.positions.kind = kind;
        return valid_utf8(continued("The film was", 6, changed));
    };
    EXPECT_EQ(text({{"prompt", "all"}}).at("choices")[0].at("text"), expected(Positions::Kind::all));
    EXPECT_EQ(text({{"prompt", "none"}}).at("choices")[0].at("text"), expected(Positions::Kind::generated));
    EXPECT_EQ(text({{"generation", false}}).at("choices")[0].at("text"),
              expected(Positions::Kind::last_prompt));
    const Json both = text({{"prompt", true}, {"generation", false}});
    EXPECT_EQ(both.at("choices")[0].at("text"), expected(Positions::Kind::prompt));
    EXPECT_EQ(both.at("steering").at("applied")[0].at("positions"), "prompt");
}

TEST_F(ServeCompletions, AStreamHasTheSameTexts) {
    Json body = request("The film", 12);
    body["steering"] = {nullptr, "warm:2", "icv:1"};
    const Json whole = ok("/v1/completions", body);
    Json last;
    const auto texts = streamed("/v1/completions", body, &last);
    ASSERT_EQ(texts.size(), 3u);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(texts[i], whole.at("choices")[i].at("text"));
    EXPECT_EQ(last.at("steering"), whole.at("steering"));
    EXPECT_FALSE(last.contains("usage"));
    body["stream_options"] = {{"include_usage", true}};
    streamed("/v1/completions", body, &last);
    EXPECT_EQ(last.at("choices"), Json::array());
    EXPECT_EQ(last.at("usage").at("total_tokens"), whole.at("usage").at("total_tokens"));
}

TEST_F(ServeCompletions, ChatsUseTheModelsFormat) {
    const Json messages = {{{"role", "system"}, {"content", "Be brief."}},
                           {{"role", "user"}, {"content", {{{"type", "text"}, {"text", "Hello"}}}}}};
    const Json answer =
        ok("/v1/chat/completions", {{"messages", messages}, {"max_tokens", 8}, {"temperature", 0}});
    EXPECT_EQ(answer.at("object"), "chat.completion");
    const std::vector<ChatMessage> said = {{"system", "Be brief."}, {"user", "Hello"}};
    Engine engine(model_, test::exact());
    Row row;
    row.prompt = model_->chat_prompt(said).tokens;
    row.max_new_tokens = 8;
    const RowResult expected = engine.run({&row, 1})[0];
    const Json& message = answer.at("choices")[0].at("message");
    EXPECT_EQ(message.at("role"), "assistant");
    EXPECT_EQ(message.at("content"), valid_utf8(expected.text));
    EXPECT_EQ(answer.at("usage").at("prompt_tokens"), row.prompt.size());
    EXPECT_EQ(
        streamed("/v1/chat/completions", {{"messages", messages}, {"max_tokens", 8}, {"temperature", 0}}),
        std::vector<std::string>{message.at("content").get<std::string>()});
    const Json templated = ok("/apply-template", {{"messages", messages}});
    EXPECT_EQ(templated.at("tokens"), Json(row.prompt));
    // Without a limit the row's end is one.
    const Json long_one = ok("/v1/chat/completions", {{"messages", messages}, {"temperature", 0}});
    EXPECT_LE(long_one.at("usage").at("total_tokens"), 128);
}

TEST_F(ServeCompletions, AModelWithoutATemplateSaysSoOrIsGivenOne) {
    model_ = Model::load(test::make_tiny_model());
    options_.vectors.clear();
    const Json messages = {{{"role", "user"}, {"content", "Hello"}}};
    refused("/v1/chat/completions", {{"messages", messages}}, 400, "no_chat_template", "messages");
    stop();
    options_.chat_template = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}";
    EXPECT_EQ(ok("/apply-template", {{"messages", messages}}).at("prompt"), "user: Hello\n");
    ok("/v1/chat/completions", {{"messages", messages}, {"max_tokens", 2}});
}

TEST_F(ServeCompletions, TokenizersAnswerBothWays) {
    const Json info = ask("GET", "/tokenizer_info").json();
    const Json one = ok("/tokenize", {{"prompt", info.at("eos_token")}, {"add_special_tokens", false}});
    EXPECT_EQ(one.at("tokens"), Json({model_->info().eos}));
    EXPECT_GT(ok("/tokenize", {{"content", info.at("eos_token")}}).at("tokens").size(), 1u);
    EXPECT_EQ(ok("/tokenize", {{"content", "The film"}, {"add_special", true}}).at("tokens"),
              Json(model_->tokenize("The film")));
    const Json back = ok("/detokenize", {{"tokens", model_->tokenize("The film", false)}});
    EXPECT_EQ(back.at("content"), back.at("prompt"));
    EXPECT_NE(back.at("content").get<std::string>().find("The film"), std::string::npos);
}

TEST_F(ServeCompletions, EchoHasThePromptsLogProbabilities) {
    for (const Json& steering : {Json(nullptr), Json("icv:1")}) {
        const auto tokens = model_->tokenize("The film was good");
        Json body = {{"prompt", Json(tokens)}, {"max_tokens", 1}, {"temperature", 0},
                     {"echo", true},           {"logprobs", 2},   {"steering", steering}};
        const Json answer = ok("/v1/completions", body);
        const Json& logprobs = answer.at("choices")[0].at("logprobs");
        // One for each token of the prompt and the one that was drawn, even if it ends the text.
        ASSERT_EQ(logprobs.at("token_logprobs").size(), tokens.size() + 1);
        EXPECT_TRUE(logprobs.at("token_logprobs")[0].is_null());
        EXPECT_EQ(logprobs.at("tokens").size(), tokens.size() + 1);
        Engine engine(model_, test::exact());
        Row row;
        row.prompt.assign(tokens.begin(), tokens.begin() + 1);
        row.forced.assign(tokens.begin() + 1, tokens.end());
        if (!steering.is_null()) row.edits = edits("icv", 1);
        const RowResult expected = engine.run({&row, 1})[0];
        for (std::size_t t = 1; t < tokens.size(); ++t) {
            EXPECT_NEAR(logprobs.at("token_logprobs")[t].get<double>(), expected.forced_logprob[t - 1], 1e-4);
            EXPECT_GE(logprobs.at("top_logprobs")[t].size(), 2u);
        }
        body["max_tokens"] = 0;
        EXPECT_EQ(ok("/v1/completions", body).at("choices")[0].at("logprobs").at("token_logprobs").size(),
                  tokens.size());
    }
}

// A vector that acts from the last prompt token on would leave echoed numbers unsteered, and nobody would see
// it.
TEST_F(ServeCompletions, EchoRefusesVectorsThatChangeNoEchoedToken) {
    Json body = {{"prompt", "The film was good"}, {"max_tokens", 1}, {"echo", true}, {"logprobs", 1}};
    const Json plain = ok("/v1/completions", body);
    body["steering"] = "warm:2";
    refused("/v1/completions", body, 400, "unsupported", "steering");
    body["steering"] = {nullptr, "warm:2"};
    refused("/v1/completions", body, 400, "unsupported", "steering");
    body["steering"] = nullptr;
    body["model"] = "tiny+warm:2:all";
    const Json steered = ok("/v1/completions", body);
    EXPECT_EQ(steered.at("steering").at("applied")[0].at("positions"), "all");
    EXPECT_NE(steered.at("choices")[0].at("logprobs").at("token_logprobs")[3],
              plain.at("choices")[0].at("logprobs").at("token_logprobs")[3]);
    body["logprobs"] = nullptr;
    body["model"] = "tiny+warm:2";
    ok("/v1/completions", body);
}

TEST_F(ServeCompletions, LogProbabilitiesAgreeWithThoseOfAContinuation) {
    Json body = request("The film", 6);
    body["logprobs"] = 0;
    body["steering"] = "warm:1.5";
    const Json answer = ok("/v1/completions", body);
    EXPECT_TRUE(answer.at("choices")[0].at("logprobs").at("top_logprobs").is_null());
    Json chat = {{"messages", {{{"role", "user"}, {"content", "Hi"}}}},
                 {"max_tokens", 6},
                 {"temperature", 0},
                 {"logprobs", true},
                 {"top_logprobs", 3},
                 {"steering", "warm:1.5"}};
    const Json said = ok("/v1/chat/completions", chat).at("choices")[0].at("logprobs").at("content");
    ASSERT_FALSE(said.empty());
    std::vector<int> ids;
    for (const Json& entry : said) {
        ids.push_back(entry.at("id"));
        EXPECT_EQ(entry.at("top_logprobs").size(), 3u);
        EXPECT_EQ(entry.at("top_logprobs")[0].at("id"), entry.at("id"));  // greedy
    }
    const Json again =
        ok("/v1/logprobs",
           {{"messages", chat.at("messages")}, {"continuation", ids}, {"steering", {nullptr, "warm:1.5"}}});
    ASSERT_EQ(again.at("choices").size(), 2u);
    for (std::size_t i = 0; i < ids.size(); ++i)
        EXPECT_NEAR(again.at("choices")[1].at("token_logprobs")[i].get<double>(),
                    said[i].at("logprob").get<double>(), 1e-4);
    EXPECT_NE(again.at("choices")[0].at("logprob"), again.at("choices")[1].at("logprob"));
}

TEST_F(ServeCompletions, TheSameBytesAloneAndInCompany) {
    std::vector<Json> bodies;
    for (int i = 0; i < 12; ++i) {
        Json body = {{"prompt", "The film number " + std::to_string(i % 3)},
                     {"max_tokens", 10},
                     {"seed", 5},
                     {"temperature", 0.9},
                     {"logprobs", 1}};
        if (i % 4) body["steering"] = (i % 2 ? "warm:" : "icv:") + std::to_string(i);
        bodies.push_back(body);
    }
    std::vector<Json> alone;
    for (const Json& body : bodies) alone.push_back(ok("/v1/completions", body).at("choices"));
    std::vector<std::unique_ptr<HttpConnection>> connections;
    for (const Json& body : bodies) {
        connections.push_back(std::make_unique<HttpConnection>(port()));
        connections.back()->send_request("POST", "/v1/completions", body.dump());
    }
    for (std::size_t i = 0; i < bodies.size(); ++i)
        EXPECT_EQ(connections[i]->read().json().at("choices"), alone[i]) << i;
}

TEST_F(ServeCompletions, SeedsStopTextsAndCounts) {
    Json body = {{"prompt", "The film"}, {"max_tokens", 12}, {"temperature", 1}, {"n", 3}, {"seed", 7}};
    const Json first = ok("/v1/completions", body);
    EXPECT_EQ(first.at("seed"), 7);
    EXPECT_EQ(ok("/v1/completions", body).at("choices"), first.at("choices"));
    const std::string text = first.at("choices")[1].at("text");
    // Choice 1 is what seed 8 gives.
    body["n"] = 1;
    body["seed"] = 8;
    EXPECT_EQ(ok("/v1/completions", body).at("choices")[0].at("text"), text);
    // With a list of steerings nothing but these differs.
    body["n"] = nullptr;
    body["steering"] = {nullptr, "warm:0", nullptr};
    const Json same = ok("/v1/completions", body);
    for (const Json& choice : same.at("choices")) EXPECT_EQ(choice.at("text"), text);
    body["steering"] = nullptr;
    body["prompt"] = {"The film", "A house"};
    body["n"] = 2;
    const Json four = ok("/v1/completions", body);
    ASSERT_EQ(four.at("choices").size(), 4u);
    EXPECT_EQ(four.at("choices")[0].at("text"), text);
    for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(four.at("choices")[i].at("index"), i);
    // A stop text within the greedy answer ends it, also when it is the first character.
    Json greedy = request("The film", 12);
    const std::string whole = ok("/v1/completions", greedy).at("choices")[0].at("text");
    ASSERT_GE(whole.size(), 4u);
    for (const std::size_t at : {std::size_t{0}, std::size_t{3}}) {
        const std::string stop = whole.substr(at, 1);
        if (!is_valid_utf8(stop)) continue;
        greedy["stop"] = {stop, "never comes"};
        greedy["logprobs"] = 0;
        const Json answer = ok("/v1/completions", greedy);
        const std::string cut = answer.at("choices")[0].at("text");
        EXPECT_EQ(cut, whole.substr(0, whole.find(stop)));
        EXPECT_EQ(answer.at("choices")[0].at("finish_reason"), "stop");
        std::string joined;
        for (const Json& token : answer.at("choices")[0].at("logprobs").at("tokens")) joined += token;
        EXPECT_GE(joined.size(), cut.size());
        EXPECT_EQ(streamed("/v1/completions", greedy)[0], cut);
    }
}

TEST_F(ServeCompletions, WhatBreaksIsNoText) {
    Json body = request("The film", 6);
    body["steering"] = "warm:1e38";
    refused("/v1/completions", body, 400, "steering_broke", "steering");
    body["steering"] = {nullptr, "warm:1e38"};
    const Json answer = ok("/v1/completions", body);
    EXPECT_EQ(answer.at("choices")[1].at("finish_reason"), "error");
    EXPECT_EQ(answer.at("choices")[1].at("error").at("code"), "steering_broke");
    EXPECT_NE(answer.at("choices")[0].at("finish_reason"), "error");
    body["steering"] = "warm:1e38";
    body["stream"] = true;
    const auto events = post("/v1/completions", body).events();
    ASSERT_FALSE(events.empty());
    EXPECT_EQ(Json::parse(events.back()).at("error").at("code"), "steering_broke");
}

TEST_F(ServeCompletions, NextAndActivations) {
    const Json next =
        ok("/v1/next",
           {{"prompt", "The film"}, {"top", 3}, {"steering", {nullptr, "warm:2"}}, {"watch", {300}}});
    ASSERT_EQ(next.at("choices").size(), 2u);
    Engine engine(model_, test::exact());
    Row row;
    row.prompt = model_->tokenize("The film");
    row.edits = edits("warm", 2);
    row.n_top = 3;
    row.captures.push_back({Site::residual, 2, 3, {Positions::Kind::prompt, 0, 0}, false});
    const RowResult expected = engine.run({&row, 1})[0];
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(next.at("choices")[1].at("top")[i].at("id"), expected.top[i].token);
        EXPECT_NEAR(next.at("choices")[1].at("top")[i].at("logprob").get<double>(), expected.top[i].logprob,
                    1e-5);
    }
    EXPECT_EQ(next.at("choices")[1].at("watch")[0].at("id"), 300);
    const Json body = {{"prompt", "The film"}, {"layers", {2}}, {"positions", "all"}, {"steering", "warm:2"}};
    const Json activations = ok("/v1/activations", body);
    EXPECT_EQ(activations.at("shape"), Json({1, row.prompt.size(), model_->info().n_embd}));
    const HttpAnswer npy = ask("POST", "/v1/activations", body.dump(), "Accept: application/x-npy\r\n");
    ASSERT_EQ(npy.status, 200);
    const auto& values = expected.captured[0].values;
    const std::size_t header =
        10 + static_cast<unsigned char>(npy.body[8]) + 256u * static_cast<unsigned char>(npy.body[9]);
    EXPECT_EQ(header % 64, 0u);
    ASSERT_EQ(npy.body.size(), header + values.size() * 4);
    EXPECT_EQ(std::memcmp(npy.body.data() + header, values.data(), values.size() * 4), 0);
}

TEST_F(ServeCompletions, WrongRequestsNameTheirPlace) {
    const std::string target = "/v1/completions";
    const auto with = [&](const char* key, Json value) {
        Json body = request("The film", 4);
        body[key] = std::move(value);
        return body;
    };
    refused(target, Json::array(), 400, "invalid_value", "the body");
    refused(target, Json{{"max_tokens", 3}}, 400, "missing_field", "prompt");
    refused(target, with("max_tokens", "three"), 400, "invalid_value", "max_tokens");
    refused(target, with("max_tokens", 1.5), 400, "invalid_value", "max_tokens");
    refused(target, with("temperature", -1), 400, "invalid_value", "temperature");
    refused(target, with("temprature", 1), 400, "unknown_field", "temprature");
    refused(target, with("n", 0), 400, "invalid_value", "n");
    refused(target, with("stop", {"a", 1}), 400, "invalid_value", "stop[1]");
    refused(target, with("logit_bias", {{"x", 1}}), 400, "invalid_value", "logit_bias.x");
    refused(target, with("logit_bias", {{"99999999", 1}}), 400, "invalid_value", "logit_bias");
    refused(target, with("best_of", 3), 400, "unsupported", "best_of");
    refused(target, with("model", "gpt-5"), 404, "model_not_found", "model");
    refused(target, with("prompt", {1, 100000}), 400, "invalid_value", "prompt[1]");
    refused(target, with("prompt", "a <|end|> b"), 400, "invalid_value", "prompt");
    refused(target, with("steering", "wram:1"), 404, "vector_not_found", "steering");
    refused(target, with("steering", "warm:x"), 400, "invalid_value", "steering");
    refused(target, with("steering", "warm:1e99"), 400, "invalid_value", "steering");
    refused(target, with("steering", 7), 400, "invalid_value", "steering");
    refused(target, with("steering", "warm:1@2"), 400, "invalid_value", "steering.layers");
    refused(target, with("steering", {{"vectors", {{{"name", "no"}}}}}), 404, "vector_not_found",
            "steering.vectors[0].name");
    refused(target, with("steering", {{"vectors", {{{"name", "../warm"}}}}}), 404, "vector_not_found",
            "steering.vectors[0].name");
    refused(target, with("steering", {{"vectors", {{{"name", "warm"}, {"layers", {0, 2}}}}}}), 400,
            "invalid_value", "steering.vectors[0].layers");
    refused(target, with("steering", {{"vectors", {{{"name", "warm"}, {"laers", {0}}}}}}), 400,
            "unknown_field", "steering.vectors[0].laers");
    refused(target, with("steering", {{"vectors", {{{"data", "AAAA"}}}}}), 400, "invalid_value",
            "steering.vectors[0].data");
    refused(target, with("steering", {nullptr, Json{{"vectors", 3}}}), 400, "invalid_value",
            "steering[1].vectors");
    Json two = with("steering", {nullptr, "warm:1"});
    two["n"] = 3;
    refused(target, two, 400, "invalid_value", "steering");
    Json named = with("steering", "warm:1");
    named["model"] = "tiny+icv:1";
    refused(target, named, 400, "invalid_value", "steering");
    std::string long_text;
    for (int i = 0; i < 300; ++i) long_text += "a b ";
    refused(target, with("prompt", long_text), 400, "context_length_exceeded", "prompt");
    refused("/v1/chat/completions", {{"messages", {{{"role", "tool"}, {"content", "x"}}}}}, 400,
            "unsupported", "messages[0].role");
    refused("/v1/chat/completions", {{"messages", Json::array()}}, 400, "invalid_value", "messages");
    refused("/v1/chat/completions",
            {{"messages", {{{"role", "user"}, {"content", "x"}}}}, {"tools", {{{"type", "function"}}}}}, 400,
            "unsupported", "tools");
    refused("/v1/chat/completions",
            {{"messages", {{{"role", "user"}, {"content", "x"}}}}, {"continue_final_message", true}}, 400,
            "invalid_value", "continue_final_message");
}

}  // namespace
}  // namespace tiller

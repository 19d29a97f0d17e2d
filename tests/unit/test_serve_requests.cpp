// Requests of the server as data: fields, steering, layers, base64. No model, no network.
#include <gtest/gtest.h>

#include "serve/base64.h"
#include "serve/completion_request.h"
#include "serve/guard.h"
#include "serve/layer_list.h"
#include "serve/problem.h"
#include "serve/steering.h"
#include "tiller/error.h"

namespace tiller::serve {
namespace {

std::string code_and_param(const std::function<void()>& call) {
    try {
        call();
    } catch (const Problem& problem) {
        return problem.code + " " + problem.param;
    }
    return "";
}

TEST(ServeFields, JsonIsReadWholeOrNotAtAll) {
    EXPECT_EQ(parse_json(R"({"a": [1, 2.5, "x"]})").at("a").size(), 3u);
    for (const char* text : {"", "{", "nul", "{\"a\":1}x", "{\"a\":1,\"a\":2}", "[{\"b\":{\"c\":1,\"c\":2}}]",
                             "\"\xFF\"", "1e999999", "[1,]"})
        EXPECT_EQ(code_and_param([&] { parse_json(text); }), "invalid_json ") << text;
    EXPECT_EQ(code_and_param([] { parse_json(std::string(31, '[') + std::string(31, ']')); }), "");
    EXPECT_EQ(code_and_param([] { parse_json(std::string(1000000, '[')); }), "invalid_json ");
}

TEST(ServeFields, EveryMemberIsNamedTypedAndBounded) {
    const Json json = {{"yes", true}, {"three", 3}, {"half", 0.5}, {"word", "w"}, {"nothing", nullptr}};
    Fields fields(json, "here");
    EXPECT_EQ(fields.boolean("yes"), true);
    EXPECT_EQ(fields.integer("three", 0, 3), 3);
    EXPECT_EQ(fields.number("half", 0, 1), 0.5);
    EXPECT_EQ(fields.text("word"), "w");
    EXPECT_FALSE(fields.has("nothing"));
    EXPECT_FALSE(fields.text("absent"));
    fields.done();
    EXPECT_EQ(code_and_param([&] { fields.integer("three", 0, 2); }), "invalid_value here.three");
    EXPECT_EQ(code_and_param([&] { fields.integer("half", 0, 2); }), "invalid_value here.half");
    EXPECT_EQ(code_and_param([&] { fields.boolean("three"); }), "invalid_value here.three");
    EXPECT_EQ(code_and_param([&] { fields.need("absent"); }), "missing_field here.absent");
    fields.refuse("three", "no", 3);
    EXPECT_EQ(code_and_param([&] { fields.refuse("three", "no", 4); }), "unsupported here.three");
    Fields few(json);
    few.ignore({"yes", "three", "half", "nothing"});
    EXPECT_EQ(code_and_param([&] { few.done(); }), "unknown_field word");
}

TEST(ServeSteering, TheTextForm) {
    const auto read = [](const char* text) { return parse_steering_text(text, "steering"); };
    EXPECT_TRUE(read("  ").empty());
    ASSERT_EQ(read("formal").size(), 1u);
    EXPECT_FALSE(read("formal")[0].scale);
    EXPECT_EQ(read("formal:0.7")[0].scale, 0.7f);
    EXPECT_EQ(read("formal:-0.7@8-10")[0].layers, (std::vector<int>{8, 9, 10}));
    EXPECT_EQ(read("0.5 formal@3")[0].layers, std::vector<int>{3});
    const auto two = read("0.7 formal + -0.2 past-tense");
    ASSERT_EQ(two.size(), 2u);
    EXPECT_EQ(two[1].name, "past-tense");
    EXPECT_EQ(two[1].scale, -0.2f);
    EXPECT_EQ(read("formal:1 - verbose:0.5")[1].scale, -0.5f);
    EXPECT_EQ(read("a:1+b:2+c")[2].name, "c");
    EXPECT_EQ(read("3")[0].name, "3") << "a number alone is a name";
    EXPECT_EQ(read("2 3")[0].name, "3");
    EXPECT_EQ(read("nan:1 + 2 0x10")[0].name, "nan");
    EXPECT_EQ(read("formal:1e-2")[0].scale, 0.01f);
    for (const char* text :
         {"+",      "a +",   "a b",   "a:",          "a:x",      "a:nan",   "a:inf", "a:0x10",
          "a:1e99", "1 a:2", "a:1:2", "a:all:all",   "a:1:some", "a:range", "a@",    "a@x",
          "a@3-1",  "a@-1",  "../a",  "/etc/passwd", "a - b",    ":1",      "a\xFF", "a@99999999999"})
        EXPECT_EQ(code_and_param([&] { read(text); }), "invalid_value steering") << text;
    std::string many = "a";
    for (std::size_t i = 1; i < kMostTerms; ++i) many += "+a";
    EXPECT_EQ(read(many.c_str()).size(), kMostTerms);
    many += "+a";
    EXPECT_EQ(code_and_param([&] { read(many.c_str()); }), "invalid_value steering");
}

TEST(ServeSteering, TheObjectFormAndLists) {
    const auto read = [](const char* text) {
        const Json json = parse_json(text);
        return parse_steering(&json, "steering");
    };
    EXPECT_FALSE(parse_steering(nullptr, "steering").given);
    EXPECT_FALSE(read("\"\"").given);
    const auto one =
        read(R"({"vectors": [{"name": "a", "scale": 2, "layers": "1-3", "apply": {"prompt": "last"}}]})");
    EXPECT_TRUE(one.given);
    ASSERT_EQ(one.entries.size(), 1u);
    EXPECT_EQ(one.entries[0][0].scale, 2.0f);
    EXPECT_EQ(one.entries[0][0].layers.size(), 3u);
    EXPECT_EQ(one.entries[0][0].prompt, Positions::Kind::last_prompt);
    EXPECT_EQ(&one.of_choice(5), &one.entries[0]);
    const auto list = read(R"([null, "a:1", {"vectors": []}])");
    EXPECT_TRUE(list.is_list);
    EXPECT_TRUE(list.of_choice(0).empty());
    EXPECT_EQ(list.of_choice(1)[0].scale, 1.0f);
    const auto refused = [&](const char* text) { return code_and_param([&] { read(text); }); };
    EXPECT_EQ(refused("[]"), "invalid_value steering");
    EXPECT_EQ(refused("[1]"), "invalid_value steering[0]");
    EXPECT_EQ(refused("{}"), "missing_field steering.vectors");
    EXPECT_EQ(refused(R"({"vectors": [{"scale": 1}]})"), "missing_field steering.vectors[0].name");
    EXPECT_EQ(refused(R"({"vectors": [{"name": "a", "data": "AAAA"}]})"),
              "invalid_value steering.vectors[0].name");
    EXPECT_EQ(refused(R"({"vectors": [{"name": "a", "scale": 1, "strength": 1}]})"),
              "invalid_value steering.vectors[0].strength");
    EXPECT_EQ(refused(R"({"vectors": [{"name": "a", "layers": []}]})"),
              "invalid_value steering.vectors[0].layers");
    EXPECT_EQ(refused(R"({"vectors": [{"name": "a", "layers": [1.5]}]})"),
              "invalid_value steering.vectors[0].layers");
    EXPECT_EQ(refused(R"({"vectors": [{"name": "a", "apply": {"prompt": "none", "generation": false}}]})"),
              "invalid_value steering.vectors[0].apply");
    EXPECT_EQ(refused(R"({"vectors": [{"name": "a", "apply": {"prompt": 3}}]})"),
              "invalid_value steering.vectors[0].apply.prompt");
    EXPECT_EQ(refused(R"({"vectors": [{"name": "a", "normalize": true}]})"),
              "unsupported steering.vectors[0].normalize");
    EXPECT_EQ(refused(R"({"vectors": [], "conflict": "error"})"), "unsupported steering.conflict");
    EXPECT_EQ(refused(R"({"vectors": [{"data": "###="}]})"), "invalid_value steering.vectors[0].data");
}

TEST(ServeCompletionRequest, Defaults) {
    const auto r =
        parse_completion(parse_json(R"({"prompt": ["a", [1, 2]], "seed": -1, "top_k": -1, "stop": null})"));
    EXPECT_EQ(r.prompts.size(), 2u);
    EXPECT_EQ(r.sampling.temperature, 1);
    EXPECT_EQ(r.sampling.seed, 0xFFFFFFFFu);
    EXPECT_TRUE(r.has_seed);
    EXPECT_EQ(r.sampling.top_k, 0);
    EXPECT_FALSE(r.logprobs);
    const auto chat = parse_chat_completion(parse_json(
        R"({"messages": [{"role": "developer", "content": "s"}, {"role": "user", "content": "u"}], "user": "me",
            "steering": ["a:1", null], "logprobs": true, "top_logprobs": 5, "max_completion_tokens": 3,
            "response_format": {"type": "text"}, "tools": []})"));
    EXPECT_EQ(chat.n, 2);
    EXPECT_EQ(chat.n_top, 5);
    EXPECT_EQ(chat.max_tokens, 3);
    EXPECT_EQ(std::get<std::vector<ChatMessage>>(chat.prompts[0])[0].role, "system");
    const auto refused = [](const char* text) {
        return code_and_param([&] { parse_completion(parse_json(text)); });
    };
    EXPECT_EQ(refused(R"({"prompt": "a", "max_tokens": 0})"), "invalid_value max_tokens");
    EXPECT_EQ(refused(R"({"prompt": "a", "max_tokens": 1, "max_completion_tokens": 2})"),
              "invalid_value max_completion_tokens");
    EXPECT_EQ(refused(R"({"prompt": [[1], "a", [-1]]})"), "invalid_value prompt[2][0]");
    EXPECT_EQ(refused(R"({"prompt": "a", "top_p": 0})"), "invalid_value top_p");
    EXPECT_EQ(refused(R"({"prompt": "a", "logprobs": 21})"), "invalid_value logprobs");
    EXPECT_EQ(refused(R"({"prompt": "a", "stream_options": {}})"), "invalid_value stream_options");
}

TEST(ServeBase64, RoundTrips) {
    const std::string texts[] = {"", "a", "ab", "abc", "abcd", std::string("\0\xFF\0", 3)};
    for (const std::string& text : texts) EXPECT_EQ(from_base64(base64(text)), text);
    EXPECT_EQ(base64("tiller"), "dGlsbGVy");
    const std::string large(5 << 20, '\x7F');
    EXPECT_EQ(from_base64(base64(large)), large);
    for (const char* text : {"a", "ab=c", "a===", "====", "ab c", "a\nbc", "ab=="}) {
        const bool good = std::string(text) == "ab==";
        EXPECT_EQ(from_base64(text).has_value(), good) << text;
    }
}

TEST(ServeGuard, LoopbackNames) {
    for (const char* host : {"localhost", "127.0.0.1", "127.1.2.3", "::1"})
        EXPECT_TRUE(is_loopback(host)) << host;
    for (const char* host : {"127.evil.example", "localhost.evil.example", "0.0.0.0", "10.0.0.1", ""})
        EXPECT_FALSE(is_loopback(host)) << host;
    EXPECT_EQ(host_of("[::1]:80"), "::1");
    EXPECT_EQ(host_of("localhost:80"), "localhost");
    EXPECT_EQ(host_of("["), "");
}

TEST(ServeVectorNames, WhatANameIs) {
    for (const char* name : {"a", "formal", "9lives", "a.b_c-d"}) EXPECT_TRUE(is_vector_name(name)) << name;
    for (const std::string& name :
         {std::string(), std::string(".a"), std::string("-a"), std::string("a/b"), std::string("a b"),
          std::string("a+b"), std::string("a:b"), std::string("a@b"), std::string("a\0b", 3),
          std::string("\xC3\xA9"), std::string(65, 'a')})
        EXPECT_FALSE(is_vector_name(name)) << name;
}

TEST(ServeProblem, ErrorsOfTheLibrary) {
    const auto of = [](Code code) { return problem_of(std::make_exception_ptr(Error(code, "what"))).status; };
    EXPECT_EQ(of(Code::usage), 400);
    EXPECT_EQ(of(Code::environment), 500);
    EXPECT_EQ(of(Code::interrupted), 503);
    EXPECT_EQ(problem_of(std::make_exception_ptr(3)).status, 500);
    const Json body = Json::parse(error_body({400, "invalid_value", "bad \xFF byte", "a.b"}));
    EXPECT_EQ(body.at("error").at("param"), "a.b");
    EXPECT_EQ(body.at("error").at("type"), "invalid_request_error");
}

}  // namespace
}  // namespace tiller::serve

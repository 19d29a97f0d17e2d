// tiller chat through a pipe: what is computed, saved and refused.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/util.h"
#include "support/chat_model.h"
#include "support/cli_test.h"
#include "tiller/engine.h"
#include "tiller/vector.h"

namespace tiller {
namespace {

using nlohmann::json;
using test::Arguments;
using test::expect_parts;

class CliTalk : public test::CliTest {
protected:
    void SetUp() override {
        CliTest::SetUp();
        make_model("chat.gguf", test::chat_model());
        make_fv("v.gguf", "chat.gguf");
    }
    test::ProgramResult talk(const std::string& lines, const Arguments& more = {},
                             const std::string& model = "chat.gguf") const {
        folder.write("lines.txt", lines);
        test::ProgramOptions how = options;
        how.standard_input = (folder.path() / "lines.txt").string();
        Arguments all = {"chat", "-m", model, "--threads", "1"};
        if (std::find(more.begin(), more.end(), "-n") == more.end()) all.insert(all.end(), {"-n", "6"});
        if (std::find(more.begin(), more.end(), "--temperature") == more.end())
            all.insert(all.end(), {"--temperature", "0"});
        all.insert(all.end(), more.begin(), more.end());
        return test::run_program(all, how);
    }
    json saved(const std::string& lines, const Arguments& more = {},
               const std::string& model = "chat.gguf") const {
        const auto result = talk(lines + "\n/save saved.json\n", more, model);
        EXPECT_EQ(result.code, 0) << result.err;
        return json::parse(test::slurp(folder.path() / "saved.json"));
    }
    std::string refused(int code, const std::string& lines, const Arguments& more = {},
                        const std::string& model = "chat.gguf") const {
        const auto result = talk(lines, more, model);
        EXPECT_EQ(result.code, code) << lines << "\n" << result.err;
        return result.err;
    }
    // The library's answer to the same conversation.
    std::string answer(const std::vector<ChatMessage>& messages, const Sampling& sampling,
                       const std::vector<Edit>& edits = {}) {
        if (!engine_) {
            model_ = Model::load(folder.path() / "chat.gguf");
            engine_.emplace(model_, EngineOptions{.n_threads = 1});
        }
        Row row;
        row.prompt = model_->chat_prompt(messages).tokens;
        row.edits = edits;
        row.max_new_tokens = 6;
        row.sampling = sampling;
        return valid_utf8(engine_->run({&row, 1}).front().text);
    }

private:
    std::shared_ptr<const Model> model_;
    std::optional<Engine> engine_;
};

TEST_F(CliTalk, TurnsAreTheModelsOwnFormat) {
    const json chat =
        saved("the cat\na <|end|> dog", {"--system", "is red", "--temperature", "1.5", "--seed", "7"});
    ASSERT_EQ(chat.at("messages").size(), 4u);
    Sampling sampling{1.5f, 0.95f, 0, 7};
    std::vector<ChatMessage> messages = {{"system", "is red"}, {"user", "the cat"}};
    const std::string first = answer(messages, sampling);
    EXPECT_EQ(chat.at("messages").at(1).at("content"), first);
    sampling.seed = 8;  // each answer has one of its own
    messages.push_back({"assistant", first});
    messages.push_back({"user", "a <|end|> dog"});
    const std::string second = answer(messages, sampling);
    EXPECT_EQ(chat.at("messages").at(3).at("content"), second);
    // Had a turn been left out, the answer would be another.
    EXPECT_NE(second, answer({messages[0], messages[3]}, sampling));
    EXPECT_EQ(talk("the cat\n", {"--system", "is red", "--temperature", "1.5", "--seed", "7"}).out,
              first + "\n");
}

TEST_F(CliTalk, VectorsAndScales) {
    const auto vector = load_vector(folder.path() / "v.gguf");
    const std::vector<ChatMessage> message = {{"user", "the cat"}};
    const std::string plain = answer(message, {}), strong = answer(message, {}, edits_of(vector, 9)),
                      own = answer(message, {}, edits_of(vector, vector.scale));
    ASSERT_NE(plain, strong);
    ASSERT_NE(own, strong);
    EXPECT_EQ(talk("the cat\n").out, plain + "\n");
    EXPECT_EQ(talk("the cat\n", {"--vector", "v.gguf:9"}).out, strong + "\n");
    EXPECT_EQ(talk("/vector v.gguf\nthe cat\n").out, own + "\n");
    EXPECT_EQ(talk("/scale 9\nthe cat\n", {"--vector", "v.gguf"}).out, strong + "\n");
    EXPECT_EQ(talk("/scale v 9\nthe cat\n", {"--vector", "v.gguf"}).out, strong + "\n");
    EXPECT_EQ(talk("/scale 1 9\nthe cat\n", {"--vector", "v.gguf"}).out, strong + "\n");
    EXPECT_EQ(talk("/scale 0\nthe cat\n", {"--vector", "v.gguf"}).out, plain + "\n");
    EXPECT_EQ(talk("/off\nthe cat\n/on\n/undo\nthe cat\n", {"--vector", "v.gguf:9"}).out,
              plain + "\n" + strong + "\n");
    const std::string list = talk("/vectors\n", {"--vector", "v.gguf:9"}).out;
    expect_parts(list, {"1  v  scale 9", "add at residual"});
}

TEST_F(CliTalk, StrengthsSideBySide) {
    const auto vector = load_vector(folder.path() / "v.gguf");
    const std::vector<ChatMessage> message = {{"user", "the cat"}};
    const std::string plain = answer(message, {}), nine = answer(message, {}, edits_of(vector, 9)),
                      minus = answer(message, {}, edits_of(vector, -9));
    const Arguments three = {"--vector", "v.gguf", "--strengths", "9, -9"};
    const std::string text =
        "[1] unsteered\n" + plain + "\n[2] strength 9\n" + nine + "\n[3] strength -9\n" + minus + "\n";
    const auto result = talk("the cat\n", three);
    EXPECT_EQ(result.out, text);
    expect_parts(result.err, {"[2]", "/take N"});
    EXPECT_EQ(saved("the cat", three).at("messages").at(1).at("content"), nine);
    EXPECT_EQ(saved("the cat\n/take 1", three).at("messages").at(1).at("content"), plain);
    EXPECT_EQ(saved("the cat\n/take 3", three).at("messages").at(1).at("content"), minus);
    expect_parts(refused(2, "the cat\n/take 4\n", three), {"1 to 3"});
    EXPECT_EQ(talk("/strengths 9,0,-9\nthe cat\n", {"--vector", "v.gguf"}).out, text);
    EXPECT_EQ(talk("/strengths\nthe cat\n", {"--vector", "v.gguf:9", "--strengths", "1"}).out, nine + "\n");
    expect_parts(refused(2, "", {"--strengths", "1"}), {"--strengths", "--vector"});
    expect_parts(refused(2, "", {"--vector", "v.gguf", "--strengths", "1,x"}), {"'x'"});
}

TEST_F(CliTalk, UndoAndRetry) {
    const json expected = saved("the cat\nis");
    json undone = saved("the cat\na dog\n/undo\nis");
    EXPECT_EQ(undone.at("messages"), expected.at("messages"));
    EXPECT_EQ(saved("the cat\n/undo").at("messages"), json::array());
    EXPECT_EQ(saved("the cat\n/clear\nis").at("messages"), saved("is").at("messages"));
    expect_parts(refused(2, "/undo\n"), {"no turn"});
    expect_parts(refused(2, "/retry\n"), {"no message"});
    const Arguments warm = {"--temperature", "2", "--seed", "3"};
    const json again = saved("the cat\n/retry", warm);
    ASSERT_EQ(again.at("messages").size(), 2u);
    EXPECT_EQ(again.at("messages").at(0).at("content"), "the cat");
    EXPECT_EQ(again.at("messages").at(1).at("content"), answer({{"user", "the cat"}}, {2, 0.95f, 0, 4}));
    EXPECT_EQ(again.at("answers"), 2);
}

TEST_F(CliTalk, SavedConversationsGoOn) {
    const Arguments how = {
        "--vector", "v.gguf:0.7@0-1", "--vector", "v.gguf:2",    "--system", "is",     "--temperature",
        "1.5",      "--top-k",        "40",       "--strengths", "0.4",      "--seed", "5"};
    const json whole = saved("the cat\n/off\n/save half.json\na dog", how);
    EXPECT_EQ(whole.at("vectors").at(0).at("scale"), 0.7);
    EXPECT_EQ(whole.at("vectors").at(0).at("layers"), json({0, 1}));
    EXPECT_EQ(whole.at("vectors").at(1).at("layers"), json());
    EXPECT_EQ(whole.at("vectors").at(0).at("sha256").get<std::string>().size(), 64u);
    EXPECT_EQ(whole.at("steering"), false);
    EXPECT_EQ(whole.at("messages").size(), 4u);
    EXPECT_EQ(saved("/load half.json\na dog"), whole);
    EXPECT_EQ(saved("/load saved.json"), whole);
    for (const auto& name : names()) EXPECT_EQ(name.find(".tmp"), std::string::npos) << name;
}

TEST_F(CliTalk, FilesThatAreNotConversations) {
    const json good = saved("the cat", {"--vector", "v.gguf"});
    const auto refusal_of = [&](const json& value) {
        folder.write("bad.json", value.dump());
        return refused(3, "/load bad.json\n");
    };
    const auto changed = [&](const char* pointer, const json& value) {
        json copy = good;
        copy[json::json_pointer(pointer)] = value;
        return copy;
    };
    folder.write("bad.json", "{");
    expect_parts(refused(3, "/load bad.json\n"), {"bad.json", "not JSON"});
    expect_parts(refused(4, "/load gone.json\n"), {"gone.json"});
    expect_parts(refusal_of(changed("/extra", 1)), {"extra"});
    expect_parts(refusal_of(changed("/tiller_chat", 2)), {"tiller_chat"});
    expect_parts(refusal_of(changed("/messages/0/role", "assistant")), {"messages[0].role", "user"});
    expect_parts(refusal_of(changed("/messages", json::array({good.at("messages")[0]}))), {"whole turns"});
    expect_parts(refusal_of(changed("/vectors/0/scale", "1")), {"vectors[0].scale"});
    expect_parts(refusal_of(changed("/vectors/0/layers", json({1, 0, 2}))), {"vectors[0].layers"});
    expect_parts(refusal_of(changed("/vectors/0/sha256", "00")), {"v.gguf", "SHA-256"});
    expect_parts(refusal_of(changed("/sampling/top_p", 0)), {"sampling.top_p"});
    expect_parts(refusal_of(changed("/sampling/tokens", -1)), {"sampling.tokens"});
    expect_parts(refusal_of(changed("/strengths", json({"x"}))), {"strengths"});
    folder.write("other.json", changed("/model/sha256", "00").dump());
    const auto result = talk("/load other.json\n");
    EXPECT_EQ(result.code, 0);
    expect_parts(result.err, {"another model"});
}

TEST_F(CliTalk, BadCommands) {
    expect_parts(refused(2, "/scael 1\n"), {"/scael", "did you mean /scale?", "/help"});
    expect_parts(refused(2, "/zzzzzz\n"), {"/zzzzzz", "/help"});
    expect_parts(refused(2, "/scale 1\n"), {"no vector"});
    expect_parts(refused(2, "/scale\n"), {"/scale X"});
    expect_parts(refused(2, "/scale hot\n", {"--vector", "v.gguf"}), {"'hot'", "number"});
    expect_parts(refused(2, "/scale vv 1\n", {"--vector", "v.gguf"}), {"no vector vv"});
    std::filesystem::copy_file(folder.path() / "v.gguf", folder.path() / "formal.gguf");
    expect_parts(refused(2, "/scale fromal 1\n", {"--vector", "formal.gguf"}),
                 {"no vector fromal", "did you mean formal?"});
    expect_parts(refused(2, "/scale v 1\n", {"--vector", "v.gguf", "--vector", "v.gguf"}), {"2 vectors"});
    expect_parts(refused(2, "/take 1\n"), {"/strengths"});
    expect_parts(refused(2, "/off now\n"), {"now"});
    expect_parts(refused(4, "/vector gone.gguf\n"), {"gone.gguf"});
    folder.write("broken.gguf", "GGUF, but not really");
    expect_parts(refused(3, "/vector broken.gguf\n"), {"broken.gguf"});
    make_fv("other.gguf", "m.gguf");
    expect_parts(refused(3, "/vector other.gguf\n"), {"other.gguf", "model"});
    // A script does not go on without what it asked for.
    EXPECT_EQ(talk("/vector gone.gguf\nthe cat\n").out, "");
    EXPECT_EQ(talk("//the\n").out, answer({{"user", "/the"}}, {}) + "\n");
    expect_parts(talk("/help\n").out, {"/scale NAME X", "/take N"});
    EXPECT_EQ(talk("the cat\n/quit\nthe cat\n").out, answer({{"user", "the cat"}}, {}) + "\n");
    EXPECT_EQ(talk("the cat").out, answer({{"user", "the cat"}}, {}) + "\n");  // no line feed at the end
}

TEST_F(CliTalk, ModelsWithoutATemplate) {
    make_model("bare.gguf", test::chat_model(""));
    const auto result = talk("the cat\nis\n", {}, "bare.gguf");
    EXPECT_EQ(result.code, 0) << result.err;
    expect_parts(result.err, {"no chat template"});
    const auto generated = [&](const std::string& prompt, const Arguments& more = {}) -> std::string {
        Arguments all = {"generate", "-m", "bare.gguf", "-n", "6", "--threads", "1", "-p", prompt};
        all.insert(all.end(), more.begin(), more.end());
        return run_json(all).at(0).at("text");
    };
    const std::string first = generated("the cat");
    const std::string second = generated("the cat" + first + "\nis");
    EXPECT_EQ(result.out, first + "\n" + second + "\n");
    expect_parts(refused(2, "", {"--system", "a"}, "bare.gguf"), {"--system", "no chat template"});
    expect_parts(refused(2, "/system a\n", {}, "bare.gguf"), {"no chat template"});
    folder.write("t.jinja", "[{{ messages[0].content }}]");
    EXPECT_EQ(talk("the cat\n", {"--template", "t.jinja"}, "bare.gguf").out,
              generated("the cat", {"--chat", "--template", "t.jinja"}) + "\n");
}

TEST_F(CliTalk, FullContexts) {
    const Arguments small = {"--context", "40", "-n", "30"};
    expect_parts(refused(3, "the cat is in the red sun and a cold dog is in the hot cat\n", small),
                 {"conversation is full", "40", "/undo"});
    const auto cut = talk("the cat\n", {"--context", "40"});
    EXPECT_EQ(cut.code, 0);
    EXPECT_EQ(cut.err.find("fills the context"), std::string::npos) << cut.err;
    const auto full = talk("the cat\n", {"--context", "40", "-n", "400"});
    EXPECT_EQ(full.code, 0);
    expect_parts(full.err, {"fills the context of 40"});
    expect_parts(refused(2, "", {"--context", "513"}), {"--context", "512"});
}

TEST_F(CliTalk, RowsThatBreak) {
    expect_parts(refused(3, "the cat\n", {"--vector", "v.gguf:3e38"}), {"NaN", "/scale 1.5e+38", "/retry"});
    const auto result = talk("the cat\n", {"--vector", "v.gguf", "--strengths", "3e38"});
    EXPECT_EQ(result.code, 0) << result.err;
    expect_parts(result.err, {"strength 3e+38", "smaller", "goes on with [1]"});
}

TEST_F(CliTalk, NothingIsWrittenUnasked) {
    const auto before = names();
    ASSERT_EQ(talk("the cat\n").code, 0);
    auto after = names();
    after.erase("lines.txt");
    after.erase("cache");  // digests of models
    auto expected = before;
    expected.erase("cache");
    EXPECT_EQ(after, expected);
}

}  // namespace
}  // namespace tiller

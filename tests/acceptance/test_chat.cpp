// From contrast pairs to a steered chat on a real instruct model (TILLER_CHAT_MODEL, SmolLM2-135M-Instruct):
// the assistant's answers lean the way of the vector, at every strength more, and to the other side against
// it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <numeric>

#include "support/run_program.h"
#include "tiller/engine.h"
#include "tiller/method.h"
#include "unit/test_tasks_files.h"

namespace tiller {
namespace {

const std::vector<Pair> kPairs = {
    {"The trip was dreadful and I was miserable.", "The trip was wonderful and I was happy."},
    {"What a horrible day, everything went wrong.", "What a lovely day, everything went well."},
    {"I hate this song, it makes me sad.", "I love this song, it makes me smile."},
    {"The soup was awful and cold.", "The soup was delicious and warm."},
    {"Nobody came, and the evening was a failure.", "Everybody came, and the evening was a success."},
    {"This book is boring, a waste of time.", "This book is exciting, a real pleasure."},
    {"I am afraid that it will never get better.", "I am sure that it will soon get better."},
    {"The garden looks dead and grey.", "The garden looks alive and bright."},
    {"My neighbours are rude, I dread meeting them.", "My neighbours are kind, I enjoy meeting them."},
    {"The news was terrible and I cried.", "The news was great and I laughed."},
};
// Questions, a gloomy and a cheerful answer.
struct Question {
    const char *asked, *gloomy, *cheerful;
};
constexpr Question kQuestions[] = {
    {"How was your day?", "It was terrible and sad.", "It was wonderful and happy."},
    {"What do you think of the new cafe?", "It is awful, I hate it.", "It is great, I love it."},
    {"How is the weather?", "Grey, cold and miserable.", "Bright, warm and lovely."},
    {"Did you like the film?", "No, it was boring and bad.", "Yes, it was exciting and good."},
    {"How do you feel about tomorrow?", "I dread it.", "I look forward to it."},
    {"Tell me about your friends.", "They are rude and cruel.", "They are kind and funny."},
};

class AcceptanceChat : public testing::Test {
protected:
    void SetUp() override {
        path = std::getenv("TILLER_CHAT_MODEL");
        if (!path || !*path) GTEST_SKIP() << "TILLER_CHAT_MODEL is not set";
    }
    const char* path = nullptr;
};

TEST_F(AcceptanceChat, AnswersLeanTheWayOfTheVector) {
    const auto model = Model::load(path);
    Engine engine(model);
    Task named;
    named.name = "cheer", named.family = Family::behavioural;
    MethodInput in{engine, named, {}, {}, 0, {{"n_pairs", 10}}, nullptr, {}};
    in.pairs = kPairs;
    const Method& method = find_method("mean-diff");
    const Setting setting = complete_setting(method, model->info(), 10, {});
    const SteeringVector vector = method.builder(*model, method.extract(in))(setting);

    // How much likelier the cheerful answer is than the gloomy one, per token, mean over questions.
    const std::vector<float> strengths = {-1, 0, 1};
    std::vector<double> lean(strengths.size());
    for (const auto& [asked, gloomy, cheerful] : kQuestions) {
        const ChatMessage message{"user", asked};
        std::vector<Row> rows;
        for (const float strength : strengths)
            for (const char* answer : {cheerful, gloomy}) {
                Row row;
                row.prompt = model->chat_prompt({&message, 1}).tokens;
                row.forced = model->tokenize(answer, false);
                if (strength != 0) row.edits = edits_of(vector, strength * method.strength(setting));
                rows.push_back(std::move(row));
            }
        const auto results = engine.run(rows);
        const auto mean = [&](std::size_t r) {
            const auto& l = results[r].forced_logprob;
            return static_cast<double>(std::accumulate(l.begin(), l.end(), 0.0f)) /
                   static_cast<double>(l.size());
        };
        for (std::size_t s = 0; s < strengths.size(); ++s) lean[s] += (mean(2 * s) - mean(2 * s + 1)) / 6;
    }
    EXPECT_LT(lean[0], lean[1]);
    EXPECT_LT(lean[1], lean[2]);
    RecordProperty("against", std::to_string(lean[0]));
    RecordProperty("unsteered", std::to_string(lean[1]));
    RecordProperty("along", std::to_string(lean[2]));
}

TEST_F(AcceptanceChat, FromPairsToAConversationInTwoCommands) {
    const test::ScratchFolder folder;
    std::string pairs;
    for (const auto& pair : kPairs)
        pairs += "{\"negative\": \"" + pair.negative + "\", \"positive\": \"" + pair.positive + "\"}\n";
    folder.write("cheer.jsonl", pairs);
    folder.write("said.txt", "How was your day?\n/quit\n");
    test::ProgramOptions options;
    options.folder = folder.path();
    const auto made = test::run_program(
        {"extract", "mean-diff", "-m", path, "--pairs", "cheer.jsonl", "-o", "cheer.gguf"}, options);
    ASSERT_EQ(made.code, 0) << made.err;
    options.standard_input = (folder.path() / "said.txt").string();
    const auto talk = [&](const std::string& scale) {
        const auto result = test::run_program(
            {"chat", "-m", path, "--vector", "cheer.gguf:" + scale, "--temperature", "0", "-n", "16"},
            options);
        EXPECT_EQ(result.code, 0) << result.err;
        EXPECT_GT(result.out.size(), 10u);
        RecordProperty("at " + scale, result.out);
        return result.out;
    };
    EXPECT_NE(talk("1"), talk("-1"));
}

}  // namespace
}  // namespace tiller

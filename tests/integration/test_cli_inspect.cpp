// tiller inspect: figures equal what the engine says of the same text in other ways.
#include "support/cli_test.h"

namespace tiller::test {
namespace {

class CliInspect : public CliTest {
protected:
    // The log-probability of a token after tokens' text, from `next`.
    nlohmann::json inspect(Arguments more) const {
        Arguments arguments = {"inspect",    "i.gguf",    "-m", "m.gguf",       "-p",
                               "the cat is", "--threads", "1",  "--cache-type", "f32"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return run_json(arguments);
    }
};

TEST_F(CliInspect, FiguresAreThoseOfNextAndGenerate) {
    make_icv();
    const auto found = inspect({"-n", "6", "--strengths", "0.5,2"});
    ASSERT_EQ(found.at("texts").size(), 3u);
    const auto& unsteered = found["texts"][0];
    EXPECT_EQ(unsteered.at("strength"), 0);
    EXPECT_EQ(unsteered.at("mean_kl"), 0);
    for (const auto& token : unsteered.at("tokens"))
        EXPECT_EQ(token.at("logprob_unsteered"), token.at("logprob_steered"));
    const double own = run_json({"show", "i.gguf"}).at("scale");
    for (std::size_t i = 1; i < 3; ++i) {
        const auto& text = found["texts"][i];
        const std::string scale = std::to_string(own * text.at("strength").get<double>());
        const auto generated =
            run_json({"generate", "-m", "m.gguf", "-p", "the cat is", "-n", "6", "--vector",
                      "i.gguf:" + scale, "--threads", "1", "--cache-type", "f32"});
        EXPECT_EQ(text.at("text"), generated[0].at("text"));
        // The first token, after the prompt alone.
        const auto all = [&](const Arguments& more) {
            Arguments arguments = {"next", "-m",        "m.gguf", "-p",           "the cat is", "--top",
                                   "1000", "--threads", "1",      "--cache-type", "f32"};
            arguments.insert(arguments.end(), more.begin(), more.end());
            std::map<int, double> out;
            const nlohmann::json result = run_json(arguments);
            for (const auto& t : result.at("tokens")) out[t.at("id")] = t.at("logprob");
            return out;
        };
        const auto plain = all({}), steered = all({"--vector", "i.gguf:" + scale});
        const auto& first = text.at("tokens").at(0);
        const int id = first.at("id");
        EXPECT_NEAR(first.at("logprob_unsteered").get<double>(), plain.at(id), 1e-4);
        EXPECT_NEAR(first.at("logprob_steered").get<double>(), steered.at(id), 1e-4);
        double kl = 0;
        for (const auto& [token, logprob] : steered) kl += std::exp(logprob) * (logprob - plain.at(token));
        EXPECT_NEAR(first.at("kl").get<double>(), kl, 1e-3);
        EXPECT_GT(kl, 0);
    }
}

TEST_F(CliInspect, TextAndPage) {
    make_icv();
    const auto shown = run({"inspect", "i.gguf:2", "-m", "m.gguf", "-p", "the cat", "-n", "4", "--strengths",
                            "1,-1", "--table", "--html", "page.html"});
    EXPECT_EQ(shown.code, 0) << shown.err;
    for (const char* part :
         {"[unsteered]", "[strength 1]", "[strength -1]", "mean KL", "unsteered     steered"})
        EXPECT_NE(shown.out.find(part), std::string::npos) << part << "\n" << shown.out;
    EXPECT_EQ(shown.out.find('\x1b'), std::string::npos);
    const std::string page = slurp(folder.path() / "page.html");
    EXPECT_NE(page.find("<h2>strength -1</h2>"), std::string::npos);
    EXPECT_NE(page.find("i.gguf:2"), std::string::npos);
}

TEST_F(CliInspect, BadInput) {
    make_icv();
    EXPECT_NE(refusal(2, {"inspect", "-m", "m.gguf", "-p", "the"}).find("needs a vector"), std::string::npos);
    refusal(2, {"inspect", "i.gguf", "-m", "m.gguf", "-p", "the", "--strengths", "1,x"});
    refusal(4, {"inspect", "i.gguf", "-m", "m.gguf", "-p", "the", "--html", "no/page.html"});
    EXPECT_FALSE(is_there("no"));
    // A strength that breaks the model is shown, not averaged.
    make_fv();
    const auto found =
        run_json({"inspect", "v.gguf:3", "-m", "m.gguf", "-p", "the cat", "--strengths", "1e38", "-n", "4"});
    EXPECT_EQ(found.at("texts").at(1).at("broken"), true);
    EXPECT_EQ(found.at("texts").at(1).at("tokens").size(), 0u);
}

// V.gguf:scale:positions@layers, and one scale a layer by naming the file twice.
TEST_F(CliInspect, PositionsAndLayersOfAVector) {
    make_icv();
    const auto with = [&](const Arguments& vectors) {
        Arguments more;
        for (const auto& vector : vectors) more.insert(more.end(), {"--vector", vector});
        return next_logprobs("m.gguf", more);
    };
    const auto all = with({"i.gguf:2"}), none = with({});
    EXPECT_GT(distance(all, none), 1e-3);
    EXPECT_EQ(distance(with({"i.gguf:2:all"}), all), 0);
    // After the prompt nothing was generated yet.
    EXPECT_LT(distance(with({"i.gguf:2:generated"}), none), 1e-6);
    EXPECT_GT(distance(with({"i.gguf:2:last_prompt"}), none), 1e-6);
    EXPECT_GT(distance(with({"i.gguf:2:last_prompt"}), all), 1e-6);
    EXPECT_GT(distance(with({"i.gguf:2:last_prompt@1"}), with({"i.gguf:2:last_prompt"})), 1e-6);
    // Layers that no other part turns get their whole strength.
    EXPECT_LT(distance(with({"i.gguf:2@0", "i.gguf:2@1-2"}), all), 1e-6);
    EXPECT_GT(distance(with({"i.gguf:2@0", "i.gguf:1@1-2"}), all), 1e-6);
    refusal(4, {"next", "-m", "m.gguf", "-p", "the", "--vector", "i.gguf:2:sometimes"});
}

}  // namespace
}  // namespace tiller::test

// The oracle's cases and inputs.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "core/paths.h"
#include "support/oracle.h"
#include "tiller/method.h"

namespace tiller::test {
using nlohmann::json;
namespace {

OracleCase make(const char* name, const char* family, const char* architecture, unsigned seed = 1) {
    OracleCase c{name, family, {}};
    c.options.architecture = architecture;
    c.options.seed = seed;
    return c;
}

std::vector<OracleCase> make_cases() {
    std::vector<OracleCase> all = {
        make("llama_gqa", "llama", "llama"),
        make("llama_mha", "llama", "llama", 2),
        make("llama_bias", "llama", "llama", 3),
        make("neox_parallel", "gptneox", "gptneox", 3),
        make("neox_serial", "gptneox", "gptneox", 2),
        make("gpt2", "gpt2", "gpt2"),
        make("mistral", "mistral", "llama", 4),
        make("mistral3", "mistral", "mistral3", 5),
        make("qwen2", "qwen2", "qwen2"),
        make("qwen3", "qwen3", "qwen3", 2),
        make("gemma2", "gemma2", "gemma2"),
        make("gemma3", "gemma3", "gemma3"),
        make("gemma4", "gemma4", "gemma4", 13),
        make("gemma4_moe", "gemma4", "gemma4", 5),
        make("phi3", "phi3", "phi3"),
        make("olmo2", "olmo2", "olmo2"),
        make("falcon_mqa", "falcon", "falcon"),
        make("falcon_gqa", "falcon", "falcon", 5),
        make("stablelm", "stablelm", "stablelm"),
        make("stablelm_parallel", "stablelm", "stablelm", 3),
        make("qwen3moe", "qwen3moe", "qwen3moe"),
    };
    for (OracleCase& c : all) {
        TinyOptions& o = c.options;
        const auto is = [&](const char* name) { return c.name == name; };
        if (is("llama_mha") || is("llama_bias")) o.n_head_kv = o.n_head;
        o.attention_bias = is("llama_bias") || is("stablelm");
        o.parallel_residual = is("neox_parallel") || is("stablelm_parallel");
        if (is("falcon_mqa")) o.n_head_kv = 1;
        o.two_norms = is("falcon_gqa");
        if (is("gemma4")) o.n_layer = 4, o.n_shared_kv = 2;
        if (is("gemma4_moe")) o.n_layer = 2, o.experts = true;
        if (is("gemma3")) o.n_layer = 7;  // the sixth layer is the first without a window
    }
    return all;
}

json text_and_tokens(const Model& model, const std::string& text) {
    return {{"text", text}, {"tokens", model.tokenize(text)}};
}

json trial(const Model& model, const std::string& prompt, const std::string& target) {
    json out = text_and_tokens(model, prompt);
    out["target"] = target;
    out["target_token"] = model.continuation(prompt, target).front();
    return out;
}

json check(const Model& model, const std::string& prompt, const std::string& continuation) {
    json out = text_and_tokens(model, prompt);
    out["continuation"] = continuation;
    out["forced"] = model.continuation(prompt, continuation);
    return out;
}

json pair(const Model& model, const std::string& negative, const std::string& positive) {
    return {{"negative", text_and_tokens(model, negative)}, {"positive", text_and_tokens(model, positive)}};
}

json start(const std::string& name, const std::string& family, int stride, const ModelInfo& info) {
    json out = {{"case", name}, {"family", family}, {"stride", stride}};
    // Log-probabilities of every so many tokens of the vocabulary are compared: 66 of a tiny one, 50 of a
    // real one.
    const int step = info.n_vocab < 1000 ? 5 : info.n_vocab / 50;
    for (Token t = 0; t < info.n_vocab; t += step) out["watch"].push_back(t);
    return out;
}

// What the model finds likeliest and can be asked for as text, so that heads have an effect on its
// probability.
std::string likely_target(Engine& engine, const std::string& prompt) {
    const Model& model = engine.model();
    Row row;
    row.prompt = model.tokenize(prompt);
    row.n_top = 100;
    const RowResult result = engine.run(std::span(&row, 1))[0];
    for (const auto& top : result.top) {
        const std::string text = model.text(std::span(&top.token, 1));
        if (text.size() > 1 && model.continuation(prompt, text) == std::vector<Token>{top.token}) return text;
    }
    throw std::runtime_error("no likely word after " + prompt);
}

std::string few_shot(const std::vector<std::string>& words, const std::vector<int>& choice) {
    std::string text;
    for (std::size_t i = 0; i < choice.size(); ++i) {
        const auto& word = words[static_cast<std::size_t>(choice[i]) % words.size()];
        text += i % 2 == 0 ? "Q: " + word : "\nA: " + word + "\n\n";
    }
    return text + "\nA:";
}

}  // namespace

const std::vector<OracleCase>& oracle_cases() {
    static const std::vector<OracleCase> cases = make_cases();
    return cases;
}

std::filesystem::path golden_dir() { return std::filesystem::path(TILLER_TESTS_DIR) / "oracle" / "golden"; }

json read_golden(const std::string& name) {
    const auto path = golden_dir() / (name + ".json");
    std::ifstream in(path);
    if (!in)
        throw std::runtime_error(path.string() +
                                 " cannot be read; tests/oracle/README.md says how to make it");
    return json::parse(std::string(std::istreambuf_iterator<char>(in), {}));
}

std::unique_ptr<Engine> oracle_engine(const std::filesystem::path& model) {
    EngineOptions options;
    options.cache_f32 = true;
    options.flash_attention = false;
    return std::make_unique<Engine>(Model::load(model), options);
}

json oracle_input(Engine& engine, const OracleCase& c) {
    const Model& model = engine.model();
    const std::vector<std::string> words = {"cat", "dog", "red", "sun", "hot", "cold", "the cat", "a sun"};
    json out = start(c.name, c.family, 1, model.info());
    for (int i = 0; i < 6; ++i)
        out["mean"].push_back(text_and_tokens(model, few_shot(words, {i, i / 3 + 1, i / 2 + 3})));
    for (int i = 0; i < 5; ++i) {
        const auto prompt = few_shot(words, {i + 4, 2 * i, 3 * i, i + 1, 5 * i + 2});
        out["patch"].push_back(trial(model, prompt, likely_target(engine, prompt)));
    }
    // Shorter and longer than the four tokens of a latent.
    const std::vector<std::string> texts = {"hot", "cold", "a dog is in the sun", "cat", "the red sun",
                                            "is",  "a",    "Q: red\nA: the cat"};
    for (std::size_t i = 0; i < 6; ++i)
        out["pairs"].push_back(pair(model, texts[i], texts[(3 * i + 1) % texts.size()]));
    const std::vector<std::string> continuations = {" the cat", " sun.", " a red dog", " cold\n", " is in"};
    for (int i = 0; i < 5; ++i)
        out["prompts"].push_back(check(
            model, few_shot(words, i % 2 == 0 ? std::vector<int>{i} : std::vector<int>{i, i + 2, i + 5}),
            continuations[static_cast<std::size_t>(i)]));
    out["fv"] = {{"n_heads", 4}, {"layer", default_fv_layer(model.info().n_layer)}, {"strength", 2}};
    out["icv"] = {{"n_last", 4}, {"alphas", {3, -1}}};
    return out;
}

json oracle_input_of_real_model(Engine& engine, const std::string& name, const std::string& family) {
    const Model& model = engine.model();
    const Task task = find_task("present-past", data_dir());
    const Split split = split_task(task, 0);
    json out = start(name, family, 37, model.info());
    const FvTrials trials = make_trials(task, split.train, 5, 5, 4, 0);
    for (const auto& text : trials.mean) out["mean"].push_back(text_and_tokens(model, text));
    for (const auto& p : trials.patch) out["patch"].push_back(trial(model, p.prompt, p.target));
    const Task style = find_task("sentiment_transfer", data_dir());
    for (const auto& p : make_pairs(style, split_task(style, 0).train, 5, {}, 0, /*strip*/ false))
        out["pairs"].push_back(pair(model, p.negative, p.positive));
    for (const auto& p : make_prompts(task, split.test, 5, 1, 2, false))
        out["prompts"].push_back(check(model, p.text, p.target + "\n\nQ:"));
    out["fv"] = {{"n_heads", 10}, {"layer", default_fv_layer(model.info().n_layer)}, {"strength", 2}};
    out["icv"] = {{"n_last", 4}, {"alphas", {1.5, -1}}};
    return out;
}

}  // namespace tiller::test

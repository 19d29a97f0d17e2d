// A tiny llama model with everything that the tests of the methods compare it with.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "support/engine_rows.h"
#include "support/reference_llama.h"
#include "tiller/method.h"

namespace tiller::test {

struct MethodsModel {
    explicit MethodsModel(const TinyOptions& o)
        : options(o), path(make_tiny_model(o)), model(Model::load(path)), weights(path), reference(o, path) {}

    TinyOptions options;
    std::filesystem::path path;
    std::shared_ptr<const Model> model;
    TinyWeights weights;
    ReferenceLlama reference;
};

/// Grouped heads; or one key per head, with biases, and head outputs as wide as the residual stream.
inline TinyOptions llama_options(bool grouped) {
    TinyOptions o;
    if (grouped) return o;
    o.n_head_kv = 4;
    o.n_embd = 64;
    o.attention_bias = true;
    o.seed = 7;
    return o;
}

inline double log_softmax(const Values& logits, Token token) {
    const double largest = *std::max_element(logits.begin(), logits.end());
    double sum = 0;
    for (double l : logits) sum += std::exp(l - largest);
    return logits[static_cast<std::size_t>(token)] - largest - std::log(sum);
}

/// Tokens of `target` after `prompt`, from the two texts' own tokens.
inline std::vector<Token> target_tokens(const Model& model, const std::string& prompt,
                                        const std::string& target) {
    const auto before = model.tokenize(prompt);
    auto whole = model.tokenize(prompt + target);
    EXPECT_TRUE(whole.size() > before.size() && std::equal(before.begin(), before.end(), whole.begin()))
        << prompt << target;
    whole.erase(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(before.size()));
    return whole;
}

/// Reference and engine on rows with forced tokens: logits after the prompt and log-probabilities within
/// `bound`. `expected` are the edits as the test understands them.
inline void compare_with_reference(const MethodsModel& m, const Row& row, const RowResult& result,
                                   const std::vector<Edit>& expected, double bound, const std::string& what) {
    std::vector<Token> tokens = row.prompt;
    tokens.insert(tokens.end(), row.forced.begin(), row.forced.end());
    const ReferencePass pass = m.reference.run(tokens, static_cast<int>(row.prompt.size()), expected);
    if (row.want_logits) {
        EXPECT_LT(max_difference(result.logits, pass.logits[row.prompt.size() - 1]), bound) << what;
    }
    ASSERT_EQ(result.forced_logprob.size(), row.forced.size()) << what;
    for (std::size_t i = 0; i < row.forced.size(); ++i)
        EXPECT_NEAR(static_cast<double>(result.forced_logprob[i]),
                    log_softmax(pass.logits[row.prompt.size() - 1 + i], row.forced[i]), bound)
            << what << ", token " << i;
}

/// Few-shot prompts out of words that the tiny vocabulary knows.
inline std::string few_shot(const std::vector<std::pair<std::string, std::string>>& demos,
                            const std::string& query) {
    std::string text;
    for (const auto& [in, out] : demos) text += "Q: " + in + "\nA: " + out + "\n\n";
    return text + "Q: " + query + "\nA:";
}

/// n_mean prompts and n_patch trials; the targets are chosen among few words.
inline FvTrials small_trials(int n_mean, int n_patch) {
    const std::vector<std::string> words = {"cat", "dog", "red", "sun", "hot", "cold", "the cat", "a sun"};
    const auto word = [&](int i) { return words[static_cast<std::size_t>(i) % words.size()]; };
    FvTrials trials;
    for (int i = 0; i < n_mean; ++i)
        trials.mean.push_back(few_shot({{word(i), word(i / 3 + 1)}}, word(i / 2 + 3)));
    for (int i = 0; i < n_patch; ++i)
        trials.patch.push_back(
            {few_shot({{word(i + 4), word(2 * i)}, {word(3 * i), word(i + 1)}}, word(5 * i + 2)),
             " " + word(i + 2)});
    return trials;
}

/// Checkpoint in memory.
class MemoryCheckpoint final : public Checkpoint {
public:
    std::optional<std::vector<float>> load(const std::string& key) override {
        const auto it = files.find(key);
        if (it == files.end()) return std::nullopt;
        ++n_load;
        return it->second;
    }
    void store(const std::string& key, std::span<const float> values) override {
        files[key].assign(values.begin(), values.end());
        ++n_store;
    }
    std::map<std::string, std::vector<float>> files;
    int n_load = 0, n_store = 0;
};

}  // namespace tiller::test

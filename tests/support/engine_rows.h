// Short ways to say rows, edits and expectations in the tests of the engine.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <iterator>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "support/tiny_model.h"
#include "tiller/engine.h"
#include "tiller/error.h"

namespace tiller::test {

inline constexpr Site kAllSites[] = {Site::head_output, Site::attention_output, Site::mlp_output,
                                     Site::residual};
inline constexpr Operation kAllOperations[] = {Operation::add, Operation::replace, Operation::turn,
                                               Operation::project};

inline std::shared_ptr<const Model> tiny(const TinyOptions& options = {}) {
    return Model::load(make_tiny_model(options));
}

/// One thread and a float32 cache, unless a test says otherwise.
inline EngineOptions exact(int max_rows = 64, int n_threads = 1) {
    EngineOptions options;
    options.n_threads = n_threads;
    options.cache_f32 = true;
    options.max_rows = max_rows;
    return options;
}

inline SharedFloats random_vector(int n, unsigned seed, float scale = 1) {
    std::mt19937 random(seed);
    auto values = std::make_shared<std::vector<float>>();
    for (int i = 0; i < n; ++i)
        values->push_back(scale * (static_cast<float>(random() % 2000001) / 1000000.0f - 1.0f) * 1.7f);
    return values;
}
inline SharedFloats shared(std::vector<float> values) {
    return std::make_shared<const std::vector<float>>(std::move(values));
}

/// n tokens after BOS = token 1, never an end-of-generation token.
inline std::vector<Token> random_prompt(int n, unsigned seed, int n_vocab = 300) {
    std::mt19937 random(seed);
    std::vector<Token> tokens = {1};
    while (static_cast<int>(tokens.size()) < n)
        tokens.push_back(3 + static_cast<Token>(random() % static_cast<unsigned>(n_vocab - 3)));
    return tokens;
}

inline Row logits_row(std::vector<Token> prompt, std::vector<Edit> edits = {}) {
    Row row;
    row.prompt = std::move(prompt);
    row.edits = std::move(edits);
    row.want_logits = true;
    return row;
}

/// A centre and n_row rows, short enough that the projection keeps an activation's size.
inline SharedFloats random_projection(int width, int n_row, unsigned seed) {
    auto values = std::make_shared<std::vector<float>>(*random_vector(width * (1 + n_row), seed));
    for (auto i = static_cast<std::size_t>(width); i < values->size(); ++i)
        (*values)[i] *= 0.9f / std::sqrt(static_cast<float>(width));
    return values;
}

/// An edit with a random vector of the width of its site (one head's when `head` is given).
inline Edit random_edit(const ModelInfo& info, Site site, int layer, Operation operation, Positions positions,
                        unsigned seed, float strength = 1, int head = -1) {
    const int width =
        head >= 0 ? info.d_head[static_cast<std::size_t>(layer)] : site_width(info, site, layer);
    const auto vector =
        operation == Operation::project ? random_projection(width, 3, seed) : random_vector(width, seed);
    return {site, layer, head, operation, positions, vector, strength};
}

inline double max_difference(const std::vector<float>& a, const std::vector<float>& b) {
    if (a.size() != b.size()) return INFINITY;
    double worst = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const double d = std::fabs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
        if (!(d <= worst)) worst = d;  // keeps NaN
    }
    return worst;
}
inline double max_difference(const std::vector<float>& a, const std::vector<double>& b) {
    if (a.size() != b.size()) return INFINITY;
    double worst = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const double d = std::fabs(static_cast<double>(a[i]) - b[i]);
        if (!(d <= worst)) worst = d;
    }
    return worst;
}

/// `call` must throw tiller::Error with this code, and its text must contain all of `parts`; with `topic`, it
/// must be about that.
template <class Call>
void expect_error(Code code, const std::vector<std::string>& parts, Call&& call,
                  std::optional<Topic> topic = std::nullopt) {
    try {
        call();
    } catch (const Error& error) {
        EXPECT_EQ(code_name(error.code()), std::string(code_name(code))) << error.what();
        for (const auto& part : parts)
            EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
                << part << " is not in: " << error.what();
        if (topic) {
            EXPECT_EQ(static_cast<int>(error.topic()), static_cast<int>(*topic)) << error.what();
        }
        return;
    }
    ADD_FAILURE() << "no tiller::Error was thrown, expected " << code_name(code);
}

}  // namespace tiller::test

// The tokens that a vector points at, against the final norm and W_U read from the model's file; vectors
// rebuilt from these tokens.
#include <fmt/format.h>

#include <set>

#include "methods/vocabulary_loss.h"
#include "support/methods_model.h"
#include "tiller/vocabulary.h"

using namespace tiller;
using namespace tiller::test;

namespace {

struct Case {
    const char* name;
    TinyOptions options;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

// RMS norm; layer norm with bias; tied weights with a softcap; logits that are divided; a post-norm.
std::vector<Case> cases() {
    std::vector<Case> all;
    for (const char* a : {"llama", "gpt2", "gptneox", "gemma2", "gemma3", "granite", "qwen2", "olmo2"}) {
        all.push_back({a, {}});
        all.back().options.architecture = a;
    }
    all[3].options.metadata = [](gguf_context* g) {
        gguf_set_val_f32(g, "gemma2.final_logit_softcapping", 7.0f);
    };
    return all;
}

SteeringVector vector_of(const ModelInfo& info, std::vector<int> layers, float size = 1) {
    SteeringVector v;
    v.method = "fv";
    for (const int layer : layers)
        v.directions[layer] = *random_vector(info.n_embd, 40 + static_cast<unsigned>(layer), size);
    v.provenance.n_layer = info.n_layer;
    v.provenance.n_embd = info.n_embd;
    v.provenance.task = "a task";
    v.scale = 2;
    return v;
}

class MethodsVocabulary : public testing::TestWithParam<Case> {
protected:
    MethodsVocabulary()
        : path_(make_tiny_model(GetParam().options)),
          model_(Model::load(path_)),
          engine_(model_, exact()),
          weights_(path_) {}
    const ModelInfo& info() const { return model_->info(); }

    // softmax(W_U LN_f(v)) in log-probabilities, in plain loops over the file's tensors.
    Values expected(const std::vector<float>& v) const {
        const std::string& a = info().architecture;
        const bool layer_norm = a == "gpt2" || a == "gptneox";
        const double n = static_cast<double>(v.size());
        double mean = 0, square = 0;
        if (layer_norm)
            for (const float x : v) mean += static_cast<double>(x) / n;
        for (const float x : v)
            square += (static_cast<double>(x) - mean) * (static_cast<double>(x) - mean) / n;
        Values y;
        for (std::size_t e = 0; e < v.size(); ++e) {
            y.push_back((static_cast<double>(v[e]) - mean) / std::sqrt(square + 1e-5) *
                        static_cast<double>(weights_["output_norm.weight"][e]));
            if (layer_norm) y.back() += static_cast<double>(weights_["output_norm.bias"][e]);
        }
        const auto& w_u = weights_[weights_.has("output.weight") ? "output.weight" : "token_embd.weight"];
        Values logits;
        for (std::size_t t = 0; t < w_u.size() / v.size(); ++t) {
            double sum = 0;
            for (std::size_t e = 0; e < v.size(); ++e)
                sum += static_cast<double>(w_u[t * v.size() + e]) * y[e];
            if (a == "gemma2") sum = 7 * std::tanh(sum / 7);
            if (a == "granite") sum /= 2;
            logits.push_back(sum);
        }
        Values out;
        for (std::size_t t = 0; t < logits.size(); ++t)
            out.push_back(log_softmax(logits, static_cast<Token>(t)));
        return out;
    }

    std::filesystem::path path_;
    std::shared_ptr<const Model> model_;
    Engine engine_;
    TinyWeights weights_;
};

TEST_P(MethodsVocabulary, ReadingIsNormAndOutputHead) {
    const SteeringVector v = vector_of(info(), {0, 2});
    const auto readings = read_vocabulary(engine_, v, {info().n_vocab, -1, 1});
    ASSERT_EQ(readings.size(), 2u);
    for (const auto& reading : readings) {
        const Values logprob = expected(v.directions.at(reading.layer));
        ASSERT_EQ(reading.top.size(), logprob.size());
        std::set<Token> seen;
        for (const auto& t : reading.top) {
            EXPECT_NEAR(static_cast<double>(t.logprob), logprob[static_cast<std::size_t>(t.token)], 1e-4);
            EXPECT_TRUE(seen.insert(t.token).second);
        }
        const auto best = std::max_element(logprob.begin(), logprob.end()) - logprob.begin();
        EXPECT_EQ(reading.top[0].token, static_cast<Token>(best));
    }
    EXPECT_EQ(readings[0].layer, 0);
    EXPECT_EQ(readings[1].layer, 2);
    EXPECT_NE(readings[0].top[0].token, readings[1].top[0].token);
}

TEST_P(MethodsVocabulary, WatchedTokensHaveTheRanksOfTheList) {
    const SteeringVector v = vector_of(info(), {1});
    ReadOptions options;
    options.n_top = info().n_vocab;
    options.watch = {7, 3, 7};
    const auto reading = read_vocabulary(engine_, v, options).at(0);
    ASSERT_EQ(reading.watch_rank.size(), 3u);
    for (std::size_t i = 0; i < 3; ++i) {
        const auto& place = reading.top.at(static_cast<std::size_t>(reading.watch_rank[i]));
        EXPECT_EQ(place.token, options.watch[i]);
        EXPECT_EQ(place.logprob, reading.watch_logprob[i]);
    }
}

// The place of the direction and the scale's size play no part, its sign does.
TEST_P(MethodsVocabulary, LayerAndScale) {
    const SteeringVector v = vector_of(info(), {0, 2}, 10);
    const auto one = read_vocabulary(engine_, v, {5, 2, 1});
    ASSERT_EQ(one.size(), 1u);
    EXPECT_EQ(one[0].layer, 2);
    SteeringVector moved = v;
    moved.directions = {{1, v.directions.at(2)}};
    const auto opposite = read_vocabulary(engine_, moved, {5, 1, -1});
    std::vector<float> negative = v.directions.at(2);
    for (float& x : negative) x = -x;
    const Values logprob = expected(negative);
    for (const auto& t : opposite[0].top)
        EXPECT_NEAR(static_cast<double>(t.logprob), logprob[static_cast<std::size_t>(t.token)], 1e-4);
    const auto same = read_vocabulary(engine_, moved, {5, 1, 1});
    for (std::size_t i = 0; i < 5; ++i) {
        EXPECT_EQ(same[0].top[i].token, one[0].top[i].token);
        EXPECT_EQ(same[0].top[i].logprob, one[0].top[i].logprob);
    }
}

TEST_P(MethodsVocabulary, OutputHeadGivesTheRowsAskedFor) {
    const std::vector<Token> tokens = {7, 0, info().n_vocab - 1, 7};
    const OutputHead head = model_->output_head(tokens);
    const auto& w_u = weights_[weights_.has("output.weight") ? "output.weight" : "token_embd.weight"];
    const auto n = static_cast<std::size_t>(info().n_embd);
    ASSERT_EQ(head.w_u.size(), tokens.size() * n);
    for (std::size_t i = 0; i < tokens.size(); ++i)
        for (std::size_t e = 0; e < n; ++e)
            ASSERT_EQ(head.w_u[i * n + e], w_u[static_cast<std::size_t>(tokens[i]) * n + e]);
    for (const Token bad : {-1, info().n_vocab})
        expect_error(Code::usage, {std::to_string(bad)}, [&] { model_->output_head(std::vector{bad}); });
}

TEST_P(MethodsVocabulary, GradientIsTheLossesSlope) {
    const std::vector<Token> tokens = {3, 20, 41, 100, 8, 61};
    const OutputHead head = model_->output_head(tokens);
    const VocabularyLoss loss(head);
    const auto vector = [&](unsigned seed) {
        const auto values = random_vector(info().n_embd, seed);
        return Eigen::VectorXd(
            Eigen::Map<const Eigen::VectorXf>(values->data(), info().n_embd).cast<double>());
    };
    // Four of the six tokens are wanted, the last two are rivals.
    Eigen::VectorXd p = loss.log_probabilities(vector(1)).head(4).array().exp();
    p /= p.sum();
    Eigen::VectorXd gradient, unused;
    const Eigen::VectorXd x = vector(2);
    const double value = loss(p, x, gradient);
    EXPECT_GT(value, 0);
    const Eigen::VectorXd direction = vector(3);
    constexpr double h = 1e-3;  // W_U is multiplied in float32
    const double slope = (loss(p, x + h * direction, unused) - loss(p, x - h * direction, unused)) / (2 * h);
    EXPECT_NEAR(gradient.dot(direction), slope, 1e-2 * std::max(1.0, std::fabs(slope)));
}

TEST_P(MethodsVocabulary, ReconstructionMatchesTheTopTokens) {
    const SteeringVector v = vector_of(info(), {0, 2}, 3);
    for (const bool restricted : {false, true}) {
        SCOPED_TRACE(restricted ? "restricted" : "whole vocabulary");
        ReconstructOptions options;
        options.n_token = 12;
        options.restricted = restricted;
        options.seed = 3;
        const Reconstruction r = reconstruct_vocabulary(engine_, v, options);
        ASSERT_EQ(r.fits.size(), 2u);
        for (const auto& fit : r.fits) {
            const auto& made = r.vector.directions.at(fit.layer);
            const Values target = expected(v.directions.at(fit.layer)), got = expected(made);
            // KL over the top tokens, from the weights themselves.
            std::vector<std::size_t> order(target.size());
            for (std::size_t t = 0; t < order.size(); ++t) order[t] = t;
            std::sort(order.begin(), order.end(), [&](auto a, auto b) { return target[a] > target[b]; });
            double mass = 0, mass_got = 0, kl = 0;
            for (std::size_t i = 0; i < 12; ++i) {
                mass += std::exp(target[order[i]]);
                mass_got += std::exp(got[order[i]]);
            }
            for (std::size_t i = 0; i < 12; ++i)
                kl += std::exp(target[order[i]]) / mass *
                      (target[order[i]] - std::log(mass) - got[order[i]] + std::log(mass_got));
            EXPECT_NEAR(fit.kl_last, kl, 1e-4);
            EXPECT_NEAR(fit.mass, mass, 1e-3);
            EXPECT_NEAR(fit.mass_rebuilt, mass_got, 1e-3);
            EXPECT_LT(fit.kl_last, fit.kl_first / 20);
            EXPECT_LT(kl, restricted ? 1e-4 : 0.1);  // the mass has its share of the loss
            if (!restricted) {
                EXPECT_GE(mass_got, mass * 0.9);
                EXPECT_GE(fit.n_shared, 10);
            }
            // Another vector of the same length.
            double dot = 0, a = 0, b = 0;
            for (std::size_t e = 0; e < made.size(); ++e) {
                const double x = static_cast<double>(v.directions.at(fit.layer)[e]),
                             y = static_cast<double>(made[e]);
                dot += x * y, a += x * x, b += y * y;
            }
            EXPECT_NEAR(a, b, 1e-3 * a);
            EXPECT_NEAR(fit.cosine, dot / std::sqrt(a * b), 1e-4);
            EXPECT_LT(fit.cosine, 0.95);
        }
    }
}

TEST_P(MethodsVocabulary, ReconstructionSaysWhereItCameFrom) {
    const SteeringVector v = vector_of(info(), {1});
    ReconstructOptions options;
    options.n_token = 5;
    options.n_step = 20;
    options.seed = 9;
    std::size_t calls = 0, last = 0;
    const auto r = reconstruct_vocabulary(engine_, v, options, [&](std::size_t done, std::size_t all) {
        EXPECT_EQ(all, 20u);
        EXPECT_GE(done, last);
        last = done;
        ++calls;
    });
    EXPECT_EQ(last, 20u);
    EXPECT_GT(calls, 2u);
    EXPECT_EQ(r.vector.method, "reconstruction");
    EXPECT_EQ(r.vector.scale, 2);
    EXPECT_EQ(r.vector.provenance.task, "a task");
    EXPECT_EQ(r.vector.provenance.seed, 9u);
    EXPECT_EQ(r.vector.provenance.settings.at("source.method"), "fv");
    EXPECT_EQ(r.vector.provenance.settings.at("reconstruct.n_token"), "5");
    EXPECT_EQ(reconstruct_vocabulary(engine_, v, options).vector.directions, r.vector.directions);
    options.seed = 10;
    EXPECT_NE(reconstruct_vocabulary(engine_, v, options).vector.directions, r.vector.directions);
    // A file's round trip.
    const auto file = temporary_file("rebuilt.gguf");
    save_vector(r.vector, file);
    EXPECT_EQ(load_vector(file).directions, r.vector.directions);
    expect_error(Code::interrupted, {"enough"}, [&] {
        reconstruct_vocabulary(engine_, v, options,
                               [](std::size_t, std::size_t) { throw Error(Code::interrupted, "enough"); });
    });
}

TEST_P(MethodsVocabulary, BadRequestsAreRefused) {
    SteeringVector v = vector_of(info(), {0, 2});
    expect_error(Code::usage, {"layer 1", "0, 2"}, [&] { read_vocabulary(engine_, v, {5, 1, 1}); });
    expect_error(Code::usage, {"0 top tokens"}, [&] { read_vocabulary(engine_, v, {0, -1, 1}); });
    expect_error(Code::usage, {"n_vocab"}, [&] { read_vocabulary(engine_, v, {info().n_vocab + 1, -1, 1}); });
    expect_error(Code::usage, {"scale"}, [&] { read_vocabulary(engine_, v, {5, -1, 0}); });
    ReconstructOptions options;
    options.n_token = 1;
    expect_error(Code::usage, {"1 tokens"}, [&] { reconstruct_vocabulary(engine_, v, options); });
    options = {.n_token = 5, .n_step = 0};
    expect_error(Code::usage, {"0 steps"}, [&] { reconstruct_vocabulary(engine_, v, options); });
    options = {.n_token = 5, .step_size = 0};
    expect_error(Code::usage, {"step size"}, [&] { reconstruct_vocabulary(engine_, v, options); });
    v.directions.at(2).assign(v.directions.at(2).size(), 0.0f);
    expect_error(Code::bad_input, {"direction.2", "zero"}, [&] { read_vocabulary(engine_, v); });
    EXPECT_EQ(read_vocabulary(engine_, v, {5, 0, 1}).size(), 1u);
    v.directions.at(2).pop_back();
    expect_error(Code::bad_input, {"direction.2", "n_embd"}, [&] { read_vocabulary(engine_, v); });
}

INSTANTIATE_TEST_SUITE_P(Tiny, MethodsVocabulary, testing::ValuesIn(cases()),
                         [](const auto& param) { return std::string(param.param.name); });

}  // namespace

// Control vectors as llama.cpp applies them: what tiller reads is added where llama_set_adapter_cvec() adds
// it, and what it exports does there what it does here.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>

#include "support/engine_rows.h"
#include "support/plain_llama.h"
#include "tiller/export.h"
#include "unit/test_vectors_files.h"

using namespace tiller;
using namespace tiller::test;

namespace {

double log_prob(const std::vector<float>& logits, Token token) {
    const float largest = *std::max_element(logits.begin(), logits.end());
    double sum = 0;
    for (const float l : logits) sum += std::exp(static_cast<double>(l - largest));
    return static_cast<double>(logits[static_cast<std::size_t>(token)] - largest) - std::log(sum);
}

// Some directions as another tool's file has them.
std::string control_vector(const ModelInfo& info, const std::vector<int>& layers) {
    vector_files::RawFile file;
    file.set_text("general.architecture", "controlvector");
    file.set_text("controlvector.model_hint", info.architecture);
    for (const int layer : layers)
        file.direction(layer, *random_vector(info.n_embd, static_cast<unsigned>(layer), 0.5f));
    return file.bytes();
}

class VectorsInLlama : public testing::TestWithParam<const char*> {
protected:
    VectorsInLlama() {
        options_.architecture = GetParam();
        options_.n_layer = 4;
        path_ = make_tiny_model(options_);
        model_ = Model::load(path_);
        engine_ = std::make_unique<Engine>(model_, exact());
        tokens_ = random_prompt(12, 3);
        file_ = temporary_file("theirs.gguf");
    }
    void write(const std::filesystem::path& path, const std::string& bytes) const {
        std::ofstream(path, std::ios::binary) << bytes;
    }
    // Largest difference in the log-probabilities of the tokens from the third on.
    double distance(const std::vector<std::vector<float>>& logits, const std::vector<Edit>& edits) {
        Row row;
        row.prompt.assign(tokens_.begin(), tokens_.begin() + 3);
        row.forced.assign(tokens_.begin() + 3, tokens_.end());
        row.edits = edits;
        const auto result = engine_->run(std::span(&row, 1))[0];
        double worst = 0;
        for (std::size_t i = 0; i < row.forced.size(); ++i)
            worst = std::max(worst, std::fabs(static_cast<double>(result.forced_logprob[i]) -
                                              log_prob(logits[i + 2], row.forced[i])));
        return worst;
    }

    // The engine reads GELU from a table of float16 values, where a last digit may take the next entry
    // (docs/architectures.md, "Two machines"). The two sides compute in batches of another shape.
    double bound() const {
        const std::set<std::string> moved_by_the_table = {"gemma4", "gpt2"};
        return moved_by_the_table.contains(options_.architecture) ? 3e-4 : 1e-4;
    }

    TinyOptions options_;
    std::filesystem::path path_, file_;
    std::shared_ptr<const Model> model_;
    std::unique_ptr<Engine> engine_;
    std::vector<Token> tokens_;
};

// The rule of layer numbers: direction.N is added to what layer N, counted from 0, gives.
TEST_P(VectorsInLlama, TheirsDoesTheSameInBoth) {
    for (const std::vector<int>& layers : {std::vector{1}, {2}, {3}, {1, 2, 3}}) {
        write(file_, control_vector(model_->info(), layers));
        const auto theirs = plain_logits(path_, tokens_, file_);
        const SteeringVector v = load_vector(file_);
        require_match(v, model_->info());
        EXPECT_LT(distance(theirs, edits_of(v, 1)), bound()) << layers.size() << " from layer " << layers[0];
        EXPECT_GT(distance(theirs, {}), 0.02) << "the vector does something";
        SteeringVector moved = v;
        moved.directions.clear();
        for (const auto& [layer, direction] : v.directions) moved.directions[layer - 1] = direction;
        EXPECT_GT(distance(theirs, edits_of(moved, 1)), 0.01) << "the layer's number counts";
    }
}

TEST_P(VectorsInLlama, ExportsDoWhatTheyDoHere) {
    write(file_, control_vector(model_->info(), {1, 3}));
    const SteeringVector v = load_vector(file_);
    const auto out = temporary_file("ours.gguf");
    export_vector(exact_export(v, -0.7f, ExportFormat::llama_cpp), out, ExportFormat::llama_cpp);
    EXPECT_LT(distance(plain_logits(path_, tokens_, out), edits_of(v, -0.7f)), 1e-4);
    // Back again: a vector of ours now, with the strength in its numbers.
    const SteeringVector back = load_vector(out);
    EXPECT_EQ(back.scale, 1.0f);
    EXPECT_LT(distance(plain_logits(path_, tokens_, out), edits_of(back, 1)), 1e-4);
    EXPECT_TRUE(export_obstacles(back, ExportFormat::llama_cpp).empty());
}

INSTANTIATE_TEST_SUITE_P(Architectures, VectorsInLlama,
                         testing::Values("llama", "qwen2", "gemma2", "gemma3", "gemma4", "olmo2", "phi3",
                                         "gptneox", "gpt2", "falcon"),
                         [](const auto& architecture) { return std::string(architecture.param); });

class NearestVectors : public testing::Test {
protected:
    NearestVectors() {
        options_.n_layer = 4;
        path_ = make_tiny_model(options_);
        model_ = Model::load(path_);
        engine_ = std::make_unique<Engine>(model_, exact());
        for (unsigned i = 0; i < 12; ++i)
            (i < 6 ? fit_ : held_out_).push_back(random_prompt(6 + static_cast<int>(i % 3), 20 + i));
    }
    SteeringVector vector(Site site, Operation operation, Positions::Kind positions,
                          const std::vector<int>& layers, float size) const {
        SteeringVector v;
        v.method = "some";
        v.site = site;
        v.operation = operation;
        v.positions = positions;
        v.provenance.n_embd = model_->info().n_embd;
        for (const int layer : layers) {
            const auto seed = static_cast<unsigned>(40 + layer);
            v.directions[layer] = operation == Operation::project
                                      ? *random_projection(model_->info().n_embd, 2, seed)
                                      : *random_vector(model_->info().n_embd, seed, size);
        }
        return v;
    }
    NearestAdditive nearest(const SteeringVector& v, float strength,
                            ExportFormat format = ExportFormat::llama_cpp) {
        NearestOptions options;
        options.n_token = 4;
        return nearest_additive(*engine_, v, strength, fit_, held_out_, format, options);
    }

    TinyOptions options_;
    std::filesystem::path path_;
    std::shared_ptr<const Model> model_;
    std::unique_ptr<Engine> engine_;
    std::vector<std::vector<Token>> fit_, held_out_;
};

// Where adding is exactly what the original does, the nearest vector is the original.
TEST_F(NearestVectors, OfAnAddedVectorIsItself) {
    const SteeringVector v = vector(Site::mlp_output, Operation::add, Positions::Kind::all, {1, 2},
                                    0.3f);  // llama adds it as it is
    const NearestAdditive n = nearest(v, 2);
    EXPECT_EQ(n.factor, 1.0f);
    EXPECT_LT(n.kl, 1e-6);
    EXPECT_GT(n.kl_unsteered, 0.01);
    ASSERT_EQ(n.vector.directions.size(), 2u);
    for (const auto& [layer, direction] : n.vector.directions)
        for (std::size_t i = 0; i < direction.size(); ++i)
            EXPECT_NEAR(direction[i], 2 * v.directions.at(layer)[i], 2e-5);
    EXPECT_EQ(n.vector.site, Site::residual);
    EXPECT_EQ(n.vector.provenance.settings.at("export.site"), "mlp_output");
    EXPECT_EQ(n.vector.provenance.settings.at("export.strength"), "2");
}

TEST_F(NearestVectors, KeepLastTokenVectorsDirections) {
    const SteeringVector v = vector(Site::residual, Operation::add, Positions::Kind::steered, {2}, 0.5f);
    const NearestAdditive n = nearest(v, 1);
    const auto& direction = n.vector.directions.at(2);
    for (std::size_t i = 0; i < direction.size(); ++i)
        EXPECT_NEAR(direction[i], n.factor * v.directions.at(2)[i], 2e-5);
    EXPECT_LT(n.kl, n.kl_unsteered / 2);
    EXPECT_GT(n.kl, 0);
    EXPECT_EQ(n.n_prompt, 6);
    EXPECT_LE(n.n_place, 24u);
    EXPECT_EQ(n.vector.positions, Positions::Kind::all);
}

// The reported distance is the distance of the two files: measured again, by llama.cpp on one side.
TEST_F(NearestVectors, TheDistanceIsThatOfTheFile) {
    held_out_.resize(1);
    const SteeringVector v = vector(Site::mlp_output, Operation::turn, Positions::Kind::all, {0, 1, 2, 3}, 1);
    NearestOptions options;
    options.n_token = 1;
    const NearestAdditive n =
        nearest_additive(*engine_, v, 3, fit_, held_out_, ExportFormat::llama_cpp, options);
    ASSERT_EQ(n.n_place, 1u);
    const auto out = temporary_file("nearest.gguf");
    export_vector(n.vector, out, ExportFormat::llama_cpp);
    Row row = logits_row(held_out_[0], edits_of(v, 3));
    const auto original = engine_->run(std::span(&row, 1))[0].logits;
    const auto replacement = plain_logits(path_, held_out_[0], out).back();
    double kl = 0;
    for (int token = 0; token < model_->info().n_vocab; ++token) {
        const double p = log_prob(original, token);
        kl += std::exp(p) * (p - log_prob(replacement, token));
    }
    EXPECT_NEAR(n.kl, kl, 1e-4);
    EXPECT_EQ(load_vector(out).provenance.settings.at("export.kl"), fmt::format("{:.6g}", n.kl));
    EXPECT_GT(n.kl_unsteered, 0.001);
    EXPECT_EQ(n.vector.directions.begin()->first, 1) << "llama.cpp never steers layer 0";
    EXPECT_EQ(n.vector.directions.size(), 3u);
}

// What layer 0 was to get arrives at layer 1, also where the original has nothing there.
TEST_F(NearestVectors, LayerZeroIsTakenOver) {
    const SteeringVector v = vector(Site::residual, Operation::add, Positions::Kind::all, {0}, 0.4f);
    const NearestAdditive n = nearest(v, 1);
    ASSERT_EQ(n.vector.directions.size(), 1u);
    EXPECT_TRUE(n.vector.directions.contains(1));
    EXPECT_LT(n.kl, n.kl_unsteered);
    EXPECT_GT(n.kl, 0);
    // Arrays may have a layer 0: there the vector is what it is.
    const NearestAdditive arrays = nearest(v, 1, ExportFormat::npz);
    EXPECT_TRUE(arrays.vector.directions.contains(0));
    EXPECT_LT(arrays.kl, 1e-6);
}

TEST_F(NearestVectors, OfEveryOperationAndSite) {
    for (const Site site : {Site::attention_output, Site::mlp_output, Site::residual})
        for (const Operation operation : {Operation::replace, Operation::turn, Operation::project}) {
            const SteeringVector v = vector(site, operation, Positions::Kind::steered, {1, 3}, 0.5f);
            const NearestAdditive n = nearest(v, 0.5f);
            const std::string what = fmt::format("{} at {}", operation_name(operation), site_name(site));
            EXPECT_TRUE(export_obstacles(n.vector, ExportFormat::llama_cpp).empty()) << what;
            EXPECT_LT(n.kl, n.kl_unsteered * 1.05) << what;
            EXPECT_GT(n.kl_unsteered, 1e-6) << what;
            EXPECT_EQ(n.vector.provenance.settings.at("export.operation"), operation_name(operation));
        }
}

TEST_F(NearestVectors, RefuseWhatCannotBeMeasured) {
    const SteeringVector v = vector(Site::residual, Operation::add, Positions::Kind::steered, {2}, 1);
    expect_error(Code::usage, {"0 to measure on"},
                 [&] { nearest_additive(*engine_, v, 1, fit_, {}, ExportFormat::llama_cpp); });
    expect_error(Code::bad_input, {"infinity or NaN", "smaller strength"}, [&] { nearest(v, 1e38f); });
    expect_error(Code::usage, {"strength is nan"}, [&] { nearest(v, NAN); });
}

}  // namespace

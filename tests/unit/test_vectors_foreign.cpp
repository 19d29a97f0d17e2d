// Vectors of other tools: names of architectures, layers, projections that are no vectors to add, exact
// exports.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "test_vectors_files.h"
#include "tiller/export.h"
#include "vectors/architecture_names.h"

using namespace tiller;
using namespace vector_files;

namespace {

ModelInfo gemma() {
    ModelInfo info;
    info.name = "Some Model";
    info.architecture = "gemma3";
    info.digest = "d2";
    info.n_layer = 4;
    info.n_embd = 4;
    return info;
}

SteeringVector hinted(const std::string& hint) {
    RawFile file = plain_file();
    return read(file.set_text("controlvector.model_hint", hint).bytes());
}

TEST(VectorsForeign, ArchitecturesHaveSeveralNames) {
    for (const auto& [a, b] : {std::pair{"gemma3_text", "gemma3"},
                               {"mistral", "llama"},
                               {"gpt_neox", "gptneox"},
                               {"gpt_oss", "gpt-oss"},
                               {"qwen2", "qwen2"},
                               {"qwen3_moe", "qwen3moe"},
                               {"phi", "phi2"},
                               {"Llama", "llama"}}) {
        EXPECT_TRUE(same_architecture(a, b)) << a << " " << b;
        EXPECT_TRUE(same_architecture(b, a)) << a << " " << b;
    }
    for (const auto& [a, b] : {std::pair{"gemma3", "gemma2"},
                               {"gemma3_text", "gemma3n"},
                               {"mistral", "mistral3"},
                               {"qwen2", "qwen3"},
                               {"qwen2", "qwen2moe"},
                               {"llama", "llama4"},
                               {"phi", "phi3"},
                               {"text", "llama"}})
        EXPECT_FALSE(same_architecture(a, b)) << a << " " << b;
}

TEST(VectorsForeign, AnotherNameIsANoteAWrongOneARefusal) {
    EXPECT_TRUE(require_match(hinted("gemma3"), gemma()).empty());
    const auto notes = require_match(hinted("gemma3_text"), gemma());
    ASSERT_EQ(notes.size(), 1u);
    EXPECT_EQ(notes[0],
              "names the architecture 'gemma3_text', another project's name of the model's 'gemma3'");
    EXPECT_TRUE(require_match(hinted("gemma3_text"), gemma(), true).empty());
    const std::string wrong =
        "theirs.gguf: steering vector 'control-vector' does not belong to model 'Some "
        "Model': the vector's architecture is 'llama', the model's is 'gemma3'.\n";
    EXPECT_EQ(code_of([] { require_match(hinted("llama"), gemma(), false, "theirs.gguf"); }, wrong),
              Code::bad_input);
    EXPECT_TRUE(require_match(hinted("llama"), gemma(), true).empty());
    const auto silent = require_match(hinted(""), gemma());
    ASSERT_EQ(silent.size(), 1u);
    EXPECT_NE(silent[0].find("says nothing of the model"), std::string::npos);
}

// However many directions are wrong, the message stays two lines.
TEST(VectorsForeign, AMismatchIsTwoLines) {
    SteeringVector v = hinted("gemma3");
    for (int layer = 4; layer < 40; ++layer) v.directions[layer] = {1, 2, 3, 4};
    for (const bool force : {false, true}) {
        EXPECT_EQ(code_of([&] { require_match(v, gemma(), force); },
                          "layer of a direction is 4 to 39, the model has layers 0 to 3."),
                  Code::bad_input);
        ModelInfo wide = gemma();
        wide.n_embd = 8;
        try {
            require_match(v, wide, force);
            ADD_FAILURE();
        } catch (const Error& error) {
            const std::string what = error.what();
            EXPECT_EQ(std::count(what.begin(), what.end(), '\n'), 1) << what;
            EXPECT_LT(what.size(), 400u) << what;
            EXPECT_NE(what.find("n_embd is 4, the model's is 8"), std::string::npos) << what;
            EXPECT_EQ(error.topic(), Topic::none) << "no force can help";
        }
    }
    v.directions.erase(v.directions.find(6), v.directions.end());
    EXPECT_EQ(code_of([&] { require_match(v, gemma()); }, "direction is 4 and 5, the model"),
              Code::bad_input);
}

TEST(VectorsForeign, ProjectionsAreRefusedNeverAdded) {
    for (const auto& [key, value] : {std::pair{"controlvector.mode", "project"},
                                     {"controlvector.operation", "Directional Ablation"},
                                     {"controlvector.type", "orthogonalize"}}) {
        RawFile file = plain_file();
        EXPECT_EQ(code_of([&, key = key, value = value] { read(file.set_text(key, value).bytes()); }, value),
                  Code::bad_input);
    }
    RawFile flag = plain_file();
    EXPECT_EQ(code_of([&] { read(flag.set("controlvector.projection", 7, "\x01").bytes()); },
                      "'controlvector.projection' is set"),
              Code::bad_input);
    EXPECT_NO_THROW(read(flag.set("controlvector.projection", 7, std::string(1, '\0')).bytes()));
    RawFile other = plain_file();
    EXPECT_NO_THROW(read(other.set_text("controlvector.method", "pca").bytes()));
    EXPECT_NO_THROW(read(other.set_text("general.description", "from the ablation project").bytes()));
}

TEST(VectorsForeign, LayersOfAVector) {
    const SteeringVector v = hinted("gemma3");  // 1 to 3
    const SteeringVector two = only_layers(v, 2, 99);
    ASSERT_EQ(two.directions.size(), 2u);
    EXPECT_EQ(two.directions.at(2), v.directions.at(2));
    EXPECT_EQ(two.provenance.settings.at("layers"), "2-99");
    EXPECT_EQ(only_layers(v, 3, 3).provenance.settings.at("layers"), "3");
    EXPECT_EQ(code_of([&] { only_layers(v, 4, 9); }, "no direction there, only in 1 to 3"), Code::usage);
    EXPECT_EQ(code_of([&] { only_layers(v, 3, 2); }, "layers 3 to 2"), Code::usage);
    EXPECT_EQ(code_of([&] { only_layers(v, -1, 2); }, "layers -1 to 2"), Code::usage);
}

TEST(VectorsForeign, SumsTakeTheModelFromThePartThatKnowsIt) {
    SteeringVector ours = hinted("gemma3");
    ours.provenance.model_name = "Some Model";
    ours.provenance.model_digest = "d2";
    ours.provenance.n_layer = 4;
    const SteeringVector theirs = hinted("gemma3_text"), silent = hinted("");
    for (const auto& parts :
         {std::vector<std::pair<SteeringVector, float>>{{theirs, 1.0f}, {ours, 2.0f}, {silent, 1.0f}},
          {{silent, 1.0f}, {theirs, 2.0f}, {ours, 1.0f}}}) {
        const SteeringVector sum = combine(parts);
        EXPECT_EQ(sum.directions.at(1), (std::vector<float>{4, 8, 12, 16}));
        EXPECT_EQ(sum.provenance.architecture, "gemma3");
        EXPECT_EQ(sum.provenance.model_digest, "d2");
        EXPECT_EQ(sum.provenance.model_name, "Some Model");
        EXPECT_EQ(sum.provenance.n_layer, 4);
        EXPECT_NO_THROW(require_match(sum, gemma()));
    }
    // What the first part does not know must still agree between the others.
    SteeringVector other = ours;
    other.provenance.model_digest = "d9";
    EXPECT_EQ(code_of(
                  [&] {
                      combine({{theirs, 1.0f}, {ours, 1.0f}, {other, 1.0f}});
                  },
                  "model_digest of part 2 is 'd9', of part 1 'd2'"),
              Code::usage);
    EXPECT_EQ(code_of(
                  [&] {
                      combine({{theirs, 1.0f}, {hinted("llama"), 1.0f}});
                  },
                  "architecture of part 1 is 'llama', of part 0 'gemma3_text'"),
              Code::usage);
}

TEST(VectorsExport, ExactOnesAreTheNumbersTimesTheStrength) {
    const SteeringVector v = hinted("gemma3");
    EXPECT_TRUE(export_obstacles(v, ExportFormat::llama_cpp).empty());
    const SteeringVector half = exact_export(v, 0.5f, ExportFormat::llama_cpp);
    EXPECT_EQ(half.directions.at(1), (std::vector<float>{0.5f, 1, 1.5f, 2}));
    EXPECT_EQ(half.scale, 1.0f);
    EXPECT_EQ(half.provenance.architecture, "gemma3");
    EXPECT_EQ(half.provenance.settings.at("export.strength"), "0.5");
    EXPECT_EQ(code_of([&] { exact_export(v, NAN, ExportFormat::llama_cpp); }, "strength is nan"),
              Code::usage);
    EXPECT_EQ(code_of([&] { exact_export(v, 3e38f, ExportFormat::llama_cpp); }, "a smaller strength"),
              Code::bad_input);
}

TEST(VectorsExport, NamesEveryObstacle) {
    SteeringVector v = full_vector();  // a turn at MLP outputs of generated tokens, layer 0 among them
    const auto why = export_obstacles(v, ExportFormat::llama_cpp);
    ASSERT_EQ(why.size(), 4u);
    for (const char* part : {"turn, not add", "mlp_output", "generated positions", "layer 0"})
        EXPECT_EQ(code_of([&] { exact_export(v, 1, ExportFormat::llama_cpp); }, part), Code::usage);
    EXPECT_EQ(export_obstacles(v, ExportFormat::npz).size(), 3u) << "arrays may be of layer 0";
    v = hinted("gemma3");
    v.directions[0] = {1, 2, 3, 4};
    EXPECT_EQ(export_obstacles(v, ExportFormat::llama_cpp).size(), 1u);
    EXPECT_TRUE(export_obstacles(v, ExportFormat::safetensors).empty());
    v = hinted("gemma3");
    v.scale = 2;
    EXPECT_EQ(
        code_of([&] { export_vector(v, "/nowhere/x.gguf", ExportFormat::llama_cpp); }, "the scale is 2"),
        Code::usage);
}

}  // namespace

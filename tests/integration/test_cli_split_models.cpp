// One model in one file and in shards: vectors made with the one are used with the other.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/cli_test.h"
#include "tiller/model.h"
#include "tiller/vector.h"

namespace tiller {
namespace {

using test::expect_parts;

class CliSplitModels : public test::CliTest {
protected:
    void SetUp() override {
        test::CliTest::SetUp();
        shards = test::split_tiny_model(folder.path() / "m.gguf").string();
    }
    std::string shards;  // of m.gguf
};

TEST_F(CliSplitModels, TheWeightsAreTheSameTheFilesAreNot) {
    const auto whole = Model::load(folder.path() / "m.gguf"), parts = Model::load(shards);
    EXPECT_EQ(whole->info().weights_digest, parts->info().weights_digest);
    EXPECT_EQ(whole->info().weights_digest.size(), 64u);
    EXPECT_NE(whole->info().digest, parts->info().digest);
    // Metadata count as well as weights.
    test::TinyOptions renamed, other;
    renamed.metadata = [](gguf_context* file) { gguf_set_val_f32(file, "llama.rope.freq_base", 12345); };
    other.seed = 5;
    EXPECT_NE(Model::load(test::make_tiny_model(renamed))->info().weights_digest,
              whole->info().weights_digest);
    EXPECT_NE(Model::load(test::make_tiny_model(other))->info().weights_digest, whole->info().weights_digest);
}

TEST_F(CliSplitModels, AVectorOfOneFileFitsTheShardsAndTheOtherWay) {
    make_fv("whole.gguf");
    make_fv("parts.gguf", shards);
    const auto expected = next_logprobs("m.gguf", {"--vector", "whole.gguf"});
    ASSERT_EQ(expected.size(), next_logprobs("m.gguf", {}).size());
    EXPECT_GT(distance(expected, next_logprobs("m.gguf", {})), 1e-3);
    EXPECT_EQ(distance(expected, next_logprobs(shards, {"--vector", "whole.gguf"})), 0);
    EXPECT_EQ(distance(expected, next_logprobs("m.gguf", {"--vector", "parts.gguf"})), 0);
    EXPECT_EQ(run({"combine", "whole.gguf", "parts.gguf", "-o", "sum.gguf"}).code, 0);
    EXPECT_EQ(run({"next", "-m", shards, "-p", "the cat", "--vector", "sum.gguf"}).code, 0);
}

TEST_F(CliSplitModels, AnotherModelsVectorIsRefused) {
    test::TinyOptions other;
    other.seed = 5;
    make_model("other.gguf", other);
    make_fv("v.gguf", "other.gguf");
    expect_parts(refusal(3, {"next", "-m", shards, "-p", "x", "--vector", "v.gguf"}), {"model_digest"});
    make_fv("w.gguf");
    expect_parts(refusal(2, {"combine", "v.gguf", "w.gguf", "-o", "sum.gguf"}), {"model_digest"});
}

// A vector of a version that knew the digest of files only.
TEST_F(CliSplitModels, AnOldVectorFitsTheFileThatItWasMadeWith) {
    make_fv("v.gguf");
    SteeringVector old = load_vector(folder.path() / "v.gguf");
    ASSERT_FALSE(old.provenance.weights_digest.empty());
    old.provenance.weights_digest.clear();
    save_vector(old, folder.path() / "old.gguf");
    EXPECT_EQ(load_vector(folder.path() / "old.gguf").provenance.weights_digest, "");
    EXPECT_EQ(run({"next", "-m", "m.gguf", "-p", "x", "--vector", "old.gguf"}).code, 0);
    expect_parts(refusal(3, {"next", "-m", shards, "-p", "x", "--vector", "old.gguf"}), {"model_digest"});
    // What it was made with is still known of the one beside it.
    EXPECT_EQ(run({"combine", "old.gguf", "v.gguf", "-o", "sum.gguf"}).code, 0);
}

}  // namespace
}  // namespace tiller

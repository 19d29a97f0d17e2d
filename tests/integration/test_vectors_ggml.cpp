// ggml's own GGUF code as the second opinion on the vector file: it reads what tiller writes, and tiller
// reads what it writes.
#include <ggml.h>
#include <gguf.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <memory>

#include "tiller/vector.h"

using namespace tiller;
namespace fs = std::filesystem;

namespace {

struct Free {
    void operator()(gguf_context* file) const { gguf_free(file); }
    void operator()(ggml_context* context) const { ggml_free(context); }
};

class VectorsAndGgml : public testing::Test {
protected:
    void SetUp() override {
        path_ = fs::temp_directory_path() / ("tiller-ggml-" + std::to_string(getpid()) + ".gguf");
    }
    void TearDown() override {
        std::error_code error;
        fs::remove(path_, error);
    }
    // Reads the file with ggml, tensors included.
    void open() {
        ggml_context* context = nullptr;
        file_.reset(gguf_init_from_file(path_.c_str(), {false, &context}));
        context_.reset(context);
    }
    std::int64_t key(const char* name, gguf_type type) const {
        const std::int64_t id = gguf_find_key(file_.get(), name);
        EXPECT_GE(id, 0) << name;
        if (id >= 0) {
            EXPECT_EQ(gguf_get_kv_type(file_.get(), id), type) << name;
        }
        return id;
    }

    fs::path path_;
    std::unique_ptr<gguf_context, Free> file_;
    std::unique_ptr<ggml_context, Free> context_;
};

// Two dimensions: what makes llama.cpp refuse a projection as a control vector.
TEST_F(VectorsAndGgml, ProjectionsAreMatrices) {
    SteeringVector v;
    v.method = "conceptor";
    v.operation = Operation::project;
    v.provenance.n_embd = 3;
    v.directions[4] = {0, 0, 0, 1.5f, -2, 3e-40f};
    v.directions[5] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    save_vector(v, path_);
    open();
    ASSERT_TRUE(file_);
    for (const auto& [layer, values] : v.directions) {
        const ggml_tensor* t =
            ggml_get_tensor(context_.get(), ("direction." + std::to_string(layer)).c_str());
        ASSERT_NE(t, nullptr);
        EXPECT_EQ(ggml_n_dims(t), 2);
        EXPECT_EQ(t->ne[0], 3);
        EXPECT_EQ(t->ne[1], static_cast<std::int64_t>(values.size()) / 3);
        EXPECT_EQ(std::memcmp(t->data, values.data(), values.size() * sizeof(float)), 0);
    }
    EXPECT_EQ(load_vector(path_).directions, v.directions);
}

TEST_F(VectorsAndGgml, GgmlReadsWhatTillerWrites) {
    SteeringVector v;
    v.method = "fv";
    v.directions = {{1, {1.5f, -2, 3e-40f}}, {7, {0, 1, 2}}, {11, {-0.0f, 4, 5}}};
    v.aie = {{0.5f, 0.25f}, {}, {1, 2, 3}};
    v.mean_head_output = {{1, 2, 3, 4}, {}, {1, 2, 3}};
    v.heads = {{2, 2, 3}, {0, 0, 0.5f}};
    v.provenance.architecture = "llama";
    v.provenance.seed = 1ull << 60;
    v.provenance.settings = {{"n_mean", "100"}};
    save_vector(v, path_);
    open();
    ASSERT_TRUE(file_);
    EXPECT_EQ(gguf_get_version(file_.get()), 3u);
    EXPECT_STREQ(gguf_get_val_str(file_.get(), key("general.architecture", GGUF_TYPE_STRING)),
                 "controlvector");
    EXPECT_STREQ(gguf_get_val_str(file_.get(), key("controlvector.model_hint", GGUF_TYPE_STRING)), "llama");
    EXPECT_EQ(gguf_get_val_u32(file_.get(), key("controlvector.layer_count", GGUF_TYPE_UINT32)), 3u);
    EXPECT_EQ(gguf_get_val_u64(file_.get(), key("tiller.seed", GGUF_TYPE_UINT64)), 1ull << 60);
    EXPECT_STREQ(gguf_get_val_str(file_.get(), key("tiller.settings", GGUF_TYPE_STRING)),
                 R"({"n_mean":"100"})");
    const std::int64_t values = key("tiller.aie.values", GGUF_TYPE_ARRAY);
    ASSERT_EQ(gguf_get_arr_n(file_.get(), values), 5u);
    EXPECT_EQ(static_cast<const float*>(gguf_get_arr_data(file_.get(), values))[4], 3.0f);

    // Only directions are tensors: other tools refuse a file that holds any other.
    ASSERT_EQ(gguf_get_n_tensors(file_.get()), 3);
    for (const auto& [layer, direction] : v.directions) {
        const ggml_tensor* t =
            ggml_get_tensor(context_.get(), ("direction." + std::to_string(layer)).c_str());
        ASSERT_NE(t, nullptr) << layer;
        EXPECT_EQ(t->type, GGML_TYPE_F32);
        EXPECT_EQ(ggml_n_dims(t), 1);
        ASSERT_EQ(ggml_nelements(t), 3);
        EXPECT_EQ(std::memcmp(t->data, direction.data(), 12), 0) << layer;
    }
}

TEST_F(VectorsAndGgml, EmptyTables) {
    SteeringVector v;
    v.method = "random";
    v.directions = {{3, {1}}};
    v.aie = {{}, {}};  // an array of no values
    save_vector(v, path_);
    open();
    ASSERT_TRUE(file_);
    EXPECT_EQ(gguf_get_arr_n(file_.get(), key("tiller.aie.values", GGUF_TYPE_ARRAY)), 0u);
    EXPECT_EQ(load_vector(path_).aie, v.aie);
}

TEST_F(VectorsAndGgml, TillerReadsWhatGgmlWrites) {
    for (const ggml_type type : {GGML_TYPE_F32, GGML_TYPE_F16}) {
        file_.reset(gguf_init_empty());
        context_.reset(ggml_init({1 << 20, nullptr, false}));
        gguf_set_val_str(file_.get(), "general.architecture", "controlvector");
        gguf_set_val_str(file_.get(), "controlvector.model_hint", "gemma3");
        gguf_set_val_i32(file_.get(), "controlvector.layer_count", 2);
        const char* names[] = {"one", "two"};
        gguf_set_arr_str(file_.get(), "some.names", names, 2);
        const float values[] = {1.0f, -2.5f, 0.333251953125f, 6.5e4f, 0.0f};
        for (const char* name : {"direction.1", "direction.10"}) {
            ggml_tensor* t = ggml_new_tensor_1d(context_.get(), type, 5);
            ggml_set_name(t, name);
            if (type == GGML_TYPE_F32)
                std::memcpy(t->data, values, sizeof values);
            else
                ggml_fp32_to_fp16_row(values, static_cast<ggml_fp16_t*>(t->data), 5);
            gguf_add_tensor(file_.get(), t);
        }
        ASSERT_TRUE(gguf_write_to_file(file_.get(), path_.c_str(), false));
        const SteeringVector v = load_vector(path_);
        EXPECT_EQ(v.method, "control-vector");
        EXPECT_EQ(v.positions, Positions::Kind::all);
        EXPECT_EQ(v.provenance.architecture, "gemma3");
        EXPECT_EQ(v.provenance.n_embd, 5);
        ASSERT_EQ(v.directions.size(), 2u);
        std::vector<float> expected(values, values + 5);
        if (type == GGML_TYPE_F16)
            for (float& value : expected) value = ggml_fp16_to_fp32(ggml_fp32_to_fp16(value));
        EXPECT_EQ(v.directions.at(1), expected);
        EXPECT_EQ(v.directions.at(10), expected);
    }
}

}  // namespace

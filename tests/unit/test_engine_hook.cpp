// The evaluation callback is called by C code: what goes wrong in it is kept, and thrown by the C++ side.
#include <ggml-backend.h>
#include <ggml.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/hook.h"
#include "test_tasks_files.h"
#include "tiller/error.h"

namespace tiller::engine {
namespace {

class HookCallback : public testing::Test {
protected:
    HookCallback() : hook_(1, "llama", {4}) {
        plan_.reset(1);
        plan_.tokens.resize(1);
        plan_.tokens[0].output = 0;
        plan_.n_output = 1;
        plan_.add(Site::residual, 0, {0, nullptr, values_.data(), nullptr});
        std::snprintf(tensor_.name, sizeof tensor_.name, "l_out-0");
        tensor_.type = GGML_TYPE_F32;
        set_width(4);
    }
    // A node that lies on no device, so that the hook makes room for a copy of it first.
    void set_width(std::int64_t width) {
        tensor_.ne[0] = width;
        tensor_.nb[0] = sizeof(float);
        for (int i = 1; i < GGML_MAX_DIMS; ++i) {
            tensor_.ne[i] = 1;
            tensor_.nb[i] = tensor_.nb[i - 1] * static_cast<std::size_t>(tensor_.ne[i - 1]);
        }
    }
    // Wider than any vector may be: making room throws std::length_error, as no memory throws std::bad_alloc.
    void fail_inside() { set_width(std::int64_t{1} << 61); }

    Hook hook_;
    DecodePlan plan_;
    std::vector<float> values_ = std::vector<float>(4);
    ggml_tensor tensor_{};
};

TEST_F(HookCallback, AnExceptionStopsTheGraphAndIsThrownByCheck) {
    fail_inside();
    hook_.begin(&plan_);
    ASSERT_TRUE(Hook::callback(&tensor_, true, &hook_)) << "the node is wanted";
    EXPECT_FALSE(Hook::callback(&tensor_, false, &hook_)) << "and the graph need not go on";
    EXPECT_FALSE(Hook::callback(&tensor_, true, &hook_)) << "whatever node comes next";
    EXPECT_THROW(hook_.check(), std::length_error);
}

TEST_F(HookCallback, TheNextDecodeStartsWithoutTheOldException) {
    fail_inside();
    hook_.begin(&plan_);
    Hook::callback(&tensor_, true, &hook_);
    Hook::callback(&tensor_, false, &hook_);
    EXPECT_THROW(hook_.check(), std::length_error);
    hook_.begin(&plan_);
    EXPECT_THROW(hook_.check(), Error) << "incomplete: this time nothing reached the site";

    hook_.begin(&plan_);
    Hook::callback(&tensor_, true, &hook_);
    Hook::callback(&tensor_, false, &hook_);
    hook_.abandon();  // the engine itself failed, and that is said instead
    EXPECT_NO_THROW(hook_.end_probe());
}

// A graph of three layers with two sites each, which the hook sees node by node.
class HookStops : public testing::Test {
protected:
    static constexpr int kLayers = 3;

    HookStops() : hook_(kLayers, "llama", std::vector<int>(kLayers, 4)), buffer_(new_buffer()) {
        plan_.reset(kLayers);
        plan_.tokens.resize(1);
        plan_.tokens[0].output = 0;
        plan_.n_output = 1;
        plan_.stop_early = true;
    }
    ~HookStops() override { ggml_backend_buffer_free(buffer_); }

    void capture(Site site, int layer) { plan_.add(site, layer, {0, nullptr, captured_.data(), nullptr}); }

    // The name of the node after which the engine need not go on; empty when it computes all.
    std::string last_node() {
        hook_.begin(&plan_);
        for (int il = 0; il < kLayers; ++il)
            for (const std::string site : {"kqv_out", "l_out"}) {
                ggml_tensor node = node_of(site + "-" + std::to_string(il));
                if (Hook::callback(&node, true, &hook_) && !Hook::callback(&node, false, &hook_)) {
                    hook_.check();
                    return node.name;
                }
            }
        hook_.check();
        return "";
    }

private:
    ggml_backend_buffer_t new_buffer() {
        return ggml_backend_cpu_buffer_from_ptr(values_.data(), values_.size() * sizeof(float));
    }
    ggml_tensor node_of(const std::string& name) {
        ggml_tensor node{};
        std::snprintf(node.name, sizeof node.name, "%s", name.c_str());
        node.type = type_;
        node.ne[0] = 4;
        node.nb[0] = sizeof(float);
        for (int i = 1; i < GGML_MAX_DIMS; ++i) {
            node.ne[i] = 1;
            node.nb[i] = 4 * sizeof(float);
        }
        node.buffer = buffer_;
        node.data = values_.data();
        return node;
    }

    Hook hook_;
    alignas(64) std::array<float, 4> values_{1, 2, 3, 4};
    ggml_backend_buffer_t buffer_;

protected:
    DecodePlan plan_;
    ggml_type type_ = GGML_TYPE_F32;  // of all nodes
    std::vector<float> captured_ = std::vector<float>(4);
};

TEST_F(HookStops, AtTheLastActionWhereTheCacheMayBeIncomplete) {
    plan_.keep_cache = false;
    capture(Site::head_output, 1);
    EXPECT_EQ(last_node(), "kqv_out-1");
    EXPECT_EQ(captured_, (std::vector<float>{1, 2, 3, 4}));
    capture(Site::residual, 1);
    EXPECT_EQ(last_node(), "l_out-1") << "something of this layer was left";
    capture(Site::head_output, 2);
    EXPECT_EQ(last_node(), "kqv_out-2");
}

TEST_F(HookStops, InTheLastLayerWhereTheCacheHasToBeWhole) {
    capture(Site::residual, 1);
    EXPECT_EQ(last_node(), "kqv_out-2") << "the last layer's keys and values are stored before";
    capture(Site::residual, 2);
    EXPECT_EQ(last_node(), "l_out-2");
}

TEST_F(HookStops, AFailureEndsWithItsDecode) {
    capture(Site::residual, 1);
    type_ = GGML_TYPE_F16;
    test::error_of(Code::incomplete, [&] { last_node(); });
    type_ = GGML_TYPE_F32;
    EXPECT_EQ(last_node(), "kqv_out-2");
}

TEST_F(HookStops, NowhereWhereLogitsAreNeeded) {
    plan_.stop_early = false;
    capture(Site::head_output, 1);
    EXPECT_EQ(last_node(), "");
}

// The product with W_U is found where nothing stands between it and the last norm.
class HookLogits : public testing::TestWithParam<const char*> {
protected:
    HookLogits() : hook_(1, "llama", {4}) {
        matrix_.ne[0] = norm_.ne[0] = between_.ne[0] = 4;
        std::snprintf(norm_.name, sizeof norm_.name, "%s", GetParam());
        std::snprintf(product_.name, sizeof product_.name, "result_output");
        product_.op = GGML_OP_MUL_MAT;
        product_.op_params[0] = 7;
        product_.src[0] = &matrix_;
        product_.src[1] = &norm_;
    }
    const LogitsNode& probe() {
        hook_.begin_probe(1);
        for (ggml_tensor* node : {&norm_, &between_, &product_}) Hook::callback(node, true, &hook_);
        hook_.end_probe();
        return hook_.logits_node();
    }

    Hook hook_;
    ggml_tensor matrix_{}, norm_{}, between_{}, product_{};
};

TEST_P(HookLogits, AreTheProductWithTheLastNorm) {
    EXPECT_EQ(probe().matrix, &matrix_);
    EXPECT_EQ(probe().op_params[0], 7);
}

TEST_P(HookLogits, ArePlainWhereSomethingComesBetween) {
    product_.src[1] = &between_;
    EXPECT_EQ(probe().matrix, nullptr);
}

TEST_P(HookLogits, ArePlainWhereTheMatrixIsComputed) {
    matrix_.op = GGML_OP_ADD;
    EXPECT_EQ(probe().matrix, nullptr);
}

TEST_P(HookLogits, AreLookedForAnew) {
    EXPECT_EQ(probe().matrix, &matrix_);
    std::snprintf(norm_.name, sizeof norm_.name, "another_norm");
    EXPECT_EQ(probe().matrix, nullptr) << "the norm of the graph before does not count";
}

TEST_P(HookLogits, ArePlainWhereAnotherNodeEndsTheGraph) {
    product_.op = GGML_OP_SCALE;
    EXPECT_EQ(probe().matrix, nullptr);
}

INSTANTIATE_TEST_SUITE_P(Norms, HookLogits, testing::Values("result_norm", "result_embd_pooled"));

}  // namespace
}  // namespace tiller::engine

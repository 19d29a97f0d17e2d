// The evaluation callback is called by C code: what goes wrong in it is kept, and thrown by the C++ side.
#include <ggml.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <vector>

#include "engine/hook.h"
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

}  // namespace
}  // namespace tiller::engine

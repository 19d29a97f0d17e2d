// The numbers of methods' settings: those that the methods themselves try are possible, others are refused.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "support/model_shape.h"
#include "tiller/method.h"
#include "unit/test_tasks_files.h"

namespace tiller {
namespace {

using test::error_of;
using test::expect_parts;
using test::shape;

constexpr int kPairs = 100;

std::string refusal(const char* method, const Setting& given) {
    return error_of(Code::usage, [&] { complete_setting(find_method(method), shape(12, 4), kPairs, given); });
}

TEST(MethodSettings, WhatMethodsTryIsPossible) {
    for (const auto& info : {shape(12, 4), shape(3, 4), shape(32, 32)})
        for (const Method* method : methods()) {
            const Setting paper = method->paper_setting(info);
            EXPECT_EQ(complete_setting(*method, info, kPairs, {}), paper) << method->name();
            for (const bool behavioural : {false, true})
                for (const auto& setting : method->grid(info, behavioural))
                    EXPECT_EQ(complete_setting(*method, info, kPairs, setting), setting) << method->name();
            for (const auto& axis : method->axes(info, kPairs))
                for (const auto& choice : axis)
                    EXPECT_NO_THROW(complete_setting(*method, info, kPairs, choice)) << method->name();
        }
}

TEST(MethodSettings, EveryNumberIsExplained) {
    for (const Method* method : methods()) {
        const auto fields = setting_fields(*method, shape(12, 4), kPairs);
        EXPECT_FALSE(fields.empty()) << method->name();
        for (const auto& field : fields) {
            EXPECT_EQ(field.meaning.find("own"), std::string::npos) << method->name() << " " << field.name;
            EXPECT_TRUE(std::is_sorted(field.tried.begin(), field.tried.end()));
            EXPECT_LE(field.low, field.usual);
            EXPECT_LE(field.usual, field.high);
        }
    }
    const auto layer = setting_fields(find_method("task-vector"), shape(12, 4), kPairs);
    ASSERT_EQ(layer.size(), 1u);
    EXPECT_EQ(layer[0].name, "layer");
    EXPECT_EQ(layer[0].high, 11);
    EXPECT_EQ(layer[0].usual, 6);
    EXPECT_EQ(layer[0].tried.size(), 12u);
}

TEST(MethodSettings, GivenNumbersTakeTheirPlaces) {
    EXPECT_EQ(complete_setting(find_method("fv"), shape(12, 4), kPairs, {{"layer", 3}, {"scale", 2.5}}),
              (Setting{{"heads", 1}, {"layer", 3}, {"scale", 2.5}}));
    // A part of the layers has two ends.
    EXPECT_EQ(complete_setting(find_method("icv"), shape(12, 4), kPairs, {{"layer_begin", 4}}),
              (Setting{{"alpha", 1}, {"layer_begin", 4}, {"layer_end", 12}}));
}

TEST(MethodSettings, ImpossibleNumbersAreRefused) {
    expect_parts(refusal("fv", {{"layer", 12}}), {"layer = 12", "fv", "whole number from 0 to 11"});
    expect_parts(refusal("fv", {{"layer", 1.5}}), {"layer = 1.5", "whole"});
    expect_parts(refusal("fv", {{"heads", 49}}), {"heads = 49", "1 to 48"});
    expect_parts(refusal("fv", {{"scale", std::nan("")}}), {"scale", "finite"});
    expect_parts(refusal("fv", {{"scale", std::numeric_limits<double>::infinity()}}), {"scale", "finite"});
    expect_parts(refusal("conceptor", {{"aperture", 0}}), {"aperture = 0", "at least"});
    expect_parts(refusal("icv", {{"layer_begin", 5}, {"layer_end", 5}}), {"layer_begin = 5", "exclusive"});
    expect_parts(refusal("task-vector", {{"scale", 2}}), {"task-vector", "\"scale\"", "it has layer"});
}

TEST(MethodNames, UnknownOnesAreNamedWithWhatComesNear) {
    expect_parts(error_of(Code::usage, [] { find_method("taskvector"); }),
                 {"\"taskvector\"", "did you mean task-vector?", "known: ", "icv", "conceptor"});
    const auto far = error_of(Code::usage, [] { find_method("x\x1b[1m"); });
    expect_parts(far, {"known: ", "mean-diff"});
    EXPECT_EQ(far.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace tiller

// HeadContributions: what heads add up to is what the attention block writes (docs/methods.md).
#include <fmt/format.h>

#include "support/methods_model.h"

using namespace tiller;
using namespace tiller::test;

namespace {

struct Case {
    const char* name;
    TinyOptions options;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

std::vector<Case> cases() {
    std::vector<Case> all;
    for (const char* a : {"llama", "granite", "seed_oss", "qwen2", "qwen3moe", "olmo2", "gemma2", "gemma3",
                          "glm4", "gptneox", "gpt2", "mistral3", "qwen3", "phi3", "falcon", "stablelm"}) {
        all.push_back({a, {}});
        all.back().options.architecture = a;
    }
    all.push_back({"llama_bias", llama_options(false)});
    all.push_back({"neox_serial", {}});
    all.back().options.architecture = "gptneox";
    all.back().options.parallel_residual = false;
    return all;
}

class MethodsContributions : public testing::TestWithParam<Case> {
protected:
    MethodsContributions() : model_(tiny(GetParam().options)) {
        // The "means" are one prompt's own head outputs, so that the sum has to be that prompt's attention
        // output.
        Engine engine(model_, exact());
        Row row;
        row.prompt = random_prompt(17, 21);
        for (Site site : {Site::head_output, Site::attention_output})
            row.captures.push_back({site, 0, -1, {Positions::Kind::last_prompt, 0, 0}, false});
        result_ = engine.run(std::span(&row, 1))[0];
        for (int il = 0; il < info().n_layer; ++il) means_.push_back(part(result_.captured[0], il));
    }
    const ModelInfo& info() const { return model_->info(); }
    static std::vector<float> part(const Captured& c, int il) {
        const auto begin = c.values.begin() + static_cast<std::ptrdiff_t>(il) * c.width;
        return {begin, begin + c.width};
    }
    // Sum over a layer's heads, through sum().
    std::vector<float> layer_sum(const HeadContributions& c, int il) const {
        std::vector<HeadEffect> heads;
        for (int h = 0; h < info().n_head[static_cast<std::size_t>(il)]; ++h) heads.push_back({il, h, 0});
        return c.sum(heads);
    }
    // W_O z without bias and norm.
    std::vector<double> projected(int il) const {
        const AttentionProjection p = model_->attention_projection(il);
        const auto& z = means_[static_cast<std::size_t>(il)];
        std::vector<double> out(static_cast<std::size_t>(p.n_embd));
        for (std::size_t e = 0; e < out.size(); ++e)
            for (std::size_t i = 0; i < z.size(); ++i)
                out[e] += static_cast<double>(p.w_o[e * z.size() + i]) * static_cast<double>(z[i]);
        return out;
    }

    std::shared_ptr<const Model> model_;
    RowResult result_;
    std::vector<std::vector<float>> means_;
};

TEST_P(MethodsContributions, HeadsAndBiasAddUpToTheAttentionOutput) {
    const HeadContributions contributions(*model_, means_);
    for (int il = 0; il < info().n_layer; ++il) {
        const AttentionProjection p = model_->attention_projection(il);
        std::vector<float> sum = layer_sum(contributions, il);
        ASSERT_FALSE(!p.bias.empty() && !p.post_norm.empty())
            << "a bias's share under a post-norm is not its own size";
        for (std::size_t e = 0; e < p.bias.size(); ++e) sum[e] += p.bias[e];
        EXPECT_LT(max_difference(sum, part(result_.captured[1], il)), 1e-4) << "layer " << il;
    }
}

TEST_P(MethodsContributions, WithoutThePostNormTheyDoNot) {
    const HeadContributions with(*model_, means_), without(*model_, means_, {.post_norm = false});
    for (int il = 0; il < info().n_layer; ++il) {
        const auto plain = layer_sum(without, il);
        EXPECT_LT(max_difference(plain, projected(il)), 1e-4) << "layer " << il;
        if (info().post_norm) {
            EXPECT_GT(max_difference(plain, layer_sum(with, il)), 0.05) << "layer " << il;
        } else {
            EXPECT_EQ(plain, layer_sum(with, il)) << "layer " << il;
        }
    }
}

TEST_P(MethodsContributions, BiasPerHeadAddsItOncePerHead) {
    const HeadContributions with(*model_, means_, {.bias_per_head = true}), without(*model_, means_);
    for (int il = 0; il < info().n_layer; ++il) {
        const auto bias = model_->attention_projection(il).bias;
        for (int h = 0; h < info().n_head[static_cast<std::size_t>(il)]; ++h) {
            std::vector<float> expected = without.at(il, h);
            for (std::size_t e = 0; e < bias.size(); ++e) expected[e] += bias[e];
            EXPECT_LT(max_difference(with.at(il, h), expected), 1e-5) << "head " << il << "." << h;
        }
    }
    const std::string& a = info().architecture;
    EXPECT_EQ(model_->attention_projection(0).bias.empty(),
              a != "gptneox" && a != "gpt2" && std::string(GetParam().name) != "llama_bias");
}

TEST_P(MethodsContributions, MeansOfAnotherShapeAreRefused) {
    auto short_layer = means_, missing_layer = means_;
    short_layer[1].pop_back();
    missing_layer.pop_back();
    expect_error(Code::bad_input, {"layer 1", "63", "64"}, [&] { HeadContributions(*model_, short_layer); });
    expect_error(Code::bad_input, {"2 layers", "3"}, [&] { HeadContributions(*model_, missing_layer); });
}

INSTANTIATE_TEST_SUITE_P(Tiny, MethodsContributions, testing::ValuesIn(cases()),
                         [](const auto& param) { return std::string(param.param.name); });

}  // namespace

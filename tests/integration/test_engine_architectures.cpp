// The four sites on every architecture that the tiny models cover: they exist, edits there reach the logits,
// and they are the tensors that tiller/edit.h says they are.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "support/engine_rows.h"

using namespace tiller;
using namespace tiller::test;

namespace {

struct Case {
    const char* name;
    TinyOptions options;
    bool layer_norm = false;     ///< LayerNorm with bias instead of RMS norm.
    bool mlp_post_norm = false;  ///< post_ffw_norm stands between the MLP and the residual stream.
    float mlp_scale = 1;         ///< Granite scales what goes into the residual stream.
    float logit_scale = 1;
    float softcap = 0;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

Case make(const char* name, const char* architecture) {
    Case c{name, {}};
    c.options.architecture = architecture;
    return c;
}

std::vector<Case> cases() {
    std::vector<Case> all = {make("llama", "llama"),
                             make("llama_bias", "llama"),
                             make("granite", "granite"),
                             make("seed_oss", "seed_oss"),
                             make("qwen2", "qwen2"),
                             make("qwen3moe", "qwen3moe"),
                             make("olmo2", "olmo2"),
                             make("gemma2", "gemma2"),
                             make("gemma3", "gemma3"),
                             make("glm4", "glm4"),
                             make("neox_parallel", "gptneox"),
                             make("neox_serial", "gptneox"),
                             make("gpt2", "gpt2"),
                             make("mistral3", "mistral3"),
                             make("qwen3", "qwen3"),
                             make("phi3", "phi3"),
                             make("falcon", "falcon"),
                             make("falcon_two_norms", "falcon"),
                             make("stablelm", "stablelm"),
                             make("stablelm_parallel", "stablelm")};
    for (Case& c : all) {
        const std::string& a = c.options.architecture;
        c.layer_norm = a == "gptneox" || a == "gpt2" || a == "falcon" || a == "stablelm";
        c.mlp_post_norm = a == "olmo2" || a == "gemma2" || a == "gemma3" || a == "glm4";
        if (a == "granite") {
            c.mlp_scale = 0.4f;
            c.logit_scale = 0.5f;
        }
        if (a == "gemma2") c.softcap = 30;
        c.options.attention_bias = std::string(c.name) == "llama_bias";
        c.options.parallel_residual =
            std::string(c.name) != "neox_serial" && std::string(c.name) != "stablelm";
        c.options.two_norms = std::string(c.name) == "falcon_two_norms";
        if (std::string(c.name) == "falcon") c.options.n_head_kv = 1;
    }
    return all;
}

class EngineArchitecture : public testing::TestWithParam<Case> {
protected:
    EngineArchitecture()
        : path_(make_tiny_model(GetParam().options)),
          weights_(path_),
          model_(Model::load(path_)),
          engine_(model_, exact()) {}

    // RMS norm, or LayerNorm, of one activation.
    std::vector<double> norm(const float* x, std::size_t n, const std::string& name) const {
        double mean = 0, square = 0;
        if (GetParam().layer_norm)
            for (std::size_t i = 0; i < n; ++i) mean += static_cast<double>(x[i]) / static_cast<double>(n);
        for (std::size_t i = 0; i < n; ++i) square += (x[i] - mean) * (x[i] - mean) / static_cast<double>(n);
        std::vector<double> out(n);
        for (std::size_t i = 0; i < n; ++i) {
            out[i] = (x[i] - mean) / std::sqrt(square + 1e-5) * weights_[name + ".weight"][i];
            if (GetParam().layer_norm) out[i] += weights_[name + ".bias"][i];
        }
        return out;
    }

    // All four sites at all layers and positions of a prompt longer than Gemma's sliding window here.
    RowResult capture_all(std::vector<Edit> edits = {}) {
        Row row = logits_row(random_prompt(19, 5), std::move(edits));
        for (Site site : kAllSites) row.captures.push_back({site, 0, -1, {}, false});
        return engine_.run(std::span(&row, 1))[0];
    }
    static const float* at(const Captured& c, int il, int position) {
        return c.values.data() + (static_cast<std::size_t>(il) * static_cast<std::size_t>(c.n_position) +
                                  static_cast<std::size_t>(position)) *
                                     static_cast<std::size_t>(c.width);
    }

    std::filesystem::path path_;
    TinyWeights weights_;
    std::shared_ptr<const Model> model_;
    Engine engine_;
};

TEST_P(EngineArchitecture, AllSitesInAllLayers) {
    const ModelInfo& info = model_->info();
    EXPECT_EQ(info.architecture, GetParam().options.architecture);
    EXPECT_EQ(info.n_layer, 3);
    for (int il = 0; il < info.n_layer; ++il) {
        EXPECT_EQ(info.n_head[static_cast<std::size_t>(il)], 4);
        EXPECT_EQ(info.d_head[static_cast<std::size_t>(il)], 16);
        for (Site site : kAllSites)
            EXPECT_TRUE(engine_.has_site(site, il)) << site_name(site) << ", layer " << il;
    }
    EXPECT_FALSE(engine_.has_site(Site::residual, -1));
    EXPECT_FALSE(engine_.has_site(Site::residual, info.n_layer));
}

TEST_P(EngineArchitecture, EditsReachTheLogitsFromEveryLayer) {
    std::vector<Row> rows = {logits_row(random_prompt(12, 6))};
    for (Site site : kAllSites)
        for (int il = 0; il < 3; ++il)
            for (auto kind : {Positions::Kind::last_prompt, Positions::Kind::all}) {
                rows.push_back(logits_row(rows[0].prompt));
                rows.back().edits.push_back(random_edit(model_->info(), site, il, Operation::add,
                                                        {kind, 0, 0}, static_cast<unsigned>(il), 2));
            }
    const auto results = engine_.run(rows);
    for (std::size_t i = 1; i < rows.size(); ++i)
        EXPECT_GT(max_difference(results[i].logits, results[0].logits), 0.05)
            << site_name(rows[i].edits[0].site) << ", layer " << rows[i].edits[0].layer;
}

TEST_P(EngineArchitecture, ResidualIsTheSumOfWhatIsAdded) {
    const RowResult r = capture_all();
    const auto n = static_cast<std::size_t>(model_->info().n_embd);
    for (int il = 1; il < 3; ++il)
        for (int p = 0; p < r.captured[3].n_position; ++p) {
            const float* attention = at(r.captured[1], il, p);
            const float* mlp = at(r.captured[2], il, p);
            std::vector<double> added(mlp, mlp + n);
            if (GetParam().mlp_post_norm) added = norm(mlp, n, fmt::format("blk.{}.post_ffw_norm", il));
            double worst = 0;
            for (std::size_t i = 0; i < n; ++i) {
                const double sum = at(r.captured[3], il - 1, p)[i] + static_cast<double>(attention[i]) +
                                   static_cast<double>(GetParam().mlp_scale) * added[i];
                worst = std::max(worst, std::fabs(sum - at(r.captured[3], il, p)[i]));
            }
            EXPECT_LT(worst, 1e-4) << "layer " << il << ", position " << p;
        }
}

TEST_P(EngineArchitecture, ZeroedBlocksLeaveTheResidualStreamAsItIs) {
    const auto zeros = shared(std::vector<float>(static_cast<std::size_t>(model_->info().n_embd), 0.0f));
    std::vector<Edit> edits;
    for (int il : {1, 2})
        for (Site site : {Site::attention_output, Site::mlp_output})
            edits.push_back({site, il, -1, Operation::replace, {}, zeros, 1});
    const RowResult r = capture_all(edits);
    for (int il : {1, 2})
        for (int p = 0; p < r.captured[3].n_position; ++p)
            for (std::size_t i = 0; i < static_cast<std::size_t>(model_->info().n_embd); ++i)
                ASSERT_FLOAT_EQ(at(r.captured[3], il, p)[i], at(r.captured[3], 0, p)[i])
                    << "layer " << il << ", " << p;
}

TEST_P(EngineArchitecture, LastResidualThroughTheOutputHeadIsTheLogits) {
    const RowResult r = capture_all();
    const auto n = static_cast<std::size_t>(model_->info().n_embd);
    const auto normed = norm(at(r.captured[3], 2, r.captured[3].n_position - 1), n, "output_norm");
    const auto& head = weights_[weights_.has("output.weight") ? "output.weight" : "token_embd.weight"];
    std::vector<double> logits(head.size() / n);
    for (std::size_t t = 0; t < logits.size(); ++t) {
        for (std::size_t i = 0; i < n; ++i) logits[t] += static_cast<double>(head[t * n + i]) * normed[i];
        logits[t] *= static_cast<double>(GetParam().logit_scale);
        const auto cap = static_cast<double>(GetParam().softcap);
        if (cap > 0) logits[t] = cap * std::tanh(logits[t] / cap);
    }
    EXPECT_LT(max_difference(r.logits, logits), 1e-3);
}

TEST_P(EngineArchitecture, ProjectionMapsHeadOutputsToTheAttentionOutput) {
    const RowResult r = capture_all();
    const ModelInfo& info = model_->info();
    const auto n = static_cast<std::size_t>(info.n_embd);
    for (int il = 0; il < info.n_layer; ++il) {
        const AttentionProjection w = model_->attention_projection(il);
        EXPECT_EQ(w.n_embd, info.n_embd);
        EXPECT_EQ(w.n_in, 64);
        ASSERT_EQ(w.w_o.size(), n * 64);
        if (GetParam().options.architecture != "granite") {
            EXPECT_EQ(w.w_o, weights_.layer(il, "attn_output.weight"));
        }
        EXPECT_EQ(w.bias.empty(), !weights_.has(fmt::format("blk.{}.attn_output.bias", il)));
        EXPECT_EQ(w.post_norm.empty(), !info.post_norm);
        for (int p = 0; p < r.captured[0].n_position; ++p) {
            std::vector<double> out(n);
            double square = 0;
            for (std::size_t i = 0; i < n; ++i) {
                for (std::size_t j = 0; j < 64; ++j)
                    out[i] += static_cast<double>(w.w_o[i * 64 + j]) *
                              static_cast<double>(at(r.captured[0], il, p)[j]);
                if (!w.bias.empty()) out[i] += static_cast<double>(w.bias[i]);
                square += out[i] * out[i] / static_cast<double>(n);
            }
            for (std::size_t i = 0; i < n; ++i) {
                if (!w.post_norm.empty())
                    out[i] *= w.post_norm[i] / std::sqrt(square + static_cast<double>(info.norm_epsilon));
                ASSERT_NEAR(out[i], at(r.captured[1], il, p)[i], 1e-4)
                    << "layer " << il << ", position " << p;
            }
        }
    }
    const std::string& a = GetParam().options.architecture;
    EXPECT_EQ(info.post_norm, a == "olmo2" || a == "gemma2" || a == "gemma3" || a == "glm4");
}

// The same prompt alone and among others, with this architecture's own graph (sliding windows, experts).
TEST_P(EngineArchitecture, RowsDoNotDependOnNeighbours) {
    std::vector<Row> rows = {logits_row(random_prompt(14, 8))};
    rows[0].edits.push_back(random_edit(model_->info(), Site::mlp_output, 1, Operation::turn, {}, 3, 5));
    const auto alone = engine_.run(rows)[0];
    for (unsigned i = 0; i < 20; ++i) {
        rows.push_back(logits_row(random_prompt(static_cast<int>(10 + i % 6), 100 + i)));
        rows.back().edits.push_back(random_edit(model_->info(), kAllSites[i % 4], 2, Operation::add, {}, i));
    }
    EXPECT_EQ(engine_.run(rows)[0].logits, alone.logits);
}

INSTANTIATE_TEST_SUITE_P(Tiny, EngineArchitecture, testing::ValuesIn(cases()),
                         [](const auto& param) { return std::string(param.param.name); });

// Layers without attention (Nemotron's "deci" models) lack two of the sites, and saying so beats steering
// nothing.
TEST(EngineMissingSite, IsNamedWithLayerAndArchitecture) {
    TinyOptions o;
    o.architecture = "deci";
    o.layer_without_heads = 1;
    const auto model = tiny(o);
    Engine engine(model, exact());
    EXPECT_EQ(model->info().n_head, (std::vector<int>{4, 0, 4}));
    EXPECT_EQ(model->info().n_head_total(), 8);
    for (int il = 0; il < 3; ++il) {
        EXPECT_EQ(engine.has_site(Site::head_output, il), il != 1);
        EXPECT_EQ(engine.has_site(Site::attention_output, il), il != 1);
        EXPECT_TRUE(engine.has_site(Site::mlp_output, il));
        EXPECT_TRUE(engine.has_site(Site::residual, il));
    }
    for (Site site : {Site::head_output, Site::attention_output}) {
        const std::vector<std::string> parts = {site_name(site), "layer 1", "deci"};
        Row edited = logits_row({1, 5, 6}, {{site, 1, -1, Operation::add, {}, random_vector(64, 1), 1}});
        expect_error(Code::unsupported, parts, [&] { engine.run(std::span(&edited, 1)); });
        Row captured = logits_row({1, 5, 6});
        captured.captures.push_back({site, 1, 2, {}, false});
        expect_error(Code::unsupported, parts, [&] { engine.run(std::span(&captured, 1)); });
    }
    expect_error(Code::unsupported, {"layer 1"}, [&] { model->attention_projection(1); });
    // The other layers work.
    Row row =
        logits_row({1, 5, 6}, {random_edit(model->info(), Site::head_output, 2, Operation::add, {}, 1)});
    EXPECT_EQ(engine.run(std::span(&row, 1))[0].logits.size(),
              static_cast<std::size_t>(model->info().n_vocab));
}

// Qwen2.5's keys have biases in the hundreds: the attention scores pass float16's largest number, 65504,
// before they are scaled. An engine that adds float16 products up in float16 (AVX512-FP16) makes NaN of them.
TEST(EngineArchitectures, LargeKeyBiasesDoNotOverflow) {
    TinyOptions o;
    o.architecture = "qwen2";
    o.d_head = 128;  // As Qwen2.5 has it; the kernels in question take 128 products at a time.
    for (int il = 0; il < o.n_layer; ++il) {
        o.constants[fmt::format("blk.{}.attn_q.bias", il)] = 100;
        o.constants[fmt::format("blk.{}.attn_k.bias", il)] = 300;
    }
    EngineOptions options = exact();
    options.cache_f32 = false;
    Engine engine(tiny(o), options);
    Row row = logits_row(random_prompt(40, 3));
    row.captures = {{Site::head_output, 0, -1, {}, false}};
    const RowResult result = engine.run(std::span(&row, 1))[0];
    EXPECT_FALSE(result.broken);
    for (float v : result.captured[0].values) ASSERT_TRUE(std::isfinite(v));
    for (float v : result.logits) ASSERT_TRUE(std::isfinite(v));
}

}  // namespace

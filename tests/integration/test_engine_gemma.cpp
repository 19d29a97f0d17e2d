// Gemma 4, whose last layers use the keys and values of earlier ones, and Gemma 3n, which has no one residual
// stream. tests/integration/test_oracle.cpp compares Gemma 4's numbers with transformers.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "support/engine_rows.h"
#include "tiller/doctor.h"

using namespace tiller;
using namespace tiller::test;

namespace {

TinyOptions gemma4(int n_shared_kv, bool experts = false) {
    TinyOptions o;
    o.architecture = "gemma4";
    o.n_layer = 4;
    o.n_shared_kv = n_shared_kv;
    o.experts = experts;
    return o;
}

std::vector<double> rms_norm(const std::vector<double>& x, const std::vector<float>& weight) {
    double square = 0;
    for (double v : x) square += v * v / static_cast<double>(x.size());
    std::vector<double> out(x.size());
    for (std::size_t i = 0; i < x.size(); ++i)
        out[i] = x[i] / std::sqrt(square + 1e-5) * static_cast<double>(weight[i]);
    return out;
}

TEST(EngineGemma3n, SeveralResidualStreamsAreRefused) {
    for (int n_layer : {3, 22}) {  // 22: two of them use the keys and values of others
        TinyOptions o;
        o.architecture = "gemma3n";
        o.n_layer = n_layer;
        const auto model = tiny(o);
        expect_error(Code::unsupported,
                     {"gemma3n", "4 vectors of 48 values", "one residual stream", "docs/architectures.md"},
                     [&] { Engine engine(model, exact()); });
    }
}

TEST(EngineGemma4, EverySiteIsReachedInLayersWithAndWithoutKeys) {
    const auto model = tiny(gemma4(2));
    const TinyWeights weights(model->info().path);
    Engine engine(model, exact());
    EXPECT_EQ(model->info().d_head, (std::vector<int>{16, 32, 16, 32}));
    EXPECT_TRUE(model->info().post_norm);
    EXPECT_TRUE(model->info().changes_stream);
    std::vector<Row> rows = {logits_row(random_prompt(19, 6))};
    for (int il = 0; il < 4; ++il) {
        EXPECT_EQ(weights.has(fmt::format("blk.{}.attn_k.weight", il)), il < 2);
        for (Site site : kAllSites) {
            EXPECT_TRUE(engine.has_site(site, il)) << site_name(site) << ", layer " << il;
            rows.push_back(logits_row(rows[0].prompt));
            rows.back().edits.push_back(random_edit(model->info(), site, il, Operation::add,
                                                    {Positions::Kind::all, 0, 0}, static_cast<unsigned>(il)));
        }
    }
    const auto results = engine.run(rows);
    for (std::size_t i = 1; i < rows.size(); ++i)
        EXPECT_GT(max_difference(results[i].logits, results[0].logits), 0.05)
            << site_name(rows[i].edits[0].site) << ", layer " << rows[i].edits[0].layer;
    EXPECT_FALSE(tiny()->info().changes_stream);
}

// Another residual stream of an early token goes into layer 1, and everything that layer 1 writes is put
// back: what is left of the change are its keys and values. Layer 3 reads them where it has none of its own.
TEST(EngineGemma4, LayersReadTheKeysAndValuesOfEarlierOnes) {
    const auto change = [&](int n_shared_kv) {
        Engine engine(tiny(gemma4(n_shared_kv)), exact());
        const Positions early{Positions::Kind::range, 1, 9}, late{Positions::Kind::range, 9, 19};
        Row clean = logits_row(random_prompt(19, 6));
        clean.captures = {{Site::residual, 1, 2, early, false}, {Site::attention_output, 1, 2, late, false}};
        const RowResult before = engine.run(std::span(&clean, 1))[0];
        Row edited = logits_row(clean.prompt);
        edited.edits.push_back(
            {Site::residual, 0, -1, Operation::replace, early, random_vector(48, 3, 5), 1});
        for (int p = 1; p < 19; ++p) {
            const Captured& c = before.captured[p < 9 ? 0 : 1];
            const auto begin = c.values.begin() + (p < 9 ? p - 1 : p - 9) * c.width;
            edited.edits.push_back({p < 9 ? Site::residual : Site::attention_output,
                                    1,
                                    -1,
                                    Operation::replace,
                                    {Positions::Kind::range, p, p + 1},
                                    shared({begin, begin + c.width}),
                                    1});
        }
        return max_difference(engine.run(std::span(&edited, 1))[0].logits, before.logits);
    };
    EXPECT_GT(change(2), 0.01);
    EXPECT_LT(change(0), 1e-5);
}

// Without per-layer embeddings a layer is the sum of its parts, times its number. The MLP's part is that of
// the MLP and the experts together.
TEST(EngineGemma4, ResidualIsTheScaledSumOfWhatIsAdded) {
    const auto model = tiny(gemma4(0, true));
    const TinyWeights weights(model->info().path);
    Engine engine(model, exact());
    Row row = logits_row(random_prompt(19, 5));
    for (Site site : {Site::attention_output, Site::mlp_output, Site::residual})
        row.captures.push_back({site, 0, -1, {}, false});
    const RowResult r = engine.run(std::span(&row, 1))[0];
    const auto at = [&](std::size_t site, int il, int p) {
        const Captured& c = r.captured[site];
        const auto begin = c.values.begin() + (il * c.n_position + p) * c.width;
        return std::vector<double>(begin, begin + c.width);
    };
    for (int il = 1; il < 4; ++il)
        for (int p = 0; p < r.captured[0].n_position; ++p) {
            const auto before = at(2, il - 1, p), attention = at(0, il, p), after = at(2, il, p);
            const auto mlp = rms_norm(at(1, il, p), weights[fmt::format("blk.{}.post_ffw_norm.weight", il)]);
            const double scale = weights[fmt::format("blk.{}.layer_output_scale.weight", il)][0];
            for (std::size_t i = 0; i < after.size(); ++i)
                ASSERT_NEAR(after[i], scale * (before[i] + attention[i] + mlp[i]), 1e-4)
                    << "layer " << il << ", position " << p;
        }
}

TEST(EngineGemma4, TheDoctorPassesItAndSeesAMissingPostNorm) {
    for (const bool experts : {false, true}) {
        Engine engine(tiny(gemma4(experts ? 0 : 2, experts)), exact());
        const Diagnosis sound = diagnose(engine);
        EXPECT_TRUE(sound.passed()) << sound.failures();
        DoctorOptions options;
        options.contributions.post_norm = false;
        const Diagnosis wrong = diagnose(engine, options);
        EXPECT_NE(wrong.failures().find("contribution"), std::string::npos) << wrong.failures();
    }
}

// Half of the layers keep no keys and values, so half of the cache is needed.
TEST(EngineGemma4, SharedKeysAndValuesTakeNoMemory) {
    const auto caches = [](int n_shared_kv) {
        return Engine(tiny(gemma4(n_shared_kv)), exact()).memory_need(100, 100, 4).caches;
    };
    EXPECT_EQ(2 * caches(2), caches(0));
}

}  // namespace

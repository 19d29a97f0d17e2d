// Edits that must change nothing: strength 0, the zero vector, an activation replaced by itself.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "support/engine_rows.h"

using namespace tiller;
using namespace tiller::test;

namespace {

class EngineIdentity : public testing::TestWithParam<const char*> {
protected:
    EngineIdentity() {
        TinyOptions o;
        o.architecture = GetParam();
        model_ = tiny(o);
        engine_ = std::make_unique<Engine>(model_, exact());
        plain_ = row({});
    }

    Row row(std::vector<Edit> edits) const {
        Row r = logits_row(random_prompt(11, 2), std::move(edits));
        r.forced = {30, 31, 32};
        return r;
    }
    // Every row must give the bits of the row without edits.
    void expect_unchanged(const std::vector<Row>& rows) {
        const RowResult expected = engine_->run(std::span(&plain_, 1))[0];
        const auto results = engine_->run(rows);
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const Edit& e = rows[i].edits[0];
            const std::string what = fmt::format("{} at {}, layer {}, head {}", operation_name(e.operation),
                                                 site_name(e.site), e.layer, e.head);
            EXPECT_EQ(results[i].logits, expected.logits) << what;
            EXPECT_EQ(results[i].forced_logprob, expected.forced_logprob) << what;
        }
    }

    std::shared_ptr<const Model> model_;
    std::unique_ptr<Engine> engine_;
    Row plain_;
};

TEST_P(EngineIdentity, StrengthZero) {
    std::vector<Row> rows;
    for (Site site : kAllSites)
        for (Operation operation : kAllOperations)
            for (int il = 0; il < 3; ++il)
                for (float zero : {0.0f, -0.0f})
                    rows.push_back(row({random_edit(model_->info(), site, il, operation, {}, 9, zero)}));
    rows.push_back(row({random_edit(model_->info(), Site::head_output, 1, Operation::turn, {}, 9, 0, 2)}));
    expect_unchanged(rows);
}

TEST_P(EngineIdentity, ZeroVectorAdded) {
    std::vector<Row> rows;
    for (Site site : kAllSites)
        for (int il = 0; il < 3; ++il) {
            const auto zeros =
                shared(std::vector<float>(static_cast<std::size_t>(site_width(model_->info(), site, il)), 0));
            rows.push_back(row({{site, il, -1, Operation::add, {}, zeros, 3}}));
        }
    expect_unchanged(rows);
}

TEST_P(EngineIdentity, ActivationReplacedByItself) {
    Row reader = plain_;
    for (Site site : kAllSites) reader.captures.push_back({site, 0, -1, {}, false});
    const RowResult read = engine_->run(std::span(&reader, 1))[0];
    std::vector<Row> rows;
    for (std::size_t s = 0; s < 4; ++s)
        for (int il = 0; il < 3; ++il)
            for (int p : {0, 5, 10, 13}) {
                const Captured& c = read.captured[s];
                const auto begin = c.values.begin() + (il * c.n_position + p) * c.width;
                const Positions here{Positions::Kind::range, p, p + 1};
                rows.push_back(row(
                    {{kAllSites[s], il, -1, Operation::replace, here, shared({begin, begin + c.width}), 1}}));
                if (s != 0) continue;
                const auto head = begin + 3 * 16;
                rows.push_back(
                    row({{kAllSites[s], il, 3, Operation::replace, here, shared({head, head + 16}), 1}}));
            }
    expect_unchanged(rows);
}

INSTANTIATE_TEST_SUITE_P(Tiny, EngineIdentity, testing::Values("llama", "gptneox", "gemma3"),
                         [](const auto& param) { return std::string(param.param); });

}  // namespace

// Sliding windows: the engine applies Gemma's, and ignores those of some architectures. Rows that such a
// window would change are refused.
#include "support/engine_rows.h"

using namespace tiller;
using namespace tiller::test;

namespace {

TinyOptions with_window(const std::string& architecture) {
    TinyOptions o;
    o.architecture = architecture;
    o.metadata = [key = architecture + ".attention.sliding_window"](gguf_context* g) {
        gguf_set_val_u32(g, key.c_str(), 8);
    };
    return o;
}

class EngineIgnoredWindow : public testing::TestWithParam<const char*> {};

TEST_P(EngineIgnoredWindow, RefusesRowsThatAreLongerThanIt) {
    TinyOptions plain;
    plain.architecture = GetParam();
    Engine engine(tiny(with_window(GetParam())), exact()), without(tiny(plain), exact());
    Row row = logits_row(random_prompt(8, 1));
    EXPECT_EQ(engine.run(std::span(&row, 1))[0].logits, without.run(std::span(&row, 1))[0].logits);
    row.forced = {5};
    EXPECT_NO_THROW(without.run(std::span(&row, 1)));
    const std::vector<std::string> parts = {"row 0", "9 tokens", "sliding window of 8", GetParam(),
                                            "at most 8"};
    expect_error(Code::unsupported, parts, [&] { engine.run(std::span(&row, 1)); });
    expect_error(Code::unsupported, parts, [&] { engine.fork(std::span(&row, 1)); });
}
INSTANTIATE_TEST_SUITE_P(Tiny, EngineIgnoredWindow,
                         testing::Values("phi3", "llama", "mistral3", "qwen2", "qwen3", "qwen3moe"),
                         [](const auto& param) { return std::string(param.param); });

TEST(EngineWindow, IsAppliedByGemma) {
    for (const char* architecture : {"gemma2", "gemma3"}) {
        TinyOptions wide = with_window(architecture);
        wide.metadata = [key = std::string(architecture) + ".attention.sliding_window"](gguf_context* g) {
            gguf_set_val_u32(g, key.c_str(), 100);
        };
        Engine engine(tiny(with_window(architecture)), exact()), other(tiny(wide), exact());
        for (const int n : {8, 20}) {
            const Row row = logits_row(random_prompt(n, 1));
            const double d = max_difference(engine.run(std::span(&row, 1))[0].logits,
                                            other.run(std::span(&row, 1))[0].logits);
            if (n == 8) {
                EXPECT_LT(d, 1e-4) << architecture;
            } else {
                EXPECT_GT(d, 0.05) << architecture;
            }
        }
    }
}

}  // namespace

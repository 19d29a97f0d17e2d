// Model files that are not what they should be. The engine aborts the process on some of them, so tiller
// looks first; each must give a tiller::Error with its code and a text that names the trouble.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <llama.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <new>

#include "engine/gguf_file.h"
#include "support/engine_rows.h"
#include "unit/test_vectors_files.h"

using namespace tiller;
using namespace tiller::test;
namespace fs = std::filesystem;

namespace {

std::string bytes_of(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}
fs::path file_with(const std::string& bytes, const std::string& name = "bad.gguf") {
    const fs::path path = temporary_file(name);
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
}

struct Bad {
    const char* name;
    Code code;
    std::vector<std::string> parts;
    std::function<void(gguf_context*)> metadata;
    const char* architecture = "llama";
};
void PrintTo(const Bad& b, std::ostream* out) { *out << b.name; }

using Edit32 = std::function<void(gguf_context*)>;
Edit32 u32(const char* key, std::uint32_t value) {
    return [=](gguf_context* g) { gguf_set_val_u32(g, key, value); };
}
Edit32 f32(const char* key, float value) {
    return [=](gguf_context* g) { gguf_set_val_f32(g, key, value); };
}
Edit32 text(const char* key, const char* value) {
    return [=](gguf_context* g) { gguf_set_val_str(g, key, value); };
}
Edit32 without(const char* key) {
    return [=](gguf_context* g) { gguf_remove_key(g, key); };
}
Edit32 array(const char* key, std::vector<std::int32_t> values) {
    return [=](gguf_context* g) { gguf_set_arr_data(g, key, GGUF_TYPE_INT32, values.data(), values.size()); };
}

const float kNaN = std::numeric_limits<float>::quiet_NaN();

const Bad kBad[] = {
    {"no_layers", Code::bad_input, {"block_count", "0", "512"}, u32("llama.block_count", 0)},
    {"too_many_layers", Code::bad_input, {"block_count", "513"}, u32("llama.block_count", 513)},
    {"layers_that_are_not_there", Code::bad_input, {"blk.3"}, u32("llama.block_count", 4)},
    {"block_count_missing", Code::bad_input, {"llama.block_count", "missing"}, without("llama.block_count")},
    {"block_count_a_text", Code::bad_input, {"llama.block_count", "str"}, text("llama.block_count", "three")},
    {"epsilon_nan", Code::bad_input, {"epsilon", "nan"}, f32("llama.attention.layer_norm_rms_epsilon", kNaN)},
    {"epsilon_infinite",
     Code::bad_input,
     {"epsilon", "inf"},
     f32("llama.attention.layer_norm_rms_epsilon", INFINITY)},
    {"epsilon_negative",
     Code::bad_input,
     {"epsilon", "-1"},
     f32("llama.attention.layer_norm_rms_epsilon", -1)},
    {"epsilon_an_integer",
     Code::bad_input,
     {"epsilon", "u32"},
     u32("llama.attention.layer_norm_rms_epsilon", 1)},
    {"heads_that_do_not_divide",
     Code::bad_input,
     {"64", "head_count", "6"},
     u32("llama.attention.head_count", 6)},
    {"heads_missing", Code::bad_input, {"head_count"}, without("llama.attention.head_count")},
    {"no_heads", Code::bad_input, {"head_count"}, u32("llama.attention.head_count", 0)},
    {"kv_heads_that_do_not_divide",
     Code::bad_input,
     {"head_count_kv", "3"},
     u32("llama.attention.head_count_kv", 3)},
    {"more_kv_heads_than_heads",
     Code::bad_input,
     {"head_count_kv", "8"},
     u32("llama.attention.head_count_kv", 8)},
    {"no_kv_heads", Code::bad_input, {"head_count_kv", "0"}, u32("llama.attention.head_count_kv", 0)},
    {"heads_of_other_layers",
     Code::bad_input,
     {"head_count", "2"},
     array("llama.attention.head_count", {4, 4})},
    {"other_width", Code::bad_input, {}, u32("llama.embedding_length", 49)},
    {"no_width", Code::bad_input, {"embedding_length", "0"}, u32("llama.embedding_length", 0)},
    {"other_mlp", Code::bad_input, {}, u32("llama.feed_forward_length", 97)},
    {"no_context", Code::bad_input, {"context_length", "0"}, u32("llama.context_length", 0)},
    {"other_head_width", Code::bad_input, {}, u32("llama.attention.key_length", 8)},
    {"values_of_other_width", Code::bad_input, {"value_length", "8"}, u32("llama.attention.value_length", 8)},
    {"keys_of_other_width",
     Code::bad_input,
     {"key_length", "128"},
     u32("gptneox.attention.key_length", 128),
     "gptneox"},
    {"rope_of_other_width", Code::bad_input, {"rope.dimension_count"}, u32("llama.rope.dimension_count", 8)},
    {"rope_of_other_width_qwen",
     Code::bad_input,
     {"rope.dimension_count"},
     u32("qwen2.rope.dimension_count", 8),
     "qwen2"},
    {"rope_wider_than_heads",
     Code::bad_input,
     {"rope.dimension_count"},
     u32("gptneox.rope.dimension_count", 64),
     "gptneox"},
    {"rope_odd",
     Code::bad_input,
     {"rope.dimension_count"},
     u32("gptneox.rope.dimension_count", 7),
     "gptneox"},
    {"rope_of_nothing",
     Code::bad_input,
     {"gemma3.rope.dimension_count", "is 0", "RoPE"},
     u32("gemma3.rope.dimension_count", 0),
     "gemma3"},
    {"rope_of_nothing_phi3",
     Code::bad_input,
     {"phi3.rope.dimension_count", "is 0"},
     u32("phi3.rope.dimension_count", 0),
     "phi3"},
    {"rope_of_nothing_gptneox",
     Code::bad_input,
     {"gptneox.rope.dimension_count", "is 0"},
     u32("gptneox.rope.dimension_count", 0),
     "gptneox"},
    {"rope_of_nothing_in_windows",
     Code::bad_input,
     {"gemma2.rope.dimension_count_swa", "is 0"},
     u32("gemma2.rope.dimension_count_swa", 0),
     "gemma2"},
    {"rope_odd_in_windows",
     Code::bad_input,
     {"rope.dimension_count_swa is 7", "even"},
     u32("gemma3.rope.dimension_count_swa", 7),
     "gemma3"},
    {"rope_wider_than_heads_in_windows",
     Code::bad_input,
     {"rope.dimension_count_swa is 64", "0 to 16"},
     u32("gemma3.rope.dimension_count_swa", 64),
     "gemma3"},
    {"rope_of_windows_missing",
     Code::bad_input,
     {"rope.dimension_count_swa is missing"},
     without("gemma4.rope.dimension_count_swa"),
     "gemma4"},
    {"rope_base_zero",
     Code::bad_input,
     {"llama.rope.freq_base is 0", "above 0"},
     f32("llama.rope.freq_base", 0)},
    {"rope_factor_nan",
     Code::bad_input,
     {"llama.rope.scaling.factor is nan", "finite"},
     f32("llama.rope.scaling.factor", kNaN)},
    {"no_layer_has_a_window",
     Code::bad_input,
     {"sliding_window_pattern is 1", "at least 2"},
     u32("gemma2.attention.sliding_window_pattern", 1),
     "gemma2"},
    {"other_outputs",
     Code::bad_input,
     {"embedding_length_out is 49", "expected 48"},
     u32("llama.embedding_length_out", 49)},
    {"norm_of_halves",
     Code::bad_input,
     {"output_norm.weight is f16", "F32"},
     [](gguf_context* g) { gguf_set_tensor_type(g, "output_norm.weight", GGML_TYPE_F16); }},
    {"rope_scaling_unknown",
     Code::bad_input,
     {"rope.scaling.type"},
     text("llama.rope.scaling.type", "nonesuch")},
    {"experts_without_number", Code::bad_input, {"expert"}, u32("llama.expert_used_count", 2)},
    {"experts_without_use", Code::bad_input, {"expert"}, u32("llama.expert_count", 4)},
    {"more_experts_used_than_there",
     Code::bad_input,
     {"expert"},
     u32("qwen3moe.expert_used_count", 5),
     "qwen3moe"},
    {"too_many_experts", Code::bad_input, {"expert"}, u32("qwen3moe.expert_count", 100000), "qwen3moe"},
    {"more_prediction_layers", Code::bad_input, {"nextn"}, u32("llama.nextn_predict_layers", 9)},
    {"architecture_missing", Code::bad_input, {"general.architecture"}, without("general.architecture")},
    {"architecture_a_number", Code::bad_input, {"general.architecture"}, u32("general.architecture", 1)},
    {"architecture_unknown", Code::bad_input, {"nonesuch"}, text("general.architecture", "nonesuch")},
    {"encoder", Code::unsupported, {"bert", "decoder"}, text("general.architecture", "bert")},
    {"embedding_model",
     Code::unsupported,
     {"llama-embed", "decoder"},
     text("general.architecture", "llama-embed")},
    {"draft_head", Code::unsupported, {"eagle3", "draft"}, text("general.architecture", "eagle3")},
    {"draft_model", Code::unsupported, {"dflash", "draft"}, text("general.architecture", "dflash")},
    {"recurrent", Code::unsupported, {"mamba", "recurrent"}, text("general.architecture", "mamba")},
    {"tokenizer_missing", Code::bad_input, {}, without("tokenizer.ggml.model")},
    {"tokenizer_unknown", Code::bad_input, {}, text("tokenizer.ggml.model", "nonesuch")},
    {"no_vocabulary", Code::unsupported, {"tokenizer"}, text("tokenizer.ggml.model", "no_vocab")},
    {"vocabulary_missing", Code::bad_input, {}, without("tokenizer.ggml.tokens")},
    {"token_twice",
     Code::bad_input,
     {"token 1", "one", "twice"},
     [](gguf_context* g) {
         const char* tokens[] = {"one", "one", "two"};
         gguf_set_arr_str(g, "tokenizer.ggml.tokens", tokens, 3);
     }},
    {"not_causal",
     Code::unsupported,
     {"causal"},
     [](gguf_context* g) { gguf_set_val_bool(g, "llama.attention.causal", false); }},
    {"scores_too_few",
     Code::bad_input,
     {"scores"},
     [](gguf_context* g) {
         const float one = 1;
         gguf_set_arr_data(g, "tokenizer.ggml.scores", GGUF_TYPE_FLOAT32, &one, 1);
     }},
    {"types_too_few", Code::bad_input, {"toktypes"}, array("tokenizer.ggml.token_type", {1, 2})},
};

// A position that is looked up instead of turned in needs no RoPE, whatever the file says of it.
TEST(EngineOddModel, NothingTurnedWhereNothingIsTurned) {
    TinyOptions o;
    o.architecture = "gpt2";
    o.metadata = u32("gpt2.rope.dimension_count", 0);
    Engine engine(Model::load(make_tiny_model(o)), exact());
    EXPECT_EQ(engine.info().architecture, "gpt2");
}

class EngineBadModel : public testing::TestWithParam<Bad> {};

TEST_P(EngineBadModel, IsRefused) {
    TinyOptions o;
    o.architecture = GetParam().architecture;
    o.metadata = GetParam().metadata;
    const auto path = make_tiny_model(o);
    // A context is made too: some values only show when the engine builds its graph.
    expect_error(GetParam().code, GetParam().parts, [&] { Engine engine(Model::load(path), exact()); });
}

INSTANTIATE_TEST_SUITE_P(Metadata, EngineBadModel, testing::ValuesIn(kBad),
                         [](const auto& param) { return std::string(param.param.name); });

TEST(EngineBadFile, MissingFolderOrNotGguf) {
    expect_error(Code::missing, {"nowhere.gguf"}, [] { Model::load("/nonexistent/nowhere.gguf"); });
    expect_error(Code::bad_input, {"folder"}, [] { Model::load(fs::temp_directory_path()); });
    expect_error(Code::bad_input, {"GGUF", "0 bytes"}, [] { Model::load(file_with("")); });
    expect_error(Code::bad_input, {"GGUF"},
                 [] { Model::load(file_with("These are not the bytes of a model.\n")); });
    expect_error(Code::bad_input, {"GGUF"}, [] { Model::load(file_with("GGUF")); });
}

TEST(EngineBadFile, TruncatedAnywhere) {
    TinyOptions o;
    o.n_layer = 1;
    const std::string whole = bytes_of(make_tiny_model(o));
    std::vector<std::size_t> ends = {
        1, 3, 4, 8, 16, 23, 24, 30, 100, 1000, 5000, 20000, whole.size() / 2, whole.size() - 1};
    for (std::size_t end : ends)
        expect_error(Code::bad_input, {}, [&] { Model::load(file_with(whole.substr(0, end))); });
    EXPECT_EQ(Model::load(file_with(whole))->info().n_layer, 1);
}

TEST(EngineBadFile, SteeringVectorInPlaceOfAModel) {
    const std::unique_ptr<gguf_context, void (*)(gguf_context*)> g(gguf_init_empty(), gguf_free);
    gguf_set_val_str(g.get(), "general.architecture", "controlvector");
    gguf_set_val_str(g.get(), "controlvector.model_hint", "llama");
    const fs::path path = temporary_file("vector.gguf");
    ASSERT_TRUE(gguf_write_to_file(g.get(), path.c_str(), false));
    expect_error(
        Code::bad_input, {"steering vector", "apply it"}, [&] { Model::load(path); }, Topic::vector);
}

TEST(EngineBadFile, SplitModelWithAMissingPart) {
    const std::string whole = bytes_of(make_tiny_model());
    const fs::path first = temporary_file("split-00001-of-00002.gguf");
    std::ofstream(first, std::ios::binary) << whole;
    expect_error(Code::missing, {"part 2 of 2", "00002-of-00002"}, [&] { Model::load(first); });
    for (const char* name : {"x-00000-of-00000.gguf", "x-00001-of-00000.gguf", "x-00003-of-00002.gguf"}) {
        const fs::path odd = temporary_file(name);
        std::ofstream(odd, std::ios::binary) << whole;
        EXPECT_THROW(Model::load(odd), Error) << name;
    }
}

TEST(EngineModel, FactsAndTokens) {
    TinyOptions o;
    o.seed = 77;
    const auto model = tiny(o);
    const ModelInfo& info = model->info();
    EXPECT_EQ(info.name, "tiny llama");
    EXPECT_EQ(info.n_embd, 48);
    EXPECT_EQ(info.n_ctx_train, 512);
    EXPECT_EQ(info.n_head_total(), 12);
    EXPECT_FLOAT_EQ(info.norm_epsilon, 1e-5f);
    EXPECT_TRUE(info.adds_bos);
    EXPECT_EQ(info.digest.size(), 64u);
    EXPECT_EQ(info.file_bytes, fs::file_size(info.path));
    EXPECT_EQ(info.n_vocab % 4, 0);
    EXPECT_EQ(info.quantisation, "all F32");
    // Another seed is another model with the same tokenizer.
    const auto other = tiny();
    EXPECT_NE(other->info().digest, info.digest);
    EXPECT_EQ(other->info().tokenizer_digest, info.tokenizer_digest);

    const auto tokens = model->tokenize("the cat is in the sun");
    EXPECT_EQ(tokens.front(), 1);
    EXPECT_EQ(tokens.size(), 7u);
    // SentencePiece puts a blank in front of a text; a continuation must keep it.
    EXPECT_EQ(model->text(std::span(tokens).subspan(1)), " the cat is in the sun");
    EXPECT_EQ(model->tokenize("the cat", false).size(), 2u);
    o.add_bos = false;
    EXPECT_EQ(tiny(o)->tokenize("the cat").size(), 2u);
    // Any bytes have tokens, and special tokens in a text are not parsed.
    const std::string odd = "\xc3\xa4 </s> \x01 %";
    EXPECT_EQ(model->text(model->tokenize(odd, false)), " " + odd);
    for (Token t : model->tokenize(odd, false)) EXPECT_FALSE(model->is_end_of_generation(t));
    EXPECT_TRUE(model->is_end_of_generation(2));
    EXPECT_TRUE(model->tokenize("", false).empty());
    // A continuation's tokens are those that follow the prompt's.
    EXPECT_EQ(model->continuation("the", " cat"), std::vector<Token>(1, tokens[2]));
    EXPECT_FALSE(model->continuation("the c", "at").empty());
    expect_error(Code::usage, {"layer 3"}, [&] { model->attention_projection(3); });
    expect_error(Code::usage, {"layer -1"}, [&] { model->attention_projection(-1); });
}

TEST(EngineModel, LayersOnAGpuNeedOne) {
    // Not llama_supports_gpu_offload(), which an engine with RPC always says of itself.
    for (const auto type : {GGML_BACKEND_DEVICE_TYPE_GPU, GGML_BACKEND_DEVICE_TYPE_IGPU})
        if (ggml_backend_dev_by_type(type)) GTEST_SKIP() << "this machine has a GPU";
    for (const int n : {-1, 5}) {
        ModelOptions options;
        options.n_gpu_layers = n;
        expect_error(
            Code::environment, {std::to_string(n) + " layers", "devices: CPU", "ask for none"},
            [&] { Model::load(make_tiny_model(), options); }, Topic::gpu_layers);
    }
}

// A limit of memory is no fault of the file, wherever it is met.
TEST(EngineModel, MemoryThatRunsOutIsTheEnvironment) {
    TinyOptions o;
    o.n_ff = 40'000;
    const auto path = make_tiny_model(o);
    Model::load(path);  // what stays allocated after the first time
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_AS, &before), 0);
    std::uint64_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const std::uint64_t taken = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGE_SIZE));
    int n_refused = 0;
    for (std::uint64_t mb = 0; mb <= 256; mb += 8) {
        rlimit limit = before;
        limit.rlim_cur = taken + (mb << 20);
        ASSERT_EQ(::setrlimit(RLIMIT_AS, &limit), 0);
        std::string fault;
        bool refused = false;
        try {
            Model::load(path);
        } catch (const Error& e) {
            refused = true;
            if (e.code() != Code::environment) fault = e.what();
        } catch (const std::bad_alloc&) {
            refused = true;
        }
        ::setrlimit(RLIMIT_AS, &before);
        EXPECT_EQ(fault, "") << mb << " MB";
        n_refused += refused;
    }
    EXPECT_GT(n_refused, 0);
}

TEST(EngineModel, ProgressCanStopTheLoad) {
    ModelOptions options;
    options.progress = [](float fraction) { return fraction < 0.5f; };
    expect_error(Code::interrupted, {}, [&] { Model::load(make_tiny_model(), options); });
}

}  // namespace

// The engine's messages quote names of the file, which may be those by which a lack of memory is known.
TEST(BadModels, ANameThatSpeaksOfMemoryIsABadFile) {
    for (const std::string key : {"insufficient memory", "failed to allocate\n' bad_alloc"}) {
        vector_files::RawFile file;
        file.add(key, 99, "");  // no type of a value
        const fs::path path = file_with(file.bytes());
        expect_error(Code::bad_input, {"bad.gguf", "GGUF"}, [&] { Model::load(path); });
    }
}

// The GGUF library reads a tensor with a dimension of 0. Found by fuzzing.
TEST(BadModels, ATensorWithoutValuesIsRefused) {
    vector_files::RawFile raw;
    raw.set_text("general.architecture", "llama");
    raw.tensors.push_back({"output.weight", {32, 0}, ""});
    const engine::GgufFile file(file_with(raw.bytes()));
    expect_error(Code::bad_input, {"bad.gguf", "output.weight", "no values"},
                 [&] { file.values("output.weight"); });
    EXPECT_TRUE(file.rows("output.weight", {}).empty());
}

// The engine aborts the process on metadata that it does not expect; so do its graphs. Everything that is
// known to do so, or that no transformer decoder has, is refused here with the key and the value.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/gguf_file.h"
#include "tiller/error.h"

namespace tiller::engine {
namespace {

// The engine's limits (llama-hparams.h of the pinned version).
constexpr std::int64_t kMaxLayers = 512;
constexpr std::int64_t kMaxExperts = 1024;

template <class Names>
bool contains(const Names& names, const std::string& name) {
    return std::any_of(std::begin(names), std::end(names), [&](const char* n) { return name == n; });
}

// Architectures whose graphs assert that RoPE turns whole heads, and that keys and values are equally wide.
const char* const kWholeHeadRope[] = {
    "apertus",  "arcee",    "baichuan", "dbrx",       "deepseek",   "ernie4_5",  "exaone",
    "exaone4",  "falcon",   "granite",  "granitemoe", "grok",       "internlm2", "mistral3",
    "nemotron", "olmo",     "olmo2",    "olmoe",      "orion",      "qwen2",     "qwen2moe",
    "qwen3",    "qwen3moe", "seed_oss", "smollm3",    "starcoder2", "xverse"};

// More architectures whose graphs assert that keys and values are equally wide.
const char* const kOneHeadWidth[] = {"bloom", "codeshell", "gpt2", "gptneox", "jais",     "mpt",
                                     "phi2",  "phi3",      "qwen", "refact",  "stablelm", "starcoder"};

class Check {
public:
    Check(const GgufFile& file, std::string architecture)
        : file_(file), architecture_(std::move(architecture)) {}

    std::string key(const std::string& suffix) const { return architecture_ + "." + suffix; }
    std::int64_t positive(const std::string& suffix, std::int64_t limit) const {
        const auto value = file_.integer(key(suffix));
        if (!value) bad(file_, fmt::format("key {} is missing", key(suffix)));
        within(suffix, *value, 1, limit);
        return *value;
    }
    void within(const std::string& suffix, std::int64_t value, std::int64_t least, std::int64_t most) const {
        if (value < least || value > most)
            bad(file_, fmt::format("key {} is {}, expected {} to {}", key(suffix), value, least, most));
    }

    void heads(std::int64_t n_layer, std::int64_t n_embd) const;
    void head_widths(std::int64_t n_layer, std::int64_t n_embd) const;
    void experts(std::int64_t n_layer) const;
    /// How many values of a head of d_head RoPE turns, where the file says so.
    std::optional<std::int64_t> turned(const char* suffix, std::int64_t d_head) const;
    void windows(std::int64_t d_head, std::int64_t n_rot) const;
    void other_widths(std::int64_t n_embd) const;
    void epsilons() const;
    void reals() const;
    void vocabulary() const;

private:
    const GgufFile& file_;
    std::string architecture_;
};

void Check::heads(std::int64_t n_layer, std::int64_t n_embd) const {
    const auto heads = file_.per_layer(key("attention.head_count"), static_cast<int>(n_layer));
    if (!heads) bad(file_, fmt::format("key {} is missing", key("attention.head_count")));
    for (auto n : *heads) within("attention.head_count", n, 0, n_embd);
    if (*std::max_element(heads->begin(), heads->end()) == 0)
        bad(file_, fmt::format("key {} is 0, expected 1 to {}", key("attention.head_count"), n_embd));
    const auto kv_heads = file_.per_layer(key("attention.head_count_kv"), static_cast<int>(n_layer));
    const bool all_kv_zero = kv_heads && *std::max_element(kv_heads->begin(), kv_heads->end()) == 0;
    for (std::int64_t il = 0; il < n_layer; ++il) {
        const auto n_head = (*heads)[static_cast<std::size_t>(il)];
        const auto n_kv = kv_heads ? (*kv_heads)[static_cast<std::size_t>(il)] : n_head;
        // Single layers may do without attention (hybrid models store 0 for them).
        if (n_head > 0 && (n_kv < 0 || (n_kv == 0 && all_kv_zero) || (n_kv > 0 && n_head % n_kv != 0)))
            bad(file_, fmt::format("key {} is {} in layer {}, expected a divisor of head_count {}",
                                   key("attention.head_count_kv"), n_kv, il, n_head));
        const auto* w_o = file_.tensor(fmt::format("blk.{}.attn_output.weight", il));
        if (w_o && n_head > 0 && w_o->ne[0] % n_head != 0)
            bad(file_,
                fmt::format("layer {}: attn_output.weight has {} columns, not a multiple of head_count {}",
                            il, w_o->ne[0], n_head));
    }
}

std::optional<std::int64_t> Check::turned(const char* suffix, std::int64_t d_head) const {
    const auto n = file_.integer(key(suffix));
    if (!n) return n;
    within(suffix, *n, 0, d_head);
    if (*n % 2 != 0) bad(file_, fmt::format("key {} is {}, expected an even number", key(suffix), *n));
    return n;
}

// Layers with a sliding window may have heads of another width.
void Check::windows(std::int64_t d_head, std::int64_t n_rot) const {
    const auto d_window = file_.integer(key("attention.key_length_swa")).value_or(d_head);
    if (!turned("rope.dimension_count_swa", d_window) && n_rot > d_window)
        bad(file_, fmt::format(
                       "key {} is missing, expected at most {}, the width of a head with a window ({} is {})",
                       key("rope.dimension_count_swa"), d_window, key("rope.dimension_count"), n_rot));
    const std::string pattern = key("attention.sliding_window_pattern");
    const auto id = gguf_find_key(file_.gguf(), pattern.c_str());
    if (id < 0 || gguf_get_kv_type(file_.gguf(), id) == GGUF_TYPE_ARRAY) return;  // one entry a layer
    if (file_.integer(pattern) == 1)
        bad(file_, fmt::format("key {} is 1 (no layer has a window), expected 0 or at least 2", pattern));
}

void Check::head_widths(std::int64_t n_layer, std::int64_t n_embd) const {
    const auto n_head = file_.per_layer(key("attention.head_count"), static_cast<int>(n_layer))->front();
    const auto length = file_.integer(key("attention.key_length"));
    if (length) within("attention.key_length", *length, 1, 1 << 16);
    if (const auto type = file_.string(key("rope.scaling.type"));
        type && !contains(std::initializer_list<const char*>{"none", "linear", "yarn", "longrope"}, *type))
        bad(file_, fmt::format("key {} is \"{}\", expected none, linear, yarn or longrope",
                               key("rope.scaling.type"), *type));
    if (!length && n_head == 0) return;
    const auto d_head = length ? *length : n_embd / n_head;
    const bool whole_heads = architecture_ == "llama" || contains(kWholeHeadRope, architecture_);
    const auto d_value =
        file_.integer(key("attention.value_length")).value_or(n_head > 0 ? n_embd / n_head : d_head);
    if (d_value != d_head && (whole_heads || contains(kOneHeadWidth, architecture_)))
        bad(file_, fmt::format("key {} is {} and {} is {}, expected the same width",
                               key("attention.key_length"), d_head, key("attention.value_length"), d_value));
    const auto n_rot = turned("rope.dimension_count", d_head);
    windows(d_head, n_rot.value_or(d_head));
    if (!n_rot) return;
    if (*n_rot != d_head && whole_heads)
        bad(file_, fmt::format("key {} is {}, expected the width of a head, {}", key("rope.dimension_count"),
                               *n_rot, d_head));
}

void Check::other_widths(std::int64_t n_embd) const {
    // tiller reads one output of n_embd values per token.
    if (const auto out = file_.integer(key("embedding_length_out")); out && *out != 0 && *out != n_embd)
        bad(file_, fmt::format("key {} is {}, expected {} ({})", key("embedding_length_out"), *out, n_embd,
                               key("embedding_length")));
}

void Check::experts(std::int64_t n_layer) const {
    const auto n_expert = file_.integer(key("expert_count")).value_or(0);
    within("expert_count", n_expert, 0, kMaxExperts);
    const auto used = file_.per_layer(key("expert_used_count"), static_cast<int>(n_layer));
    const auto most = used ? *std::max_element(used->begin(), used->end()) : 0;
    within("expert_used_count", most, n_expert > 0 ? 1 : 0, n_expert);
    const auto n_group = file_.integer(key("expert_group_count")).value_or(0);
    const auto n_group_used = file_.integer(key("expert_group_used_count")).value_or(0);
    within("expert_group_count", n_group, 0, std::max<std::int64_t>(n_expert - 1, 0));
    if (n_group > 1) {
        within("expert_group_used_count", n_group_used, 1, n_group - 1);
        if (n_expert % n_group != 0)
            bad(file_, fmt::format("key {} is {}, expected a divisor of expert_count {}",
                                   key("expert_group_count"), n_group, n_expert));
    }
    within("nextn_predict_layers", file_.integer(key("nextn_predict_layers")).value_or(0), 0, n_layer - 1);
}

void Check::epsilons() const {
    for (const char* suffix : {"attention.layer_norm_rms_epsilon", "attention.layer_norm_epsilon"})
        if (const auto value = file_.real(key(suffix));
            value && !(std::isfinite(*value) && *value >= 0 && *value < 1))
            bad(file_, fmt::format("key {} is {}, expected a number from 0 to below 1", key(suffix), *value));
}

// The engine computes with them as they are, and with one NaN everything is NaN.
void Check::reals() const {
    const gguf_context* g = file_.gguf();
    for (std::int64_t i = 0; i < gguf_get_n_kv(g); ++i) {
        const std::string name = gguf_get_key(g, i);
        if (gguf_get_kv_type(g, i) != GGUF_TYPE_FLOAT32 || !name.starts_with(architecture_ + ".")) continue;
        const float value = gguf_get_val_f32(g, i);
        if (!std::isfinite(value))
            bad(file_, fmt::format("key {} is {}, expected a finite number", name, value));
        if (name.find(".rope.freq_base") != std::string::npos && value <= 0)
            bad(file_, fmt::format("key {} is {}, expected a number above 0", name, value));
    }
}

void Check::vocabulary() const {
    const auto tokenizer = file_.string("tokenizer.ggml.model");
    if (tokenizer && (*tokenizer == "no_vocab" || *tokenizer == "none"))
        throw Error(Code::unsupported, fmt::format("{} has no tokenizer (tokenizer.ggml.model is \"{}\")",
                                                   file_.path().string(), *tokenizer));
    const auto tokens = file_.strings("tokenizer.ggml.tokens");
    auto sorted = tokens;
    std::sort(sorted.begin(), sorted.end());
    for (auto it = sorted.begin(); (it = std::adjacent_find(it, sorted.end())) != sorted.end(); ++it) {
        if (it->empty()) continue;
        const auto first = std::find(tokens.begin(), tokens.end(), *it);
        const auto second = std::find(first + 1, tokens.end(), *it);
        bad(file_, fmt::format("tokenizer.ggml.tokens: token {} (\"{}\") is there twice",
                               second - tokens.begin(), *it));
    }
}

}  // namespace

void check_turned(const GgufFile& file, const std::string& architecture) {
    for (const char* suffix : {"rope.dimension_count", "rope.dimension_count_swa"}) {
        const std::string key = fmt::format("{}.{}", architecture, suffix);
        // The engine's loop over the values of a head would never end.
        if (file.integer(key).value_or(1) == 0)
            bad(file, fmt::format(
                          "key {} is 0, expected at least 2: architecture {} turns positions into its heads "
                          "(RoPE)",
                          key, architecture));
    }
}

void check_tensors(const GgufFile& file) {
    const gguf_context* g = file.gguf();
    for (std::int64_t i = 0; i < gguf_get_n_tensors(g); ++i) {
        const std::string name = gguf_get_tensor_name(g, i);
        const ggml_tensor* tensor = file.tensor(name);
        // A router of one expert has one row, and is multiplied like a matrix.
        if (!tensor || ggml_n_dims(tensor) != 1 || name.find("gate_inp") != std::string::npos) continue;
        if (tensor->type != GGML_TYPE_F32)
            bad(file,
                fmt::format("tensor {} is {}, expected F32, as all tensors of one dimension (norms, biases)",
                            name, ggml_type_name(tensor->type)));
    }
}

void check_metadata(const GgufFile& file) {
    const auto name = file.string("general.architecture");
    if (!name) bad(file, "key general.architecture is missing; this is not a language model");
    const std::string& architecture = *name;
    if (architecture == "controlvector")
        throw Error(Code::bad_input,
                    fmt::format("{}: this is a steering vector (architecture \"controlvector\"), expected a "
                                "language model; apply it to one",
                                file.path().string()),
                    Topic::vector);
    static const char* const encoders[] = {
        "bert",         "modern-bert",  "nomic-bert",       "nomic-bert-moe",  "neo-bert",
        "jina-bert-v2", "jina-bert-v3", "eurobert",         "t5encoder",       "t5",
        "clip",         "mmproj",       "wavtokenizer-dec", "gemma-embedding", "llama-embed"};
    if (contains(encoders, architecture))
        throw Error(Code::unsupported,
                    fmt::format("{}: architecture {} is not a decoder-only language model; tiller steers "
                                "decoder-only transformers",
                                file.path().string(), architecture));
    static const char* const drafts[] = {"eagle3", "dflash", "gemma4-assistant"};
    if (contains(drafts, architecture))
        throw Error(Code::unsupported,
                    fmt::format("{}: architecture {} is a draft head that works on another model's states; "
                                "steer that model",
                                file.path().string(), architecture));
    static const char* const recurrent[] = {"mamba", "mamba2", "rwkv6", "rwkv7", "rwkv6qwen2", "arwkv7"};
    if (contains(recurrent, architecture))
        throw Error(Code::unsupported,
                    fmt::format("{}: architecture {} is recurrent and has no attention heads; tiller steers "
                                "transformers",
                                file.path().string(), architecture));
    const Check check(file, architecture);
    if (!file.boolean(check.key("attention.causal")).value_or(true))
        throw Error(Code::unsupported,
                    fmt::format("{}: attention is not causal; tiller steers decoder-only transformers",
                                file.path().string()));
    const auto n_layer = check.positive("block_count", kMaxLayers);
    const auto n_embd = check.positive("embedding_length", 1 << 20);
    check.positive("context_length", (std::int64_t{1} << 31) - 1);
    check.heads(n_layer, n_embd);
    check.head_widths(n_layer, n_embd);
    check.other_widths(n_embd);
    check.experts(n_layer);
    check.epsilons();
    check.reals();
    check.vocabulary();
}

}  // namespace tiller::engine

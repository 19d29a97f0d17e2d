#include "tiller/model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <future>
#include <span>
#include <thread>
#include <utility>

#include "core/memory.h"
#include "core/util.h"
#include "engine/digest_cache.h"
#include "engine/float_weights.h"
#include "engine/left_memory.h"
#include "engine/model_handle.h"
#include "engine/weights_digest.h"
#include "tiller/error.h"

namespace tiller {
namespace {

using engine::GgufFile;

std::string quantisation_name(const llama_model* model) {
    // llama_model_desc is "<arch> <size> <file type>"; the type may have blanks ("Q4_K - Medium").
    char text[256] = {};
    llama_model_desc(model, text, sizeof text);
    const std::string desc = text;
    const auto first = desc.find(' ');
    const auto second = first == std::string::npos ? first : desc.find(' ', first + 1);
    return second == std::string::npos ? desc : desc.substr(second + 1);
}

std::string tokenizer_digest(const llama_vocab* vocab) {
    Digest digest;
    const int n = llama_vocab_n_tokens(vocab);
    for (int i = 0; i < n; ++i) {
        digest.add(std::string_view(llama_vocab_get_text(vocab, i)));
        digest.add(static_cast<std::uint64_t>(llama_vocab_get_attr(vocab, i)));
    }
    return digest.hex();
}

// Name of the weight of the RMS norm between a layer's attention output and the residual stream; empty when
// there is none. Some architectures store the norm before their MLP under the name of a post-norm. Engine's
// constructor compares the result with the graph.
std::string post_norm_name(const Model::Handle& h, int layer) {
    const std::string& architecture = h.info.architecture;
    static const char* norm_of_mlp[] = {"gpt-oss", "seed_oss", "glm4moe", "qwen3next", "qwen35", "qwen35moe"};
    for (const char* name : norm_of_mlp)
        if (architecture == name) return {};
    const char* stem = architecture == "grok" ? "attn_output_norm" : "post_attention_norm";
    const std::string name = fmt::format("blk.{}.{}.weight", layer, stem);
    return h.part_with(name) ? name : std::string{};
}

// What the attention output is multiplied by on its way into the residual stream (Granite, MiniCPM).
float residual_scale(const Model::Handle& h) {
    const auto& architecture = h.info.architecture;
    const auto value = h.parts.front()->real(architecture + ".residual_scale");
    if (!value && architecture == "minicpm")
        return 1.4f / std::sqrt(static_cast<float>(h.info.n_layer));  // as the engine
    return value && *value != 0 ? static_cast<float>(*value) : 1.0f;
}

void fill_shapes(Model::Handle& h) {
    ModelInfo& info = h.info;
    const GgufFile& first = *h.parts.front();
    const auto n = static_cast<std::size_t>(info.n_layer);
    const auto heads = first.per_layer(info.architecture + ".attention.head_count", info.n_layer);
    const auto kv_heads = first.per_layer(info.architecture + ".attention.head_count_kv", info.n_layer);
    const auto n_shared = first.integer(info.architecture + ".attention.shared_kv_layers").value_or(0);
    info.n_head.assign(n, 0);
    info.d_head.assign(n, 0);
    for (int il = 0; il < info.n_layer; ++il) {
        const std::string name = fmt::format("blk.{}.attn_output.weight", il);
        const auto* part = h.part_with(name);
        if (!part) continue;  // a layer without attention (hybrid models): no heads
        const auto i = static_cast<std::size_t>(il);
        const int n_head = static_cast<int>((*heads)[i]);
        if (n_head == 0) continue;
        info.n_head[i] = n_head;
        info.d_head[i] = static_cast<int>(part->tensor(name)->ne[0] / n_head);
        if (il >= info.n_layer - n_shared) continue;  // uses the keys and values of an earlier layer
        const std::int64_t n_kv = kv_heads ? (*kv_heads)[i] : n_head;
        const auto d_k = first.integer(info.architecture + ".attention.key_length").value_or(info.d_head[i]);
        const auto d_v =
            first.integer(info.architecture + ".attention.value_length").value_or(info.d_head[i]);
        h.kv_per_token_f16 += static_cast<std::uint64_t>(2 * n_kv * (d_k + d_v));
    }
    info.post_norm = !post_norm_name(h, 0).empty();
    info.changes_stream =
        h.part_with("blk.0.layer_output_scale.weight") || h.part_with("blk.0.inp_gate.weight");
    const auto rms = first.real(info.architecture + ".attention.layer_norm_rms_epsilon");
    const auto layer_norm = first.real(info.architecture + ".attention.layer_norm_epsilon");
    info.norm_epsilon = static_cast<float>(rms ? *rms : layer_norm.value_or(1e-5));
}

// With servers, the layers that they do not get are in this machine's memory.
void check_memory(const std::filesystem::path& path, std::uint64_t bytes, const ModelOptions& options,
                  const engine::RpcDevices& rpc) {
    const bool all_remote = !rpc.list.empty() && options.n_gpu_layers < 0;
    const auto free = rpc.free_bytes + (all_remote ? 0 : available_memory());
    if (bytes > free)
        throw Error(
            Code::environment,
            fmt::format("{} needs {:.1f} GB for its weights and {:.1f} GB are free{}; use a smaller model or "
                        "a stronger quantisation",
                        path.string(), static_cast<double>(bytes) / 1e9, static_cast<double>(free) / 1e9,
                        rpc.list.empty() ? "" : " on the machines that share it"));
}

bool has_gpu() {
    for (std::size_t i = 0; i < ggml_backend_dev_count(); ++i) {
        const auto type = ggml_backend_dev_type(ggml_backend_dev_get(i));
        if (type == GGML_BACKEND_DEVICE_TYPE_GPU || type == GGML_BACKEND_DEVICE_TYPE_IGPU) return true;
    }
    return false;
}

// Without this the engine would compute on the CPU without a word, with the kernels chosen for a GPU.
void check_devices(const ModelOptions& options) {
    // An engine with RPC says of itself that it can leave layers to others, servers or not.
    if (options.n_gpu_layers == 0 || !options.rpc.servers.empty() || has_gpu()) return;
    std::string devices;
    for (std::size_t i = 0; i < ggml_backend_dev_count(); ++i)
        devices += fmt::format("{}{}", i > 0 ? ", " : "", ggml_backend_dev_name(ggml_backend_dev_get(i)));
    throw Error(
        Code::environment,
        fmt::format("{} layers on the GPU (-1 = all) are asked for, and the engine sees none (devices: "
                    "{}); ask for none, or check the driver and that tiller was built with a GPU backend "
                    "(README, \"GPUs\")",
                    options.n_gpu_layers, devices),
        Topic::gpu_layers);
}

// The engine's model of these parts; nullptr when the engine cannot load it. `mapped` are all files that it
// may map.
engine::ModelHandle load_weights(std::span<const std::unique_ptr<GgufFile>> parts,
                                 std::span<const std::filesystem::path> mapped, const ModelOptions& options,
                                 engine::RpcDevices& rpc) {
    llama_model_params params = llama_model_default_params();
    params.n_gpu_layers = options.n_gpu_layers;
    // Whole layers on each device. Where layers are divided, a site's node is a part or a sum of parts on
    // each device, which the hook does not know how to read.
    params.split_mode = LLAMA_SPLIT_MODE_LAYER;
    if (!rpc.list.empty()) params.devices = rpc.list.data();
    // The token embedding, which many models use as their output head too, takes memory once: as an
    // embedding, a few of its rows are read from the mapped file. A model that is sent away is never in this
    // machine's memory as a whole.
    if (options.n_gpu_layers == 0 || !rpc.list.empty()) params.load_mode = LLAMA_LOAD_MODE_MMAP;
    struct Progress {
        const ModelOptions* options;
        std::span<const std::filesystem::path> mapped;
        float released = 0;
        bool stopped = false;
        std::exception_ptr thrown;
    } progress{&options, mapped, 0, false, nullptr};
    params.progress_callback_user_data = &progress;
    params.progress_callback = [](float fraction, void* user) {
        auto& p = *static_cast<Progress*>(user);
        try {
            // What was repacked for the matrix units is released on the way, so that no weights are held
            // twice.
            if (fraction >= p.released + 0.05f) {
                engine::release_mapped_pages(p.mapped);
                p.released = fraction;
            }
            p.stopped = p.options->progress && !p.options->progress(fraction);
        } catch (...) {  // the engine is C: nothing may be thrown through it
            p.thrown = std::current_exception();
            p.stopped = true;
        }
        return !p.stopped;
    };
    engine::ModelHandle model;
    if (options.weights == Weights::float32) {
        const auto copy = engine::float_copy(parts);  // stays mapped when it is closed
        model.reset(llama_model_load_from_file_ptr(copy.get(), params));
    } else {
        model.reset(llama_model_load_from_file(parts.front()->path().c_str(), params));
    }
    if (progress.thrown) std::rethrow_exception(progress.thrown);
    if (progress.stopped) throw Error(Code::interrupted, "loading the model was stopped");
    engine::release_mapped_pages(mapped);
    if (options.trim_memory) engine::release_freed_memory();
    return model;
}

// Both at once, where neither is known yet: two passes over the same pages take the time of one.
void set_digests(ModelInfo& info, const std::vector<std::unique_ptr<GgufFile>>& parts,
                 const std::vector<std::filesystem::path>& files, const std::filesystem::path& cache_dir) {
    auto of_files = std::async(std::launch::async, [&] { return engine::cached_digest(files, cache_dir); });
    info.weights_digest = engine::cached_digest("weights", files, cache_dir, [&] {
        return engine::weights_digest(parts, static_cast<int>(std::thread::hardware_concurrency()));
    });
    info.digest = of_files.get();
}

}  // namespace

const char* name_of(Weights weights) noexcept { return weights == Weights::float32 ? "float32" : "file"; }

Model::Model(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
Model::~Model() = default;
const ModelInfo& Model::info() const noexcept { return handle_->info; }

std::shared_ptr<const Model> Model::load(const std::filesystem::path& path, const ModelOptions& given) {
    ModelOptions options = given;
    if (!options.rpc.servers.empty() && options.n_gpu_layers == 0) options.n_gpu_layers = -1;
    const engine::EngineLog log;
    auto h = std::make_unique<Handle>();
    ModelInfo& info = h->info;
    for (const auto& part : engine::model_parts(path)) {
        h->parts.push_back(std::make_unique<GgufFile>(part));
        info.file_bytes += std::filesystem::file_size(part);
    }
    engine::check_metadata(*h->parts.front());
    for (const auto& part : h->parts) engine::check_tensors(*part);
    check_devices(options);
    h->rpc = engine::rpc_devices(options.rpc);
    check_memory(path, options.weights == Weights::float32 ? engine::float_bytes(h->parts) : info.file_bytes,
                 options, h->rpc);

    std::vector<std::filesystem::path> files;
    for (const auto& part : h->parts) files.push_back(part->path());
    set_digests(info, h->parts, files, options.cache_dir);
    h->mapped = files;
    h->llama = load_weights(h->parts, h->mapped, options, h->rpc);
    for (const auto& part : h->parts) part->forget_tokenizer();
    if (!h->llama && log.out_of_memory())
        throw Error(
            Code::environment,
            fmt::format(
                "memory ran out while {} was loaded ({:.1f} GB of weights, some of them held twice for a "
                "moment); use a smaller model or a stronger quantisation, or raise the process's limit",
                path.string(), static_cast<double>(info.file_bytes) / 1e9),
            Topic::model);
    if (!h->llama)
        throw Error(Code::bad_input, fmt::format("the engine cannot load {}: {}", path.string(), log.text()));
    const llama_model* m = h->llama.get();
    if (llama_model_has_encoder(m) || !llama_model_has_decoder(m) || llama_model_is_diffusion(m))
        throw Error(Code::unsupported, fmt::format("{} is not a decoder-only language model", path.string()));
    if (llama_model_is_recurrent(m))
        throw Error(Code::unsupported,
                    fmt::format("{} is a recurrent model and has no attention heads", path.string()));
    if (llama_model_is_hybrid(m))
        throw Error(Code::unsupported,
                    fmt::format("{} mixes attention with recurrent layers, whose state cannot be "
                                "forked; tiller steers pure transformers",
                                path.string()));

    const GgufFile& first = *h->parts.front();
    info.path = first.path();
    info.architecture = *first.string("general.architecture");
    if (llama_model_rope_type(m) != LLAMA_ROPE_TYPE_NONE) engine::check_turned(first, info.architecture);
    info.name = first.string("general.name").value_or(info.path.stem().string());
    info.quantisation = quantisation_name(m);
    info.n_param = llama_model_n_params(m);
    info.n_layer = llama_model_n_layer(m);
    info.n_embd = llama_model_n_embd(m);
    info.n_vocab = llama_vocab_n_tokens(h->vocab());
    info.n_ctx_train = llama_model_n_ctx_train(m);
    info.bos = llama_vocab_bos(h->vocab());
    info.eos = llama_vocab_eos(h->vocab());
    info.adds_bos = llama_vocab_get_add_bos(h->vocab()) ||
                    (options.always_bos && llama_vocab_bos(h->vocab()) != LLAMA_TOKEN_NULL);
    if (llama_vocab_type(h->vocab()) == LLAMA_VOCAB_TYPE_NONE)
        throw Error(Code::unsupported,
                    fmt::format("{} has no tokenizer (tokenizer.ggml.model is missing or \"no_vocab\")",
                                path.string()));
    fill_shapes(*h);
    if (info.n_head_total() == 0)
        throw Error(Code::unsupported,
                    fmt::format("{} (architecture {}): no layer has an attention output projection "
                                "(blk.N.attn_output.weight), so there are no heads to steer",
                                path.string(), info.architecture));
    info.tokenizer_digest = tokenizer_digest(h->vocab());
    info.control_names = options.control_names;
    info.weights = options.weights;
    info.servers = options.rpc.servers;
    h->special = engine::SpecialTokens(h->vocab());
    h->chat_template = first.string("tokenizer.chat_template").value_or("");
    return std::shared_ptr<const Model>(new Model(std::move(h)));
}

std::string Model::text(std::span<const Token> tokens) const {
    const engine::EngineLog log;
    // Token by token: the engine's detokenizer strips the blank in front of a text, which a continuation must
    // keep.
    std::string out;
    std::string buffer(64, '\0');
    for (const Token token : tokens) {
        const auto call = [&] {
            return llama_token_to_piece(handle_->vocab(), token, buffer.data(),
                                        static_cast<std::int32_t>(buffer.size()), /*lstrip*/ 0,
                                        /*special*/ false);
        };
        int n = call();
        if (n < 0) {
            buffer.resize(static_cast<std::size_t>(-n));
            n = call();
        }
        out.append(buffer, 0, static_cast<std::size_t>(std::max(n, 0)));
    }
    return out;
}

std::string Model::piece(Token token) const {
    char text[256];
    const int n = llama_token_to_piece(handle_->vocab(), token, text, sizeof text, 0, /*special*/ true);
    if (n < 0) return llama_vocab_get_text(handle_->vocab(), token);
    return std::string(text, static_cast<std::size_t>(n));
}

bool Model::is_end_of_generation(Token token) const { return llama_vocab_is_eog(handle_->vocab(), token); }

AttentionProjection Model::attention_projection(int layer) const {
    const ModelInfo& info = handle_->info;
    if (layer < 0 || layer >= info.n_layer)
        throw Error(Code::usage, fmt::format("layer {} does not exist, the model has layers 0 to {}", layer,
                                             info.n_layer - 1));
    const std::string stem = fmt::format("blk.{}.", layer);
    const auto read = [&](const std::string& name) -> std::vector<float> {
        const auto* part = handle_->part_with(stem + name);
        return part ? part->values(stem + name) : std::vector<float>{};
    };
    AttentionProjection p;
    p.n_embd = info.n_embd;
    p.n_in = info.n_head[static_cast<std::size_t>(layer)] * info.d_head[static_cast<std::size_t>(layer)];
    if (p.n_in == 0)
        throw Error(Code::unsupported,
                    fmt::format("layer {} of {} has no attention heads", layer, info.name));
    p.w_o = read("attn_output.weight");
    if (p.w_o.size() != static_cast<std::size_t>(p.n_embd) * static_cast<std::size_t>(p.n_in))
        throw Error(Code::bad_input, fmt::format("{}attn_output.weight has {} values, expected {} x {}", stem,
                                                 p.w_o.size(), p.n_embd, p.n_in));
    if (const auto scale = read("attn_output.scale"); scale.size() == 1)
        for (float& w : p.w_o) w *= scale[0];
    p.bias = read("attn_output.bias");
    if (const float scale = residual_scale(*handle_); scale != 1.0f) {
        for (float& w : p.w_o) w *= scale;
        for (float& b : p.bias) b *= scale;
    }
    if (const std::string name = post_norm_name(*handle_, layer); !name.empty())
        p.post_norm = handle_->part_with(name)->values(name);
    for (const auto& [what, n] :
         {std::pair{"bias", p.bias.size()}, std::pair{"post-norm", p.post_norm.size()}})
        if (n != 0 && n != static_cast<std::size_t>(p.n_embd))
            throw Error(Code::bad_input,
                        fmt::format("the attention output's {} in layer {} has {} values, expected {}", what,
                                    layer, n, p.n_embd));
    return p;
}

}  // namespace tiller

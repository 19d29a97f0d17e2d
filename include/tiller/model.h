// A language model in a GGUF file: metadata, tokenizer and the few weights that
// methods need. Inference is in engine.h.
//
// What tiller does to the process: its first call into the engine (llama.cpp) starts it (llama_backend_init)
// and registers a log callback. Messages of the engine on a thread that is inside a tiller call are tiller's:
// warnings and errors become the reasons in tiller::Error, nothing is printed. All others go to the callback
// that was registered before. A callback that is registered later (llama_log_set) takes tiller's place;
// errors then lack the engine's reasons. Messages of different threads are never mixed.
//
// Weights are memory-mapped: while a model is loaded, and when an engine is made, pages of its files that
// this process has mapped read-only are given back to the system (madvise); the next read brings them in
// again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tiller/chat.h"
#include "tiller/rpc.h"
#include "tiller/token.h"

namespace tiller {

/// What weights are computed with.
enum class Weights {
    file,     ///< As they are in the file.
    float32,  ///< Converted to float32, each with the value that it stands for in the file. Activations are
              ///< then not rounded to 8 bits, which the kernels of quantised weights do. Takes 4 bytes of
              ///< memory for each parameter.
};
/// "file" or "float32".
const char* name_of(Weights weights) noexcept;

/// How to load a model.
struct ModelOptions {
    /// Layers on the GPU; -1 = all. Needs an engine built with a GPU backend; load() throws environment when
    /// it sees no GPU. Several GPUs share whole layers (the engine's layer split), in proportion to their
    /// free memory; no layer is ever divided. With `rpc`: layers on its servers and the GPUs, and 0 means
    /// all.
    int n_gpu_layers = 0;
    /// Put the vocabulary's BOS in front of texts although the metadata do not ask for it (GPT-2, Pythia: the
    /// FV paper's code writes "<|endoftext|>" there). ModelInfo::adds_bos is true then, unless there is none.
    bool always_bos = false;
    /// Called with the loaded fraction in [0, 1]; return false to stop (throws Code::interrupted). Its
    /// exceptions pass through load().
    std::function<bool(float)> progress = {};
    /// Number format of the weights in memory. The two give results that differ by rounding.
    Weights weights = Weights::file;
    /// Folder of a cache, made when missing: it keeps digests of model files (hashing a gigabyte takes about
    /// a second). Empty: nothing is written or looked up.
    std::filesystem::path cache_dir = {};
    /// After loading, ask the C library to give freed memory back to the system (malloc_trim, glibc): for
    /// programs that load a model and keep it. It goes through the memory of the whole process.
    bool trim_memory = false;
    /// How tokenize_prompt() and continuation() read names of control tokens in a text.
    ControlNames control_names = ControlNames::refuse;
    /// Servers that hold layers and compute them, before GPUs of this machine; see tiller/rpc.h for what
    /// happens when one goes away. The file is read here and sent to them. load() throws usage and
    /// environment where one cannot be used, and environment when the engine was built without RPC.
    RpcOptions rpc = {};
};

/// Facts about a model. All counts are per model unless said otherwise.
struct ModelInfo {
    std::filesystem::path path;  ///< First file when the model is split.
    std::string name;            ///< general.name, or the file's stem.
    std::string architecture;    ///< general.architecture ("llama", "gemma3", ...).
    std::string quantisation;    ///< The engine's name of the file type ("Q4_K - Medium", ...).
    std::string digest;          ///< SHA-256 over the model's files in order, hex.
    /// SHA-256 over metadata and tensors, hex: the same for one file and for the same model in shards.
    std::string weights_digest;
    std::string tokenizer_digest;  ///< SHA-256 over the token texts and types, hex.
    std::uint64_t file_bytes = 0;  ///< Sum over the model's files.
    std::uint64_t n_param = 0;
    int n_layer = 0;
    int n_embd = 0;  ///< Width of the residual stream.
    int n_vocab = 0;
    int n_ctx_train = 0;
    std::vector<int> n_head;  ///< [n_layer]; 0 where a layer has no attention heads.
    std::vector<int> d_head;  ///< [n_layer]; width of one head's output: columns of W_O / n_head.
    /// Is BOS put in front of a text? Because the metadata ask for it, or ModelOptions::always_bos does.
    bool adds_bos = false;
    ControlNames control_names = ControlNames::refuse;  ///< ModelOptions::control_names.
    Weights weights = Weights::file;                    ///< ModelOptions::weights.
    std::vector<RpcAddress> servers;                    ///< ModelOptions::rpc's.
    /// Is there an RMS norm between W_O and the residual stream (Gemma 2/3, OLMo 2)?
    bool post_norm = false;
    /// Do layers change the residual stream after attention and MLP, by a factor or by adding a function of
    /// it (Gemma 4)? Then the difference between two residual sites is not what attention and MLP wrote.
    bool changes_stream = false;
    float norm_epsilon = 0;    ///< Epsilon of the model's RMS (or layer) norms.
    Token bos = -1, eos = -1;  ///< Begin of text, end of text; -1 = none.

    /// Sum of n_head over the layers.
    int n_head_total() const {
        int sum = 0;
        for (int n : n_head) sum += n;
        return sum;
    }
};

/// The weights between one layer's head outputs and the residual stream, dequantised to float32.
struct AttentionProjection {
    int n_embd = 0;
    int n_in = 0;                  ///< n_head * d_head.
    std::vector<float> w_o;        ///< [n_embd][n_in], row-major: out = w_o * z.
    std::vector<float> bias;       ///< [n_embd], or empty.
    std::vector<float> post_norm;  ///< [n_embd] RMS norm weight as the engine multiplies it, or empty.
};

/// The final norm and some rows of the output head W_U, dequantised to float32: what turns a residual stream
/// x after the last layer into logits. y = norm(x) * norm_weight + norm_bias, where norm divides by
/// sqrt(mean(x^2) + epsilon) and, with `layer_norm`, subtracts the mean first; logit = w_u * y + bias, times
/// `scale`, then softcap * tanh(logit / softcap) where the model has one.
struct OutputHead {
    int n_embd = 0;
    std::vector<Token> tokens;       ///< The rows, in the order asked for.
    std::vector<float> w_u;          ///< [tokens.size()][n_embd], row-major.
    std::vector<float> bias;         ///< [tokens.size()], or empty.
    std::vector<float> norm_weight;  ///< [n_embd] as the engine multiplies it, or empty (1).
    std::vector<float> norm_bias;    ///< [n_embd], or empty.
    bool layer_norm = false;
    float epsilon = 0;
    float scale = 1;
    float softcap = 0;  ///< 0 = none.
};

/// How to turn a text into tokens.
struct TokenizeOptions {
    bool bos = true;       ///< Put BOS in front when the model asks for it (ModelInfo::adds_bos).
    bool special = false;  ///< Control tokens' names in the text are the tokens; a BOS that the text begins
                           ///< with is the one that `bos` asks for, not a second one.
};

/// A loaded model. Immutable after load; may be shared between engines. All functions but load() are
/// thread-safe. Owns the engine's handle.
class Model {
public:
    /// Loads a GGUF file (for a split model: any of its parts; all must lie in one folder).
    /// The metadata is checked before the engine sees the file, because the engine aborts on some bad values.
    /// Throws missing (no such file), bad_input (not a GGUF, truncated, impossible metadata), unsupported
    /// (encoder-only or recurrent models), environment (does not fit in memory).
    static std::shared_ptr<const Model> load(const std::filesystem::path& path,
                                             const ModelOptions& options = {});

    ~Model();
    Model(const Model&) = delete;
    Model& operator=(const Model&) = delete;

    const ModelInfo& info() const noexcept;

    /// Tokens of a text. Control tokens' names in the text are NOT parsed. With `add_bos`, BOS (and nothing
    /// else) is added in front when ModelInfo::adds_bos. Throws bad_input when the text has more than 2^30
    /// bytes.
    std::vector<Token> tokenize(std::string_view text, bool add_bos = true) const;

    std::vector<Token> tokenize(std::string_view text, const TokenizeOptions& options) const;

    /// Tokens of a text in a prompt, a task or a pair: tokenize() with BOS and with ModelInfo::control_names.
    /// Throws bad_input when that is refuse and the text has the name of a control token.
    std::vector<Token> tokenize_prompt(std::string_view text) const;

    /// Names of control tokens (and of the unknown token) that occur in a text, each once, longest first:
    /// what tokenize() without `special` cuts into pieces that mean nothing to the model.
    std::vector<std::string> control_tokens_in(std::string_view text) const;

    /// The tokens of a conversation in the model's own format, which its chat template writes. Names of
    /// control tokens are tokens where the template writes them, and text in a message's content, so that
    /// nobody can end their own turn. What is between control tokens is tokenised as one text, whether
    /// template or message wrote it. tools and documents are None for the template, as in Hugging Face's
    /// transformers. Throws usage (no message, nothing to continue in an empty last message), bad_input
    /// (another role, a content that is not UTF-8, a template that refuses the conversation, has an error or
    /// does not end) and unsupported (no template; Jinja that the interpreter lacks).
    ChatPrompt chat_prompt(std::span<const ChatMessage> messages, const ChatOptions& options = {}) const;
    /// The model's own chat template (Jinja), empty when the file has none.
    const std::string& chat_template() const noexcept;

    /// Text of tokens as a continuation has it (a leading blank is kept); control tokens give no text. May
    /// end within a UTF-8 character.
    std::string text(std::span<const Token> tokens) const;
    /// Text of one token as the vocabulary has it (for tables); control tokens give their name.
    std::string piece(Token token) const;

    /// The tokens that `continuation` gets after `prompt`: tokenize_prompt(prompt +
    /// continuation) cut after the tokens that it shares with tokenize_prompt(prompt). Never empty for a
    /// non-empty continuation. Throws as tokenize_prompt().
    std::vector<Token> continuation(std::string_view prompt, std::string_view continuation) const;

    bool is_end_of_generation(Token token) const;

    /// The attention output projection of a layer, dequantised, read from the file on each call (no cache).
    /// Throws usage (no such layer), unsupported (the layer has no heads), bad_input (a tensor of another
    /// shape).
    AttentionProjection attention_projection(int layer) const;

    /// Final norm and the output head's rows of `tokens`, read from the file on each call (no cache; only
    /// these rows are read). Throws usage (no such token), unsupported (no matrix of the model's width and
    /// vocabulary), bad_input (a norm or bias of another size). Architectures differ in what else they do to
    /// logits; compare with the engine's own before trusting the numbers, as reconstruct_vocabulary() does.
    OutputHead output_head(std::span<const Token> tokens) const;

    /// The model's state; defined and used in src/engine only.
    struct Handle;
    const Handle& handle() const noexcept { return *handle_; }

private:
    explicit Model(std::unique_ptr<Handle> handle);
    std::unique_ptr<Handle> handle_;
};

}  // namespace tiller

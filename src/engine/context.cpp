#include "engine/context.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "engine/model_handle.h"
#include "tiller/error.h"

namespace tiller::engine {

int max_output_rows(int n_vocab) {
    constexpr std::int64_t budget = std::int64_t{128} << 20;
    const auto rows = budget / (std::int64_t{4} * std::max(n_vocab, 1));
    return static_cast<int>(std::clamp<std::int64_t>(rows / kMatrixTile * kMatrixTile, 32, 256));
}

ContextBytes context_bytes(const Model& model, const ContextShape& shape, bool cache_f32) {
    const std::uint64_t per_token = model.handle().kv_per_token_f16 * (cache_f32 ? 2 : 1);
    const std::uint64_t cells =
        static_cast<std::uint64_t>(shape.n_ctx) * static_cast<std::uint64_t>(shape.shared ? 1 : shape.n_seq);
    const auto rows = static_cast<std::uint64_t>(shape.outputs());
    const std::uint64_t kept = shape.own_logits > 0 ? static_cast<std::uint64_t>(shape.own_logits)
                                                    : rows * 2;  // the graph's and the engine's copy
    const std::uint64_t logits = kept * static_cast<std::uint64_t>(model.info().n_vocab) * 4;
    const auto n_head =
        static_cast<std::uint64_t>(*std::max_element(model.info().n_head.begin(), model.info().n_head.end()));
    const std::uint64_t scores = n_head * static_cast<std::uint64_t>(shape.n_ctx) * kChunk * 4 * 2;
    return {cells * per_token, logits + scores + (std::uint64_t{64} << 20)};
}

int n_threads(const EngineOptions& options) {
    return std::max(
        options.n_threads > 0 ? options.n_threads : static_cast<int>(std::thread::hardware_concurrency()), 1);
}

llama_context_params base_params(const EngineOptions& options) {
    llama_context_params p = llama_context_default_params();
    p.n_batch = p.n_ubatch = kChunk;  // one batch is one graph, so rows keep their order
    p.n_threads = p.n_threads_batch = n_threads(options);
    p.flash_attn_type =
        options.flash_attention ? LLAMA_FLASH_ATTN_TYPE_ENABLED : LLAMA_FLASH_ATTN_TYPE_DISABLED;
    p.type_k = p.type_v = options.cache_f32 ? GGML_TYPE_F32 : GGML_TYPE_F16;
    p.kv_unified = false;
    p.pooling_type = LLAMA_POOLING_TYPE_NONE;  // a state for each token
    p.swa_full = true;                         // forks must keep the cells of the sliding window
    p.no_perf = true;
    return p;
}

Context::Context(std::shared_ptr<const Model> model, const ContextShape& shape, const EngineOptions& options,
                 std::uint64_t budget, const ThreadPool& threads)
    : model_(std::move(model)),
      shape_(shape),
      hook_(model_->info().n_layer, model_->info().architecture, model_->info().d_head) {
    const std::uint64_t needed = context_bytes(*model_, shape, options.cache_f32).total();
    const auto refuse = [&](const std::string& why) {
        throw Error(
            Code::environment,
            fmt::format(
                "{}: {} rows of {} tokens need about {} MB for caches and logits, {} MB are free; use fewer "
                "rows, shorter prompts or a float16 cache",
                why, shape.n_seq, shape.n_ctx, needed >> 20, budget >> 20),
            Topic::memory);
    };
    if (needed > budget) refuse("not enough memory");
    llama_context_params p = base_params(options);
    p.n_ctx = static_cast<std::uint32_t>(shape.shared ? shape.n_ctx : shape.n_ctx * shape.n_seq);
    p.n_seq_max = static_cast<std::uint32_t>(shape.n_seq);
    p.n_outputs_max = static_cast<std::uint32_t>(shape.outputs());
    p.kv_unified = shape.shared;
    p.cb_eval = &Hook::callback;
    p.cb_eval_user_data = &hook_;
    const EngineLog log;
    // The model is const for users; the engine's API wants it mutable to make a context and does not change
    // weights.
    context_.reset(llama_init_from_model(model_->handle().llama.get(), p));
    if (!context_) refuse("the engine could not make a context (" + log.text() + ")");
    threads.attach(context_.get());
    batch_.reset(new llama_batch(llama_batch_init(kChunk, 0, shape.shared ? shape.n_seq : 1)));
}

int Context::n_cell() const { return static_cast<int>(llama_n_ctx_seq(context_.get())); }

bool Context::compute(std::span<const Entry> entries) {
    llama_batch& b = *batch_;
    b.n_tokens = static_cast<std::int32_t>(entries.size());
    for (std::size_t i = 0; i < entries.size(); ++i) {
        b.token[i] = entries[i].token;
        b.pos[i] = entries[i].position;
        const auto more = entries[i].more_sequences;
        b.n_seq_id[i] = static_cast<std::int32_t>(1 + more.size());
        b.seq_id[i][0] = entries[i].sequence;
        std::copy(more.begin(), more.end(), b.seq_id[i] + 1);
        b.logits[i] = entries[i].output;
    }
    const EngineLog log;
    const int status = llama_decode(context_.get(), b);
    if (status == 2) return false;
    if (status != 0)
        throw Error(
            Code::environment,
            status == 1
                ? fmt::format(
                      "the key/value cache of {} tokens for {} sequences is full; this is a mistake in "
                      "tiller's planning, please report it",
                      shape_.n_ctx, shape_.n_seq)
                : fmt::format("the engine failed with status {}: {}", status, log.text()));
    return true;
}

void Context::stop_when(bool (*stop)(void* user), void* user) {
    const EngineLog log;
    llama_set_abort_callback(context_.get(), stop, user);
}

void Context::probe() {
    Entry entries[4];
    const Token token = std::min(5, model_->info().n_vocab - 1);
    for (int i = 0; i < 4; ++i) entries[i] = {token, i, 0, i == 3};
    hook_.begin_probe(4);
    compute(entries);
    hook_.end_probe();  // throws what the callback kept
    clear(true);
}

bool Context::decode(std::span<const Entry> entries, DecodePlan& plan) {
    const EngineLog log;
    plan.tokens.resize(entries.size());
    plan.n_output = 0;
    for (std::size_t i = 0; i < entries.size(); ++i)
        plan.tokens[i].output = entries[i].output ? plan.n_output++ : -1;
    llama_set_embeddings(context_.get(), plan.states);
    hook_.begin(&plan);
    bool whole = false;
    try {
        whole = compute(entries);
    } catch (...) {
        hook_.abandon();
        throw;
    }
    if (whole)
        hook_.check();
    else
        hook_.abandon();
    return whole;
}

std::span<const float> Context::logits(int i) const {
    const EngineLog log;
    const float* values = llama_get_logits_ith(context_.get(), i);
    if (!values)
        throw Error(Code::environment, fmt::format("the engine kept no logits for batch entry {}", i));
    return {values, static_cast<std::size_t>(model_->info().n_vocab)};
}

bool Context::keeps_logits() const {
    const EngineLog log;
    return llama_get_logits(context_.get()) != nullptr;
}

std::span<const float> Context::state(int i) const {
    const EngineLog log;
    const float* values = llama_get_embeddings_ith(context_.get(), i);
    if (!values)
        throw Error(Code::environment, fmt::format("the engine kept no state for batch entry {}", i));
    return {values, static_cast<std::size_t>(model_->info().n_embd)};
}

void Context::clear(bool data) {
    const EngineLog log;
    llama_memory_clear(llama_get_memory(context_.get()), data);
}
void Context::copy_sequence(int from, int to) {
    const EngineLog log;
    llama_memory_seq_cp(llama_get_memory(context_.get()), from, to, -1, -1);
}
void Context::truncate(int sequence, int begin) {
    const EngineLog log;
    llama_memory_seq_rm(llama_get_memory(context_.get()), sequence, begin, -1);
}

}  // namespace tiller::engine

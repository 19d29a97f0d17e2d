#include "tiller/engine.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/memory.h"
#include "engine/engine_impl.h"
#include "engine/left_memory.h"
#include "engine/model_handle.h"
#include "engine/pack.h"
#include "tiller/error.h"

namespace tiller {

using namespace engine;

int site_width(const ModelInfo& info, Site site, int layer) {
    const auto il = static_cast<std::size_t>(layer);
    return site == Site::head_output ? info.n_head[il] * info.d_head[il] : info.n_embd;
}

Engine::Impl::Impl(std::shared_ptr<const Model> m, const EngineOptions& o)
    : model(std::move(m)), options(o), threads(n_threads(o)) {
    if (options.max_rows < 1 || options.max_rows > 256)
        throw Error(Code::usage, fmt::format("rows in flight: {} given, expected 1 to 256", options.max_rows),
                    Topic::rows);
    Context probe(model, {kRowMultiple, kCells, false}, options, budget(), threads);
    cell_step = probe.n_cell();
    probe.probe();
    sites = probe.hook().sites();
    check_one_stream();
    check_post_norm();
    choose_logits(probe);
}

ContextBytes Engine::Impl::bytes_of(const ContextShape& shape) const {
    return context_bytes(*model, with_logits(shape), options.cache_f32);
}

ContextShape Engine::Impl::stream_shape(int n_rows, int n_token) const {
    return {padded(std::min(n_rows, options.max_rows)), cells(n_token), false, kept_outputs};
}

// What methods read from and add to is one vector per token. Gemma 3n keeps several copies of it, which every
// layer mixes by coefficients of its own state (AltUp): no sum of what heads wrote is in any of them.
void Engine::Impl::check_one_stream() const {
    const ModelInfo& info = model->info();
    for (int il = 0; il < info.n_layer; ++il) {
        const SiteInfo& site = sites.at(Site::residual, il);
        if (site.present && (site.n_copy > 1 || site.width != info.n_embd))
            throw Error(
                Code::unsupported,
                fmt::format(
                    "{}: architecture {} keeps {} vectors of {} values per token after layer {}, which "
                    "its layers mix; the methods' vectors are defined for one residual stream of {} "
                    "values. Use a model with one, such as Gemma 3 (docs/architectures.md)",
                    info.path.string(), info.architecture, site.n_copy, site.width, il, info.n_embd));
    }
}

// Methods that build vectors from weights trust ModelInfo::post_norm, so it must be what the graph does.
void Engine::Impl::check_post_norm() const {
    const ModelInfo& info = model->info();
    for (int il = 0; il < info.n_layer; ++il) {
        const bool found = sites.attention_has_post_norm[static_cast<std::size_t>(il)];
        if (sites.at(Site::attention_output, il).present && found != info.post_norm)
            throw Error(
                Code::unsupported,
                fmt::format(
                    "architecture {}: layer {} has {} norm between its attention output and the residual "
                    "stream, its weights say otherwise; please report this",
                    info.architecture, il, found ? "a" : "no"));
    }
}

// Bytes that a context may take in addition to the model, when the engine has no context.
std::uint64_t Engine::Impl::budget() const {
    // A layer's part of the cache is on the device that has the layer.
    if (const auto& rpc = model->handle().rpc; options.memory_limit == 0 && !rpc.list.empty())
        return rpc.free_bytes - std::min(model->info().file_bytes, rpc.free_bytes);
    if (options.memory_limit == 0) {
        std::uint64_t held = 0;
        for (const Context* context : {streams.get(), shared.get()})
            if (context) held += bytes_of(context->shape()).total();
        return available_memory() + held;
    }
    return options.memory_limit - std::min(model->info().file_bytes, options.memory_limit);
}

// How many rows of n_token tokens run() computes at the same time: fewer when memory is short. Halved until
// their context fits; where none does, making the context throws the reason.
int Engine::Impl::rows_in_flight(int n_token) const {
    const std::uint64_t free = budget();
    int rows = options.max_rows;
    while (rows > kRowMultiple && bytes_of(stream_shape(rows, n_token)).total() > free) rows /= 2;
    return std::max(round_up(rows, kRowMultiple) - (rows % kRowMultiple ? kRowMultiple : 0), 1);
}

// A context of at least this shape; kept and grown, because making one reserves its buffers. The other one is
// released: work changes between them a few times a task, and together they would take twice the memory.
Context& Engine::Impl::context(std::unique_ptr<Context>& slot, ContextShape shape) {
    (&slot == &streams ? shared : streams).reset();
    shape.n_ctx = cells(shape.n_ctx);
    if (slot && slot->shape().covers(shape)) return *slot;
    if (slot) {
        shape.n_ctx = std::max(shape.n_ctx, slot->shape().n_ctx);
        shape.n_seq = std::max(shape.n_seq, slot->shape().n_seq);
        shape.n_output = std::max(shape.n_output, slot->shape().n_output);
        slot.reset();
    }
    // Rows of the embedding were read since loading, and the system keeps many mapped pages around each.
    release_mapped_pages(model->handle().mapped);
    slot = make_context(shape);
    return *slot;
}

std::unique_ptr<Context> Engine::Impl::make_context(const ContextShape& shape) {
    auto made = std::make_unique<Context>(model, with_logits(shape), options, budget(), threads);
    made->hook().set_sites(sites);
    made->stop_when(&Impl::wants_stop, this);
    return made;
}

Engine::Engine(std::shared_ptr<const Model> model, const EngineOptions& options)
    : impl_(std::make_unique<Impl>(std::move(model), options)) {}
Engine::~Engine() = default;

const Model& Engine::model() const noexcept { return *impl_->model; }
const EngineOptions& Engine::options() const noexcept { return impl_->options; }
const EngineStats& Engine::stats() const noexcept { return impl_->stats; }
void Engine::on_progress(std::function<void(std::size_t, std::size_t)> callback) {
    impl_->progress = std::move(callback);
}
void Engine::cancel_with(const std::atomic<bool>* flag) { impl_->cancel = flag; }
bool Engine::has_site(Site site, int layer) const {
    return layer >= 0 && layer < info().n_layer && impl_->sites.at(site, layer).present;
}
std::uint64_t Engine::estimate_bytes(int n_rows, int n_token) const {
    const Impl& m = *impl_;
    return m.bytes_of(m.stream_shape(n_rows, n_token)).total();
}

MemoryNeed Engine::memory_need(int n_run_token, int n_fork_token, int n_fork_row) const {
    const Impl& m = *impl_;
    MemoryNeed need;
    need.model = m.model->info().file_bytes;
    need.free = m.budget();
    // One context at a time, so the larger one counts.
    const auto add = [&](const ContextShape& shape) {
        const ContextBytes bytes = m.bytes_of(shape);
        if (bytes.total() <= need.caches + need.buffers) return;
        need.caches = bytes.cache;
        need.buffers = bytes.buffers;
    };
    if (n_run_token > 0) {
        need.n_rows = m.rows_in_flight(n_run_token);
        add(m.stream_shape(need.n_rows, n_run_token));
    }
    if (n_fork_token > 0) {
        const int rows = std::min(max_wave(m.model->info().n_vocab), std::max(padded(n_fork_row), kPackRows));
        add({rows + kPackPrompts, m.cells(std::max(n_fork_token + rows, kPackCells)), true});
    }
    return need;
}

}  // namespace tiller

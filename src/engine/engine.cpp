#include "tiller/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <deque>

#include "core/parallel.h"
#include "core/util.h"
#include "engine/context.h"
#include "engine/left_memory.h"
#include "engine/model_handle.h"
#include "engine/prefix.h"
#include "engine/row_state.h"
#include "engine/validate.h"
#include "tiller/error.h"

namespace tiller {

using namespace engine;

int site_width(const ModelInfo& info, Site site, int layer) {
    const auto il = static_cast<std::size_t>(layer);
    return site == Site::head_output ? info.n_head[il] * info.d_head[il] : info.n_embd;
}

struct Engine::Impl {
    std::shared_ptr<const Model> model;
    EngineOptions options;
    EngineStats stats;
    SiteMap sites;
    std::unique_ptr<Context> streams;  // for run()
    std::unique_ptr<Context> shared;   // for fork()
    std::function<void(std::size_t, std::size_t)> progress;
    const std::atomic<bool>* cancel = nullptr;
    DecodePlan plan;
    std::vector<Entry> entries;
    std::size_t n_done = 0, n_row = 0;
    int kept_outputs = 0;  // of the rows of this run(): tokens of one batch whose outputs captures need

    Impl(std::shared_ptr<const Model> m, const EngineOptions& o) : model(std::move(m)), options(o) {
        if (options.max_rows < 1 || options.max_rows > 256)
            throw Error(Code::usage,
                        fmt::format("rows in flight: {} given, expected 1 to 256", options.max_rows));
        Context probe(model, {kRowMultiple, 256, false}, options, budget());
        probe.probe();
        sites = probe.hook().sites();
        check_one_stream();
        check_post_norm();
    }
    void check_one_stream() const;
    void check_post_norm() const;

    ContextBytes bytes_of(const Context& context) const {
        return context_bytes(*model, context.shape(), options.cache_f32);
    }
    ContextShape stream_shape(int n_rows, int n_token) const {
        return {round_up(std::min(n_rows, options.max_rows), kRowMultiple), round_up(n_token, 256), false,
                kept_outputs};
    }
    int rows_in_flight(int n_token) const;
    std::uint64_t budget() const;
    Context& context(std::unique_ptr<Context>& slot, ContextShape shape);
    void decode(Context& context, bool stop_early, bool keep_cache);
    bool early_outputs(const RowState& row) const;
    int chunk_of(const RowState& row) const;
    void prefill(Context& context, std::span<RowState*> rows, int first_sequence);
    void advance(const Context& context, std::span<RowState*> rows);
    void steps(Context& context, std::span<RowState*> rows, std::vector<int>& positions);
    void wave(std::span<RowState*> rows);
    void branch(Context& context, std::span<RowState*> rows, int n_prefix);
};

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
                    "{}: architecture {} keeps {} vectors of {} values per token behind layer {}, which "
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

// Tokens of a row that are computed before its last prompt token: padded to a multiple of four (batch-shape
// rule 2), because kernels work on four tokens at a time and round the rest otherwise.
int prefill_length(const RowState& row) { return round_up(row.n_prompt() - 1, kRowMultiple); }

// Bytes that a context may take beside the model, when none is held.
std::uint64_t Engine::Impl::budget() const {
    if (options.memory_limit == 0) {
        std::uint64_t held = 0;
        for (const Context* context : {streams.get(), shared.get()})
            if (context) held += bytes_of(*context).total();
        return available_memory() + held;
    }
    return options.memory_limit - std::min(model->info().file_bytes, options.memory_limit);
}

// Rows of n_token tokens in flight in run(): fewer when memory is short. Halved until a wave fits; the
// context says why when none does.
int Engine::Impl::rows_in_flight(int n_token) const {
    const std::uint64_t free = budget();
    int rows = options.max_rows;
    while (rows > kRowMultiple &&
           context_bytes(*model, stream_shape(rows, n_token), options.cache_f32).total() > free)
        rows /= 2;
    return std::max(round_up(rows, kRowMultiple) - (rows % kRowMultiple ? kRowMultiple : 0), 1);
}

// A context of at least this shape; kept and grown, because making one reserves its buffers. The other one is
// let go: work changes between them a few times a task, and together they would take twice the memory.
Context& Engine::Impl::context(std::unique_ptr<Context>& slot, ContextShape shape) {
    (&slot == &streams ? shared : streams).reset();
    shape.n_ctx = round_up(shape.n_ctx, 256);
    if (slot && slot->shape().covers(shape)) return *slot;
    if (slot) {
        shape.n_ctx = std::max(shape.n_ctx, slot->shape().n_ctx);
        shape.n_seq = std::max(shape.n_seq, slot->shape().n_seq);
        shape.n_output = std::max(shape.n_output, slot->shape().n_output);
        slot.reset();
    }
    // Rows of the embedding that were read since: the system keeps many pages around each.
    for (const auto& file : model->handle().mapped) release_mapped_pages(file);
    slot = std::make_unique<Context>(model, shape, options, budget());
    slot->hook().set_sites(sites);
    return *slot;
}

void Engine::Impl::decode(Context& c, bool stop_early, bool keep_cache) {
    if (cancel && cancel->load()) throw Error(Code::interrupted, "interrupted");
    plan.stop_early = stop_early;
    plan.keep_cache = keep_cache;
    const auto edits = c.hook().n_edit(), captures = c.hook().n_capture();
    const auto begin = std::chrono::steady_clock::now();
    c.decode(entries, plan);
    stats.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    stats.n_decode += 1;
    stats.n_token += entries.size();
    stats.n_edit += c.hook().n_edit() - edits;
    stats.n_capture += c.hook().n_capture() - captures;
}

// Does a capture need outputs of tokens before the last prompt token?
bool Engine::Impl::early_outputs(const RowState& row) const {
    for (int p = 0; p < row.n_prompt() - 1; ++p)
        if (row.capture_needs_output(sites, p)) return true;
    return false;
}

// Tokens of one row's chunk: fewer where captures need outputs, of which the context keeps only so many.
// Depends on the row alone, so that its numbers do not depend on its neighbours.
int Engine::Impl::chunk_of(const RowState& row) const {
    return early_outputs(row) ? std::min(kChunk, max_output_rows(model->info().n_vocab)) : kChunk;
}

// Computes tokens [0, T - 1) of rows with equal padded lengths and chunks, in sequences first_sequence, ...
void Engine::Impl::prefill(Context& c, std::span<RowState*> rows, int first_sequence) {
    const int longest = prefill_length(*rows[0]);
    const int chunk = chunk_of(*rows[0]);
    for (int begin = 0; begin < longest; begin += chunk) {
        const int end = std::min(begin + chunk, longest);
        plan.reset(model->info().n_layer);
        entries.clear();
        for (std::size_t r = 0; r < rows.size(); ++r) {
            const RowState& row = *rows[r];
            const int n = row.n_prompt() - 1, sequence = first_sequence + static_cast<int>(r);
            const std::size_t first = entries.size();
            int n_output = 0;
            for (int p = begin; p < std::min(end, n); ++p) {
                const bool output = row.capture_needs_output(sites, p);
                n_output += output;
                rows[r]->plan(plan, static_cast<int>(entries.size()), p);
                entries.push_back({row.row().prompt[static_cast<std::size_t>(p)], p, sequence, output});
            }
            // Padding is causal, so no real token sees it; it is forgotten below. Positions stay within the
            // model's.
            for (int p = std::max(begin, n); p < end; ++p, ++stats.n_padding)
                entries.push_back(
                    {row.row().prompt.back(), std::min(p, model->info().n_ctx_train - 1), sequence, false});
            for (std::size_t i = entries.size(); i-- > first && n_output % kRowMultiple != 0;)
                if (!entries[i].output) {
                    entries[i].output = true;
                    ++n_output;
                }
        }
        decode(c, true, true);
    }
    for (std::size_t r = 0; r < rows.size(); ++r)
        c.truncate(first_sequence + static_cast<int>(r), rows[r]->n_prompt() - 1);
}

// Gives each unfinished row the logits of its token. A pass over a large vocabulary costs as much as a part
// of the model, so the rows share the threads.
void Engine::Impl::advance(const Context& c, std::span<RowState*> rows) {
    std::vector<std::pair<RowState*, std::span<const float>>> live;
    for (std::size_t s = 0; s < rows.size(); ++s)
        if (!rows[s]->finished())
            live.emplace_back(
                rows[s], rows[s]->needs_logits() ? c.logits(static_cast<int>(s)) : std::span<const float>());
    parallel_for(live.size(), c.n_threads(), [&](std::size_t i) {
        const auto& [row, logits] = live[i];
        if (row->needs_logits())
            row->advance(logits);
        else
            row->advance();
    });
    for (const auto& [row, logits] : live) n_done += row->finished();
}

// Steps of one token in sequences [0, rows.size()), padded, until every row is finished. positions[s] is the
// next position of sequence s, for all sequences of the context.
void Engine::Impl::steps(Context& c, std::span<RowState*> rows, std::vector<int>& positions) {
    for (auto active = rows.size();;) {
        while (active > 0 && rows[active - 1]->finished()) --active;
        if (active == 0) return;
        const auto padded = static_cast<std::size_t>(round_up(static_cast<int>(active), kRowMultiple));
        plan.reset(model->info().n_layer);
        entries.clear();
        bool logits = false, more = false;
        for (std::size_t s = 0; s < active; ++s)
            if (!rows[s]->finished()) {
                logits = logits || rows[s]->needs_logits();
                more = more || rows[s]->n_step() > 1;
            }
        for (std::size_t s = 0; s < padded; ++s) {
            const bool live = s < active && !rows[s]->finished();
            const Token token = s < rows.size() ? rows[s]->next_token() : rows[0]->next_token();
            if (live) rows[s]->plan(plan, static_cast<int>(s), positions[s]);
            entries.push_back({token, positions[s], static_cast<int>(s), true});
            stats.n_padding += !live;
        }
        decode(c, !logits, more);
        advance(c, rows.first(active));
        for (std::size_t s = 0; s < padded; ++s) {
            if (s < active && !rows[s]->finished()) ++positions[s];
            // Padding takes its token back and so never grows: a learned position must not lie behind the
            // context.
            if (s >= active || rows[s]->finished()) c.truncate(static_cast<int>(s), positions[s]);
        }
        if (progress) progress(n_done, n_row);
    }
}

// Rows in flight together, one stream each. `rows` is ordered so that rows with equal prompt lengths are
// neighbours.
void Engine::Impl::wave(std::span<RowState*> rows) {
    // Leaders compute their prefix; followers copy it from a leader that is the same up to there.
    std::vector<int> leader(rows.size(), -1);
    std::vector<std::string> keys(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (captures_early(rows[i]->row()) || rows[i]->n_prompt() < 2) continue;
        keys[i] = prefix_key(rows[i]->row());
        for (std::size_t j = 0; j < i && leader[i] < 0; ++j)
            if (keys[j] == keys[i]) leader[i] = leader[j] >= 0 ? leader[j] : static_cast<int>(j);
    }
    int longest = 0, most_steps = 0;
    for (const RowState* row : rows) {
        longest = std::max(longest, prefill_length(*row));
        most_steps = std::max(most_steps, row->n_step());
    }
    // As many streams as memory allows, so that later waves can use the same context.
    ContextShape shape{
        round_up(std::min(options.max_rows, static_cast<int>(std::max(rows.size(), n_row))), kRowMultiple),
        longest + most_steps, false, kept_outputs};
    Context& c = context(streams, shape);

    for (std::size_t i = 0; i < rows.size();) {
        if (leader[i] >= 0 || rows[i]->n_prompt() < 2) {
            ++i;
            continue;
        }
        const int n = prefill_length(*rows[i]), chunk = chunk_of(*rows[i]);
        std::size_t end = i + 1;
        while (end < rows.size() && leader[end] < 0 && prefill_length(*rows[end]) == n &&
               chunk_of(*rows[end]) == chunk && static_cast<int>(end - i + 1) * n <= chunk &&
               end - i < kPrefillRows)
            ++end;
        prefill(c, rows.subspan(i, end - i), static_cast<int>(i));
        i = end;
    }
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (leader[i] >= 0) c.copy_sequence(leader[i], static_cast<int>(i));
    std::vector<int> positions(static_cast<std::size_t>(c.shape().n_seq), 0);
    for (std::size_t i = 0; i < rows.size(); ++i) positions[i] = rows[i]->n_prompt() - 1;
    steps(c, rows, positions);
    for (RowState* row : rows) row->finish();
    // Stale cells are masked, but NaN times 0 is NaN: what a broken row leaves behind is overwritten.
    c.clear(std::any_of(rows.begin(), rows.end(), [](const RowState* row) { return row->broken(); }));
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
    return context_bytes(*m.model, m.stream_shape(n_rows, n_token), m.options.cache_f32).total();
}

MemoryNeed Engine::memory_need(int n_run_token, int n_fork_token, int n_fork_row) const {
    const Impl& m = *impl_;
    MemoryNeed need;
    need.model = m.model->info().file_bytes;
    need.free = m.budget();
    // One context at a time, so the larger one counts.
    const auto add = [&](const ContextShape& shape) {
        const ContextBytes bytes = context_bytes(*m.model, shape, m.options.cache_f32);
        if (bytes.total() <= need.caches + need.buffers) return;
        need.caches = bytes.cache;
        need.buffers = bytes.buffers;
    };
    if (n_run_token > 0) {
        need.n_rows = m.rows_in_flight(n_run_token);
        add(m.stream_shape(need.n_rows, n_run_token));
    }
    if (n_fork_token > 0) {
        const int rows =
            std::min(max_output_rows(m.model->info().n_vocab), round_up(n_fork_row, kRowMultiple));
        add({rows, round_up(n_fork_token + rows, 256), true});
    }
    return need;
}

std::vector<RowResult> Engine::run(std::span<const Row> rows) {
    Impl& m = *impl_;
    validate_rows(rows, *m.model, m.sites);
    std::vector<RowResult> results(rows.size());
    std::deque<RowState> states;
    for (std::size_t i = 0; i < rows.size(); ++i) states.emplace_back(*m.model, rows[i], results[i]);
    // Long rows first, so that a wave shrinks from its end; equal lengths together, so that they share
    // batches; equal prompts together, so that they share a prefix.
    std::vector<RowState*> order;
    for (auto& s : states) order.push_back(&s);
    std::stable_sort(order.begin(), order.end(), [](const RowState* a, const RowState* b) {
        if (a->n_step() != b->n_step()) return a->n_step() > b->n_step();
        if (a->n_prompt() != b->n_prompt()) return a->n_prompt() > b->n_prompt();
        return a->row().prompt < b->row().prompt;
    });
    m.n_done = 0;
    m.n_row = rows.size();
    int longest = 0;
    for (const auto& s : states) longest = std::max(longest, s.n_prompt() + s.n_step());
    m.kept_outputs =
        std::any_of(states.begin(), states.end(), [&](const RowState& s) { return m.early_outputs(s); })
            ? max_output_rows(m.model->info().n_vocab)
            : 0;
    const int in_flight = m.rows_in_flight(longest);
    const int saved = m.options.max_rows;
    m.options.max_rows = in_flight;
    try {
        for (std::size_t i = 0; i < order.size(); i += static_cast<std::size_t>(in_flight))
            m.wave(std::span(order).subspan(
                i, std::min<std::size_t>(static_cast<std::size_t>(in_flight), order.size() - i)));
    } catch (...) {
        m.options.max_rows = saved;
        m.streams.reset();  // its cache holds half a wave
        throw;
    }
    m.options.max_rows = saved;
    return results;
}

// Branches from a prefix of n_prefix tokens that sequence 0 holds; leaves the cache as it found it.
void Engine::Impl::branch(Context& c, std::span<RowState*> rows, int n_prefix) {
    const int padded = round_up(static_cast<int>(rows.size()), kRowMultiple);
    for (int s = 1; s < padded; ++s) c.copy_sequence(0, s);
    std::vector<int> positions(static_cast<std::size_t>(c.shape().n_seq), n_prefix);
    steps(c, rows, positions);
    for (RowState* row : rows) row->finish();
    for (int s = 0; s < padded; ++s) c.truncate(s, s == 0 ? n_prefix : 0);
}

std::vector<RowResult> Engine::fork(std::span<const Row> rows) {
    Impl& m = *impl_;
    if (rows.empty()) return {};
    validate_rows(rows, *m.model, m.sites);
    validate_fork(rows);
    std::vector<RowResult> results(rows.size());
    std::deque<RowState> states;
    for (std::size_t i = 0; i < rows.size(); ++i) states.emplace_back(*m.model, rows[i], results[i]);
    std::vector<RowState*> order;
    for (auto& s : states) order.push_back(&s);
    std::stable_sort(order.begin(), order.end(),
                     [](const RowState* a, const RowState* b) { return a->n_step() > b->n_step(); });
    m.n_done = 0;
    m.n_row = rows.size();
    const int n_prefix = static_cast<int>(rows[0].prompt.size()) - 1;
    const int most = max_output_rows(m.model->info().n_vocab);
    const int in_flight = std::min(most, round_up(static_cast<int>(rows.size()), kRowMultiple));
    try {
        Context& c = m.context(m.shared, {in_flight, n_prefix + in_flight * order[0]->n_step(), true});
        c.clear(false);
        if (n_prefix > 0) m.prefill(c, std::span(order).first(1), 0);
        for (std::size_t i = 0; i < order.size(); i += static_cast<std::size_t>(in_flight))
            m.branch(c,
                     std::span(order).subspan(
                         i, std::min<std::size_t>(static_cast<std::size_t>(in_flight), order.size() - i)),
                     n_prefix);
    } catch (...) {
        m.shared.reset();
        throw;
    }
    // Branches read each other's cells with weight 0, and 0 times NaN is NaN: one broken branch spoils all.
    // In run() every row has its own cells, so the truth about each is found there.
    if (std::any_of(results.begin(), results.end(), [](const RowResult& r) { return r.broken; })) {
        m.shared.reset();
        return run(rows);
    }
    return results;
}

}  // namespace tiller

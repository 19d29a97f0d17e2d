// Prompts up to their last token, and steps of one token: what the batches of run() and fork() are made of.
#include <algorithm>
#include <chrono>

#include "engine/engine_impl.h"
#include "tiller/error.h"

namespace tiller {

using namespace engine;

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

// Computes tokens [0, T - 1) of rows with equal chunks, each in its sequence. In a stream for each all have
// the same padded length.
void Engine::Impl::prefill(Context& c, std::span<RowState* const> rows, std::span<const int> sequences) {
    int longest = 0;
    for (const RowState* row : rows) longest = std::max(longest, prefill_length(*row));
    const int chunk = chunk_of(*rows[0]);
    for (int begin = 0; begin < longest; begin += chunk) {
        const int end = std::min(begin + chunk, longest);
        plan.reset(model->info().n_layer);
        entries.clear();
        for (std::size_t r = 0; r < rows.size(); ++r) {
            const RowState& row = *rows[r];
            const int n = row.n_prompt() - 1, sequence = sequences[r];
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
            for (int p = std::max(begin, n); p < std::min(end, prefill_length(row)); ++p, ++stats.n_padding)
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
    for (std::size_t r = 0; r < rows.size(); ++r) c.truncate(sequences[r], rows[r]->n_prompt() - 1);
}

// The same for rows of any lengths: neighbours together, in streams those of equal lengths, as many as fit
// into a chunk. Rows of one token have nothing to compute here.
void Engine::Impl::prefill_all(Context& c, std::span<RowState* const> rows, std::span<const int> sequences) {
    for (std::size_t i = 0; i < rows.size();) {
        if (rows[i]->n_prompt() < 2) {
            ++i;
            continue;
        }
        const int n = prefill_length(*rows[i]), chunk = chunk_of(*rows[i]);
        const auto joins = [&](std::size_t next) {  // the engine's streams lie side by side
            return c.shape().shared ||
                   (prefill_length(*rows[next]) == n && sequences[next] == sequences[next - 1] + 1);
        };
        std::size_t end = i + 1;
        int n_token = n;
        for (; end < rows.size() && end - i < kPrefillRows; ++end) {
            n_token += prefill_length(*rows[end]);
            if (!joins(end) || chunk_of(*rows[end]) != chunk || n_token > chunk) break;
        }
        prefill(c, rows.subspan(i, end - i), sequences.subspan(i, end - i));
        i = end;
    }
}

// Steps of one token in sequences [0, rows.size()), padded, until every row is finished. positions[s] is the
// next position of sequence s, for all sequences of the context.
void Engine::Impl::steps(Context& c, std::span<RowState*> rows, std::vector<int>& positions) {
    for (auto active = rows.size();;) {
        while (active > 0 && rows[active - 1]->finished()) --active;
        if (active == 0) return;
        const auto n_padded = static_cast<std::size_t>(padded(static_cast<int>(active)));
        plan.reset(model->info().n_layer);
        plan.states = unembedding != nullptr;
        entries.clear();
        bool logits = false, more = false;
        for (std::size_t s = 0; s < active; ++s)
            if (!rows[s]->finished()) {
                logits = logits || rows[s]->needs_logits();
                more = more || rows[s]->n_step() > 1;
            }
        for (std::size_t s = 0; s < n_padded; ++s) {
            const bool live = s < active && !rows[s]->finished();
            const Token token = s < rows.size() ? rows[s]->next_token() : rows[0]->next_token();
            if (live) rows[s]->plan(plan, static_cast<int>(s), positions[s]);
            entries.push_back({token, positions[s], static_cast<int>(s), true});
            stats.n_padding += !live;
        }
        decode(c, !logits, more);
        advance(c, rows.first(active));
        for (std::size_t s = 0; s < n_padded; ++s) {
            if (s < active && !rows[s]->finished()) ++positions[s];
            // Padding takes its token back and so never grows: a learned position must not lie behind the
            // context.
            if (s >= active || rows[s]->finished()) c.truncate(static_cast<int>(s), positions[s]);
        }
        if (progress) progress(n_done, n_row);
    }
}

}  // namespace tiller

// Prompts up to their last token, and steps of one token: what the batches of run() and fork() are made of.
#include <algorithm>
#include <chrono>

#include "engine/engine_impl.h"
#include "tiller/error.h"

namespace tiller {

using namespace engine;

bool Engine::Impl::wants_stop(void* user) {
    const auto& m = *static_cast<const Impl*>(user);
    if (m.cancel && m.cancel->load()) return true;
    return std::any_of(m.stopping.begin(), m.stopping.end(), [](const auto* flag) { return flag->load(); });
}

bool Engine::Impl::decode(Context& c, bool stop_early, bool keep_cache, std::span<RowState* const> rows) {
    if (cancel && cancel->load()) throw Error(Code::interrupted, "interrupted");
    plan.stop_early = stop_early;
    plan.keep_cache = keep_cache;
    // A decode may end for one row's sake and is done again for the others; not twice in turn, so that rows
    // that come and go cannot keep all others from going on.
    stopping.clear();
    if (!last_was_stopped)
        for (const RowState* row : rows)
            if (row && row->cancel_flag()) stopping.push_back(row->cancel_flag());
    const auto edits = c.hook().n_edit(), captures = c.hook().n_capture();
    const auto begin = std::chrono::steady_clock::now();
    const auto count = [&] {
        stats.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        stats.n_decode += 1;
        stats.n_token += entries.size();
        stats.n_edit += c.hook().n_edit() - edits;
        stats.n_capture += c.hook().n_capture() - captures;
    };
    try {
        last_was_stopped = !c.decode(entries, plan);
    } catch (...) {
        stopping.clear();
        for (RowState* row : rows)
            if (row) row->roll_back();
        throw;
    }
    stopping.clear();
    count();
    if (!last_was_stopped) return true;
    for (RowState* row : rows)
        if (row) row->roll_back();
    if (cancel && cancel->load()) throw Error(Code::interrupted, "interrupted");
    return false;
}

// Are outputs of tokens before the last prompt token needed?
bool Engine::Impl::early_outputs(const RowState& row) const {
    for (int p = 0; p < row.n_prompt() - 1; ++p)
        if (row.needs_output(sites, p)) return true;
    return false;
}

// Tokens of one row's chunk, at most `most`: fewer where outputs are needed, of which the context keeps
// only so many.
int Engine::Impl::chunk_of(const RowState& row, const Context& c, int most) const {
    if (!early_outputs(row)) return most;
    const int kept = std::min(c.shape().outputs(), max_output_rows(model->info().n_vocab));
    return std::min(most, kept / kRowMultiple * kRowMultiple);
}

bool Engine::Impl::compute_prompts(Context& c, std::span<const PromptPart> parts) {
    plan.reset(model->info().n_layer);
    entries.clear();
    std::vector<RowState*> rows;
    for (const PromptPart& part : parts) {
        RowState& row = *part.row;
        rows.push_back(&row);
        row.mark();
        const int n = row.n_prompt() - 1;
        const std::size_t first = entries.size();
        int n_output = 0;
        for (int p = part.begin; p < std::min(part.end, n); ++p) {
            const bool output = row.needs_output(sites, p);
            n_output += output;
            row.plan(plan, static_cast<int>(entries.size()), p);
            entries.push_back({row.row().prompt[static_cast<std::size_t>(p)], p, part.sequence, output});
        }
        // Padding is causal, so no real token sees it; the caller forgets it. Positions stay within the
        // model's.
        for (int p = std::max(part.begin, n); p < part.end; ++p, ++stats.n_padding)
            entries.push_back(
                {row.row().prompt.back(), std::min(p, model->info().n_ctx_train - 1), part.sequence, false});
        for (std::size_t i = entries.size(); i-- > first && n_output % kRowMultiple != 0;)
            if (!entries[i].output) {
                entries[i].output = true;
                ++n_output;
            }
    }
    const bool logits = std::any_of(rows.begin(), rows.end(),
                                    [](const RowState* row) { return row->row().want_prompt_logprobs; });
    plan.states = logits && unembedding;
    if (!decode(c, !logits, true, rows)) return false;
    if (logits) read_prompts(c, parts);
    return true;
}

// Computes tokens [0, T - 1) of rows with equal chunks, each in its sequence. In a context of streams all
// rows must have the same padded length.
void Engine::Impl::prefill(Context& c, std::span<RowState* const> rows, std::span<const int> sequences) {
    int longest = 0;
    for (const RowState* row : rows) longest = std::max(longest, prefill_length(*row));
    const int chunk = chunk_of(*rows[0], c, kChunk);
    for (int begin = 0; begin < longest; begin += chunk) {
        std::vector<PromptPart> parts;
        for (std::size_t r = 0; r < rows.size(); ++r)
            if (const int end = std::min(begin + chunk, prefill_length(*rows[r])); begin < end)
                parts.push_back({rows[r], sequences[r], begin, end});
        compute_prompts(c, parts);
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
        const int n = prefill_length(*rows[i]), chunk = chunk_of(*rows[i], c, kChunk);
        const auto joins = [&](std::size_t next) {  // the streams of one batch are neighbours
            return c.shape().shared ||
                   (prefill_length(*rows[next]) == n && sequences[next] == sequences[next - 1] + 1);
        };
        std::size_t end = i + 1;
        int n_token = n;
        for (; end < rows.size() && end - i < kPrefillRows; ++end) {
            n_token += prefill_length(*rows[end]);
            if (!joins(end) || chunk_of(*rows[end], c, kChunk) != chunk || n_token > chunk) break;
        }
        prefill(c, rows.subspan(i, end - i), sequences.subspan(i, end - i));
        i = end;
    }
}

bool Engine::Impl::step_rows(Context& c, int first, std::span<RowState* const> rows,
                             std::span<int> positions) {
    plan.reset(model->info().n_layer);
    plan.states = unembedding != nullptr;
    entries.clear();
    bool logits = false, more = false;
    Token token = 0;  // of padding: any that is computed anyway
    for (RowState* row : rows)
        if (row) {
            logits = logits || row->needs_logits();
            more = more || row->n_step() > 1;
            token = row->next_token();
            row->mark();
        }
    for (std::size_t s = 0; s < rows.size(); ++s) {
        RowState* row = rows[s];
        if (row) row->plan(plan, static_cast<int>(s), positions[s]);
        entries.push_back({row ? row->next_token() : token, positions[s], first + static_cast<int>(s), true});
        stats.n_padding += !row;
    }
    if (!decode(c, !logits, more, rows)) return false;
    advance(c, rows);
    for (std::size_t s = 0; s < rows.size(); ++s) {
        if (rows[s] && !rows[s]->finished()) ++positions[s];
        // A padding token is removed again, so that its position never grows: a model with learned positions
        // has none past its context.
        else
            c.truncate(first + static_cast<int>(s), positions[s]);
    }
    return true;
}

// Steps of one token in sequences [0, rows.size()), padded, until every row is finished. positions[s] is the
// next position of sequence s, for all sequences of the context.
void Engine::Impl::steps(Context& c, std::span<RowState* const> rows, std::vector<int>& positions) {
    std::vector<RowState*> live(rows.begin(), rows.end());
    for (;;) {
        while (!live.empty() && (!live.back() || live.back()->finished())) live.pop_back();
        if (live.empty()) return;
        for (RowState*& row : live)
            if (row && row->finished()) row = nullptr;
        live.resize(static_cast<std::size_t>(padded(static_cast<int>(live.size()))), nullptr);
        step_rows(c, 0, live, std::span(positions).first(live.size()));
        if (progress) progress(n_done, n_row);
    }
}

}  // namespace tiller

// Rows of every kind for the tests of Stepper, and what it means that two results are the same bits.
#pragma once

#include <cstring>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "core/util.h"
#include "support/engine_rows.h"
#include "tiller/stepper.h"

namespace tiller::test {

inline bool same_floats(const std::vector<float>& x, const std::vector<float>& y) {
    return x.size() == y.size() && std::memcmp(x.data(), y.data(), x.size() * sizeof(float)) == 0;
}
inline bool same_top(const std::vector<TokenLogprob>& x, const std::vector<TokenLogprob>& y) {
    if (x.size() != y.size()) return false;
    for (std::size_t i = 0; i < x.size(); ++i)
        if (x[i].token != y[i].token || !same_floats({x[i].logprob}, {y[i].logprob})) return false;
    return true;
}

/// What differs between two results of one row; empty when every bit is the same.
inline std::string difference(const RowResult& a, const RowResult& b) {
    if (!same_floats(a.logits, b.logits)) return "logits";
    if (!same_top(a.top, b.top)) return "top";
    if (!same_floats(a.watch_logprob, b.watch_logprob) || a.watch_rank != b.watch_rank) return "watch";
    if (!same_floats(a.forced_logprob, b.forced_logprob)) return "forced_logprob";
    if (a.generated != b.generated) return "generated";
    if (!same_floats(a.generated_logprob, b.generated_logprob)) return "generated_logprob";
    if (a.top_each.size() != b.top_each.size()) return "top_each";
    for (std::size_t i = 0; i < a.top_each.size(); ++i)
        if (!same_top(a.top_each[i], b.top_each[i])) return "top_each";
    if (a.prompt_logprob.size() != b.prompt_logprob.size()) return "prompt_logprob";
    // Where a row breaks, all tokens of the same chunk are lost, and chunks may end elsewhere.
    if (!a.broken && !same_floats(a.prompt_logprob, b.prompt_logprob)) return "prompt_logprob";
    if (a.prompt_top.size() != b.prompt_top.size()) return "prompt_top";
    for (std::size_t i = 0; i < a.prompt_top.size() && !a.broken; ++i)
        if (!same_top(a.prompt_top[i], b.prompt_top[i])) return "prompt_top";
    if (a.text != b.text || a.stop_at != b.stop_at) return "text";
    if (a.finish != b.finish || a.broken != b.broken || a.ended != b.ended) return "finish";
    if (a.captured.size() != b.captured.size()) return "captured";
    for (std::size_t c = 0; c < a.captured.size(); ++c)
        // NaN that a broken row captured is the same whatever its payload.
        if (a.captured[c].values.size() != b.captured[c].values.size() ||
            (!a.broken && !same_floats(a.captured[c].values, b.captured[c].values)))
            return "captured values";
    return {};
}

/// Rows that share beginnings of prompts, with edits at every site, operation and kind of position, some of
/// them the same by value in other buffers; sampled, forced and captured; a few that break.
inline std::vector<Row> mixed_rows(const ModelInfo& info, int n, unsigned seed) {
    std::mt19937 random(seed);
    const auto below = [&](int m) { return static_cast<int>(random() % static_cast<unsigned>(m)); };
    const Positions places[] = {{Positions::Kind::steered, 0, 0}, {Positions::Kind::all, 0, 0},
                                {Positions::Kind::prompt, 0, 0},  {Positions::Kind::last_k, 0, 3},
                                {Positions::Kind::range, 2, 9},   {Positions::Kind::last_prompt, 0, 0},
                                {Positions::Kind::range, 6, 400}, {Positions::Kind::generated, 0, 0}};
    std::vector<std::vector<Token>> stems;
    for (int length : {1, 9, 22, 47}) stems.push_back(random_prompt(length, seed + 77, info.n_vocab));
    std::vector<Row> rows;
    for (int i = 0; i < n; ++i) {
        Row row;
        row.prompt = stems[static_cast<std::size_t>(below(4))];
        for (int more = below(3) == 0 ? 0 : below(30); more > 0; --more)
            row.prompt.push_back(3 + below(info.n_vocab - 3));
        for (int e = below(4); e > 0; --e) {
            const Site site = kAllSites[below(4)];
            const int layer = below(info.n_layer);
            const Operation operation = kAllOperations[below(4)];
            const int head = site == Site::head_output && below(2) ? 0 : -1;
            // Few seeds, so that other rows have the same values in buffers of their own.
            const float strength = operation == Operation::replace ? 1.0f : below(2) ? 0.3f : 2.0f;
            row.edits.push_back(random_edit(info, site, layer, operation, places[below(8)],
                                            seed + static_cast<unsigned>(below(2)), strength, head));
        }
        if (i % 11 == 5)
            row.edits.push_back(
                random_edit(info, Site::residual, 0, Operation::add, places[below(8)], seed, 3e38f));
        switch (below(4)) {
            case 0: row.forced = {5, 6, static_cast<Token>(7 + below(20))}; break;
            case 1: row.want_logits = true; break;
            default: row.max_new_tokens = 1 + below(12);
        }
        row.sampling.temperature = below(2) ? 1.1f : 0.0f;
        row.sampling.seed = static_cast<std::uint32_t>(i);
        if (below(3) == 0) row.sampling.repetition_penalty = 1.3f;
        row.want_logprobs = below(2);
        row.n_top_each = below(3);
        row.want_prompt_logprobs = below(10) == 0;
        if (below(3) == 0)
            row.captures.push_back({kAllSites[below(4)],
                                    0,
                                    2,
                                    {below(2) ? Positions::Kind::last_prompt : Positions::Kind::all, 0, 0},
                                    below(2) == 0});
        if (row.captures_only() && row.captures.empty()) row.n_top = 3;
        rows.push_back(std::move(row));
    }
    return rows;
}

/// Each row by itself, in a run() that forgets what came before.
inline std::vector<RowResult> each_alone(const std::shared_ptr<const Model>& model,
                                         const EngineOptions& options, const std::vector<Row>& rows) {
    std::vector<RowResult> results;
    Engine engine(model, options);
    for (const Row& row : rows) results.push_back(engine.run({&row, 1})[0]);
    return results;
}

/// Lets rows arrive, be cancelled and be computed in a random order, and compares each with itself alone.
/// Returns how many tokens of prompts came from the cache.
inline std::uint64_t random_schedule(Engine& engine, const std::vector<Row>& rows,
                                     const std::vector<RowResult>& alone, unsigned seed) {
    std::mt19937 random(seed);
    const auto below = [&](int m) { return static_cast<int>(random() % static_cast<unsigned>(m)); };
    StepperOptions options;
    options.n_rows = 1 + below(9);
    options.n_spare = below(6);
    options.row_tokens = 128;
    const int chunks[] = {4, 8, 20, 128, 512};
    options.prompt_chunk = chunks[below(5)];
    options.prompt_outputs = below(2) * 40;
    Stepper stepper(engine, options);
    struct Seen {
        std::size_t row = 0;
        std::string text;
        std::vector<Token> tokens;
        int n_end = 0;
        Finish finish = Finish::unfinished;
    };
    std::map<RowId, Seen> seen;
    std::map<RowId, std::shared_ptr<std::atomic<bool>>> flags;
    std::vector<RowId> cancelled;
    int left = 10 + below(20);
    for (bool more = true; more || left > 0;) {
        for (int n = left > 0 ? below(4) : 0; n > 0 && left > 0; --n, --left) {
            const auto r = static_cast<std::size_t>(below(static_cast<int>(rows.size())));
            auto flag = std::make_shared<std::atomic<bool>>(false);
            const RowId id = stepper.add(
                rows[r],
                [&](const TokenEvent& event) {
                    Seen& s = seen[event.row];
                    s.text += event.text;
                    if (event.token >= 0) s.tokens.push_back(event.token);
                    s.n_end += event.finish != Finish::unfinished;
                    s.finish = event.finish;
                    return true;
                },
                flag);
            seen[id].row = r;
            flags[id] = flag;
        }
        if (below(6) == 0 && !seen.empty()) {
            auto it = seen.begin();
            std::advance(it, below(static_cast<int>(seen.size())));
            cancelled.push_back(it->first);
            if (below(2))
                stepper.cancel(it->first);
            else
                *flags[it->first] = true;
        }
        more = stepper.step();
    }
    for (const auto& [id, s] : seen) {
        const auto result = stepper.take(id);
        EXPECT_TRUE(result.has_value()) << "row " << s.row << " never ended, seed " << seed;
        if (!result) continue;
        const std::string where = "row " + std::to_string(s.row) + ", seed " + std::to_string(seed);
        EXPECT_EQ(s.n_end, 1) << where;
        EXPECT_EQ(s.finish, result->finish) << where;
        if (rows[s.row].forced.empty()) {
            EXPECT_EQ(s.text, valid_utf8(result->text_before_stop())) << where;
        }
        const RowResult& expected = alone[s.row];
        if (result->finish == Finish::cancelled) {
            EXPECT_EQ(std::count(cancelled.begin(), cancelled.end(), id) > 0, true) << where;
            EXPECT_TRUE(
                result->generated.size() <= expected.generated.size() &&
                std::equal(result->generated.begin(), result->generated.end(), expected.generated.begin()))
                << where;
            continue;
        }
        EXPECT_EQ(difference(*result, expected), "")
            << where << ", rows " << options.n_rows << ", chunk " << options.prompt_chunk;
    }
    return stepper.stats().n_reused_token;
}

}  // namespace tiller::test

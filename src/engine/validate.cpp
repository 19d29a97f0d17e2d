#include "engine/validate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/util.h"
#include "engine/model_handle.h"
#include "tiller/error.h"

namespace tiller::engine {
namespace {

// Why these positions make no sense in any row; empty when they do.
std::string positions_problem(const Positions& p) {
    if (p.kind == Positions::Kind::range && (p.begin < 0 || p.end <= p.begin))
        return fmt::format("positions [{}, {}) are empty or negative", p.begin, p.end);
    if (p.kind == Positions::Kind::last_k && p.end < 1)
        return fmt::format("the last {} positions, expected at least 1", p.end);
    return {};
}

void validate_edit(std::size_t row, const Edit& edit, const ModelInfo& info, const SiteMap& sites) {
    const auto refuse = [&](Code code, const std::string& what) {
        throw Error(code, fmt::format("row {}: {} edit at {}: {}", row, operation_name(edit.operation),
                                      site_name(edit.site), what));
    };
    if (edit.layer < 0 || edit.layer >= info.n_layer)
        refuse(Code::usage, fmt::format("layer {} does not exist, {} has layers 0 to {}", edit.layer,
                                        info.name, info.n_layer - 1));
    if (!sites.at(edit.site, edit.layer).present)
        refuse(Code::unsupported,
               fmt::format("architecture {} has no such site in layer {}", info.architecture, edit.layer));
    const auto il = static_cast<std::size_t>(edit.layer);
    if (edit.head >= 0 && edit.site != Site::head_output) refuse(Code::usage, "only head_output has heads");
    if (edit.head < -1 || edit.head >= info.n_head[il])
        refuse(Code::usage, fmt::format("head {} does not exist, layer {} has {} heads", edit.head,
                                        edit.layer, info.n_head[il]));
    const int expected = edit.head >= 0 ? info.d_head[il] : site_width(info, edit.site, edit.layer);
    const std::size_t n_value = edit.vector ? edit.vector->size() : 0;
    if (!fits_width(edit.operation, n_value, static_cast<std::size_t>(expected)))
        refuse(Code::usage,
               edit.operation == Operation::project
                   ? fmt::format("the vector has {} values, expected a multiple of {} (the centre, then rows "
                                 "of W), at least {}",
                                 n_value, expected, 2 * expected)
                   : fmt::format("the vector has {} values, expected {}", n_value, expected));
    if (const auto problem = positions_problem(edit.positions); !problem.empty())
        refuse(Code::usage, problem);
    if (!std::isfinite(edit.strength))
        refuse(Code::usage, fmt::format("the strength is {}, expected a finite number", edit.strength));
}

void validate_capture(std::size_t r, const Row& row, const Capture& capture, const ModelInfo& info,
                      const SiteMap& sites) {
    const auto refuse = [&](Code code, const std::string& what) {
        throw Error(code, fmt::format("row {}: capture at {}: {}", r, site_name(capture.site), what));
    };
    const int begin = capture.layer_begin, end = capture.layer_end == -1 ? info.n_layer : capture.layer_end;
    if (begin < 0 || end > info.n_layer || begin >= end)
        refuse(Code::usage,
               fmt::format("layers [{}, {}) do not exist, the model has {}", begin, end, info.n_layer));
    for (int il = begin; il < end; ++il) {
        if (!sites.at(capture.site, il).present)
            refuse(Code::unsupported,
                   fmt::format("architecture {} has no such site in layer {}", info.architecture, il));
        const int first = site_width(info, capture.site, begin), width = site_width(info, capture.site, il);
        if (width != first)
            refuse(Code::unsupported,
                   fmt::format("layers {} and {} differ in width ({} and {}); capture them one by one", begin,
                               il, first, width));
    }
    if (const auto problem = positions_problem(capture.positions); !problem.empty())
        refuse(Code::usage, problem);
    const int n_prompt = static_cast<int>(row.prompt.size());
    const int n = static_cast<int>(row.n_token());
    int position = 0;
    while (position < n && !capture.positions.contains(position, n_prompt)) ++position;
    if (position == n) refuse(Code::usage, fmt::format("chooses none of the {} positions of its row", n));
}

// How tokens are chosen and where generation stops.
void validate_choices(std::size_t r, const Row& row, const ModelInfo& info) {
    const auto refuse = [r](const std::string& what) {
        throw Error(Code::usage, fmt::format("row {}: {}", r, what));
    };
    const Sampling& s = row.sampling;
    if (!(s.temperature >= 0) || !std::isfinite(s.temperature) || !(s.top_p > 0 && s.top_p <= 1) ||
        s.top_k < 0)
        refuse(fmt::format("temperature {}, top-p {}, top-k {}: expected >= 0, in (0, 1], >= 0",
                           s.temperature, s.top_p, s.top_k));
    if (!(s.min_p >= 0 && s.min_p <= 1)) refuse(fmt::format("min-p {}, expected in [0, 1]", s.min_p));
    if (!std::isfinite(s.presence_penalty) || !std::isfinite(s.frequency_penalty))
        refuse(fmt::format("presence penalty {}, frequency penalty {}: expected finite numbers",
                           s.presence_penalty, s.frequency_penalty));
    if (!(s.repetition_penalty > 0) || !std::isfinite(s.repetition_penalty))
        refuse(fmt::format("repetition penalty {}, expected a finite number above 0", s.repetition_penalty));
    for (const TokenBias& b : s.bias) {
        if (b.token < 0 || b.token >= info.n_vocab)
            refuse(fmt::format("a bias for token {}, which is outside of the vocabulary of {}", b.token,
                               info.n_vocab));
        if (!std::isfinite(b.bias))
            refuse(fmt::format("the bias of token {} is {}, expected a finite number", b.token, b.bias));
    }
    for (const std::string& text : row.stop) {
        if (text.empty())
            refuse("a stop text is empty and would end every text before it begins; leave it out");
        if (!is_valid_utf8(text)) refuse("a stop text is not valid UTF-8 and could end within a character");
    }
    if (row.n_top_each < 0)
        refuse(fmt::format("the {} most likely tokens at each place, expected 0 or more", row.n_top_each));
}

// The sliding window that the file asks for and the engine does not apply (Phi-3); 0 when there
// is none. Up to that many tokens the window changes nothing.
std::int64_t ignored_window(const Model& model) {
    const Model::Handle& h = model.handle();
    const auto window = h.parts.front()->integer(h.info.architecture + ".attention.sliding_window");
    return window && llama_model_n_swa(h.llama.get()) == 0 ? std::max<std::int64_t>(*window, 0) : 0;
}

}  // namespace

void validate_rows(std::span<const Row> rows, const Model& model, const SiteMap& sites) {
    const ModelInfo& info = model.info();
    const std::int64_t window = ignored_window(model);
    std::set<const std::vector<float>*> checked;
    for (std::size_t r = 0; r < rows.size(); ++r) {
        const Row& row = rows[r];
        if (row.prompt.empty())
            throw Error(
                Code::usage,
                fmt::format("row {} has no tokens; give at least one (a model without BOS cannot start from "
                            "an empty prompt)",
                            r));
        if (!row.forced.empty() && row.max_new_tokens > 0)
            throw Error(Code::usage,
                        fmt::format("row {} asks for forced and for sampled tokens; ask for one of them", r));
        if (row.max_new_tokens < 0)
            throw Error(Code::usage, fmt::format("row {} asks for {} tokens", r, row.max_new_tokens));
        if (row.n_top < 0)
            throw Error(Code::usage, fmt::format("row {} asks for the {} most likely tokens", r, row.n_top));
        validate_choices(r, row, info);
        for (const auto* tokens : {&row.prompt, &row.forced, &row.watch})
            for (Token t : *tokens)
                if (t < 0 || t >= info.n_vocab)
                    throw Error(Code::usage,
                                fmt::format("row {}: token {} is outside of the vocabulary of {}", r, t,
                                            info.n_vocab));
        const std::size_t length = row.n_token();
        if (length > static_cast<std::size_t>(info.n_ctx_train))
            throw Error(Code::bad_input, fmt::format("row {} needs {} tokens (prompt {}, continuation {}), "
                                                     "the context of {} holds {}; use fewer "
                                                     "shots or a shorter prompt",
                                                     r, length, row.prompt.size(), length - row.prompt.size(),
                                                     info.name, info.n_ctx_train));
        if (window > 0 && length > static_cast<std::size_t>(window))
            throw Error(
                Code::unsupported,
                fmt::format("row {} needs {} tokens, but the engine does not apply the sliding window of "
                            "{} tokens that {} (architecture {}) asks for, and its numbers would be "
                            "wrong beyond it; use at most {} tokens (fewer shots, shorter prompts)",
                            r, length, window, info.name, info.architecture, window));
        for (const Edit& edit : row.edits) {
            validate_edit(r, edit, info, sites);
            if (!checked.insert(edit.vector.get()).second) continue;
            for (std::size_t i = 0; i < edit.vector->size(); ++i)
                if (!std::isfinite((*edit.vector)[i]))
                    throw Error(
                        Code::usage,
                        fmt::format("row {}: value {} of a steering vector is {}, expected a finite number",
                                    r, i, (*edit.vector)[i]));
        }
        for (const Capture& capture : row.captures) validate_capture(r, row, capture, info, sites);
    }
}

void validate_fork(std::span<const Row> rows) {
    for (std::size_t r = 0; r < rows.size(); ++r) {
        if (rows[r].want_prompt_logprobs)
            throw Error(Code::usage,
                        fmt::format("fork: row {} wants log-probabilities of its prompt, which is computed "
                                    "once for all rows; use run",
                                    r));
        const int n = static_cast<int>(rows[r].prompt.size());
        const auto early = [n](const Positions& p) {
            for (int i = 0; i < n - 1; ++i)
                if (p.contains(i, n)) return true;
            return false;
        };
        for (const Edit& edit : rows[r].edits)
            if (early(edit.positions))
                throw Error(Code::usage,
                            fmt::format("fork: row {} edits tokens before the last of the prompt, which rows "
                                        "share; use run",
                                        r));
        for (const Capture& c : rows[r].captures)
            if (early(c.positions))
                throw Error(
                    Code::usage,
                    fmt::format("fork: row {} captures tokens before the last of the prompt; use run", r));
    }
}

}  // namespace tiller::engine

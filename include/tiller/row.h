// One sequence to run with everything that is done to it and read from it, and what came of it.
// No engine in this header: rows are plain data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tiller/edit.h"
#include "tiller/model.h"

namespace tiller {

/// Added to one token's logit before a token is drawn.
struct TokenBias {
    Token token = 0;
    float bias = 0;  ///< Finite.
};

/// How tokens are chosen. Biases come first, then penalties, temperature, top-k, top-p and min-p, in this
/// order. temperature 0 = greedy (ties: the lower token id): the largest logit after biases and penalties.
struct Sampling {
    float temperature = 0.0f;  ///< >= 0.
    float top_p = 1.0f;        ///< (0, 1].
    int top_k = 0;             ///< 0 = off.
    std::uint32_t seed = 0;    ///< Of this row.
    float min_p = 0.0f;        ///< [0, 1]: tokens below min_p times the likeliest one's probability are out.
    /// Subtracted from the logit of a token that was generated already (the prompt does not count). Finite.
    float presence_penalty = 0.0f;
    float frequency_penalty = 0.0f;  ///< The same, once for each time it was generated. Finite.
    /// Positive logits of tokens in prompt or generated text are divided by it, negative ones multiplied
    /// (arXiv 1909.05858). > 0; 1 = off.
    float repetition_penalty = 1.0f;
    std::vector<TokenBias> bias = {};  ///< Biases of a token that is listed twice are added up.
};

/// One sequence to run, with everything that is to be done to it and read from it.
struct Row {
    std::vector<Token> prompt;  ///< At least one token.
    std::vector<Edit> edits;    ///< Where several act on one activation, they act in this order.
    std::vector<Capture> captures;
    std::vector<Token> forced;  ///< Teacher-forced continuation; its log-probabilities are returned.
    int max_new_tokens = 0;     ///< Sampled tokens after the prompt. Not together with `forced`.
    Sampling sampling = {};
    /// Generation stops once the text without its leading blanks contains one of these. Valid UTF-8, none
    /// empty.
    std::vector<std::string> stop;
    bool stop_in_blanks = false;  ///< Leading blanks of the text count as well, as for OpenAI's servers.
    int n_top = 0;                ///< Top tokens of the distribution after the prompt.
    std::vector<Token> watch;     ///< Tokens whose log-probability and rank after the prompt are wanted.
    bool want_logits = false;     ///< All n_vocab logits after the prompt.
    bool want_logprobs = false;   ///< Log-probabilities of the generated tokens.
    int n_top_each = 0;  ///< Top tokens of the distribution at every generated or forced token; 0 = none.
    /// Log-probabilities of the prompt's own tokens, and n_top_each at each of them. The row then computes
    /// its whole prompt itself, whatever others have of it. Not in Engine::fork().
    bool want_prompt_logprobs = false;

    /// Tokens of the prompt and the longest continuation together.
    std::size_t n_token() const {
        return prompt.size() + forced.size() + static_cast<std::size_t>(max_new_tokens);
    }
    /// Does no result depend on logits from the last prompt token on? The output head is then skipped there.
    bool captures_only() const {
        return forced.empty() && max_new_tokens == 0 && n_top == 0 && watch.empty() && !want_logits;
    }
};

/// Log-probabilities are of the model's own distribution, steered by the row's edits, before biases,
/// penalties and temperature.
struct TokenLogprob {
    Token token = 0;
    float logprob = 0;  ///< Natural log-probability over the whole vocabulary.
};

/// Why a row ended.
enum class Finish {
    unfinished,  ///< It has not.
    end_token,   ///< An end-of-generation token was drawn.
    stop_text,   ///< One of Row::stop was met.
    length,      ///< Everything that was asked for is computed.
    cancelled,   ///< The caller ended it; what was computed before is in the result.
    broken,      ///< Logits or captured values were NaN or infinite.
};
/// "unfinished", "end_token", "stop_text", "length", "cancelled" or "broken".
const char* finish_name(Finish finish) noexcept;

/// What came of a Row.
struct RowResult {
    std::vector<TokenLogprob> top;     ///< n_top entries, most likely first (ties: lower id).
    std::vector<float> watch_logprob;  ///< One per Row::watch.
    std::vector<int> watch_rank;       ///< 0 = most likely. One per Row::watch.
    std::vector<float> logits;         ///< [n_vocab] when wanted.
    /// [prompt.size() - 1] when wanted: entry i is of prompt token i + 1 after those before it.
    std::vector<float> prompt_logprob;
    /// [prompt.size() - 1][n_top_each]: the likeliest tokens in the place of each of these tokens.
    std::vector<std::vector<TokenLogprob>> prompt_top;
    std::vector<float> forced_logprob;     ///< One per Row::forced.
    std::vector<Token> generated;          ///< Without the end-of-generation token.
    std::vector<float> generated_logprob;  ///< One per `generated` when wanted.
    /// [generated or forced token][n_top_each]: the likeliest tokens in its place, as in `top`.
    std::vector<std::vector<TokenLogprob>> top_each;
    std::string text;     ///< Of `generated`; may end within a UTF-8 character.
    bool ended = false;   ///< End-of-generation token or stop text met.
    bool broken = false;  ///< Logits or captured values were NaN or infinite. At such logits the row ended;
                          ///< missing log-probabilities of watched and forced tokens are -infinity.
    Finish finish = Finish::unfinished;
    /// Prompt tokens copied from other rows: the only result that depends on other rows.
    int n_reused_token = 0;
    std::size_t stop_at = std::string::npos;  ///< Byte of `text` at which the stop text begins, or npos.
    std::vector<Captured> captured;           ///< One per Row::captures.

    /// The text before the stop text.
    std::string_view text_before_stop() const { return std::string_view(text).substr(0, stop_at); }
};

}  // namespace tiller

#include "tiller/inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/util.h"
#include "engine/shift.h"
#include "methods/text_kl.h"
#include "tiller/error.h"

namespace tiller {
namespace {

std::vector<float> strengths_of(const InspectOptions& options) {
    std::vector<float> strengths = options.strengths;
    for (const float s : strengths)
        if (!std::isfinite(s))
            throw Error(Code::usage, fmt::format("a strength is {}, expected a finite number", s),
                        Topic::scales);
    if (std::find(strengths.begin(), strengths.end(), 0.0f) == strengths.end()) strengths.push_back(0);
    std::sort(strengths.begin(), strengths.end());
    if (const auto twice = std::adjacent_find(strengths.begin(), strengths.end()); twice != strengths.end())
        throw Error(Code::usage, fmt::format("the strength {} is there twice", *twice), Topic::scales);
    return strengths;
}

std::vector<Edit> at_strength(std::span<const Edit> edits, float strength) {
    if (strength == 0) return {};
    std::vector<Edit> out(edits.begin(), edits.end());
    for (Edit& edit : out) edit.strength *= strength;
    return out;
}

// Fills in the log-probabilities and divergences of a text. Where a steered number is not finite the text
// broke: this token and those after it are dropped.
void compare(Engine& engine, std::span<const Token> prompt, std::span<const Edit> edits,
             InspectedText& text) {
    const std::size_t n = text.tokens.size();
    SteeredText read{{prompt.begin(), prompt.end()}, {}};
    for (const auto& token : text.tokens) read.continuation.push_back(token.token);
    std::vector<Row> rows = rows_of_places(read, {}, n);
    if (text.strength != 0)
        for (Row& row : rows_of_places(read, at_strength(edits, text.strength), n))
            rows.push_back(std::move(row));
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i].watch = {text.tokens[i % n].token};
    const auto results = engine.run(rows);
    for (std::size_t i = 0; i < n; ++i) {
        const RowResult& unsteered = results[i];
        const RowResult& steered = results[text.strength == 0 ? i : n + i];
        if (unsteered.broken)
            throw Error(Code::bad_input, fmt::format("{} gives NaN or infinity on this text without any edit",
                                                     engine.info().name));
        if (steered.broken) {
            text.broken = true;
            text.tokens.resize(i);
            return;
        }
        InspectedToken& token = text.tokens[i];
        token.logprob_unsteered = static_cast<double>(unsteered.watch_logprob[0]);
        token.logprob_steered = static_cast<double>(steered.watch_logprob[0]);
        token.kl = text.strength == 0 ? 0 : engine::shift_of(steered.logits, unsteered.logits).kl;
    }
}

template <class Value>
double mean_of(std::span<const InspectedToken> tokens, const Value& value) {
    double sum = 0;
    for (const auto& token : tokens) sum += value(token);
    return tokens.empty() ? 0 : sum / static_cast<double>(tokens.size());
}

}  // namespace

std::string InspectedText::text() const {
    std::string text;
    for (const auto& token : tokens) text += token.text;
    return valid_utf8(text);
}

double InspectedText::mean_kl() const {
    return mean_of(tokens, [](const InspectedToken& t) { return t.kl; });
}

double InspectedText::perplexity() const {
    return tokens.empty() ? 0 : std::exp(-mean_of(tokens, [](const auto& t) { return t.logprob_unsteered; }));
}

std::vector<InspectedText> inspect(Engine& engine, std::span<const Token> prompt, std::span<const Edit> edits,
                                   const InspectOptions& options) {
    if (edits.empty()) throw Error(Code::usage, "nothing to inspect: no vector is applied", Topic::vector);
    if (options.n_token < 1)
        throw Error(Code::usage, fmt::format("{} new tokens: expected at least 1", options.n_token));
    std::vector<InspectedText> texts;
    std::vector<Row> rows;
    for (const float strength : strengths_of(options)) {
        texts.emplace_back().strength = strength;
        Row row;
        row.prompt.assign(prompt.begin(), prompt.end());
        row.edits = at_strength(edits, strength);
        row.max_new_tokens = options.n_token;
        rows.push_back(std::move(row));
    }
    const auto results = engine.run(rows);
    for (std::size_t i = 0; i < texts.size(); ++i) {
        texts[i].ended = results[i].ended;
        texts[i].broken = results[i].broken;
        for (const Token token : results[i].generated)
            texts[i].tokens.push_back({token, engine.model().text({&token, 1}), 0, 0, 0});
        compare(engine, prompt, edits, texts[i]);
    }
    return texts;
}

std::vector<InspectedToken> whole_characters(std::span<const InspectedToken> tokens) {
    std::vector<InspectedToken> out;
    bool open = false;  // does the last of `out` end within a character?
    for (const auto& token : tokens) {
        if (open) {
            out.back().text += token.text;
            out.back().logprob_unsteered += token.logprob_unsteered;
            out.back().logprob_steered += token.logprob_steered;
            out.back().kl += token.kl;
        } else {
            out.push_back(token);
        }
        // A character has at most four bytes: four bytes that are not valid UTF-8 are not its beginning.
        open = !is_valid_utf8(out.back().text) && out.back().text.size() < 4;
    }
    for (auto& token : out) token.text = valid_utf8(token.text);
    return out;
}

}  // namespace tiller

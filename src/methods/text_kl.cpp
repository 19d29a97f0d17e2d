#include "methods/text_kl.h"

#include <algorithm>
#include <limits>

#include "engine/shift.h"
#include "tiller/error.h"

namespace tiller {
namespace {

constexpr int kEnd = std::numeric_limits<int>::max();

Positions fixed(const Positions& positions, int n_prompt) {
    switch (positions.kind) {
        case Positions::Kind::last_prompt: return {Positions::Kind::range, n_prompt - 1, n_prompt};
        case Positions::Kind::last_k:
            return {Positions::Kind::range, std::max(0, n_prompt - positions.end), n_prompt};
        case Positions::Kind::prompt: return {Positions::Kind::range, 0, n_prompt};
        case Positions::Kind::generated: return {Positions::Kind::range, n_prompt, kEnd};
        case Positions::Kind::steered: return {Positions::Kind::range, n_prompt - 1, kEnd};
        case Positions::Kind::all:
        case Positions::Kind::range: break;
    }
    return positions;
}

[[noreturn]] void broke() {
    throw Error(Code::bad_input,
                "the vector drives the model's numbers to infinity or NaN on these prompts, so that there is "
                "nothing to compare with; use a smaller strength",
                Topic::scales);
}

}  // namespace

std::vector<Edit> fixed_to(std::span<const Edit> edits, std::size_t n_prompt) {
    std::vector<Edit> out(edits.begin(), edits.end());
    for (Edit& edit : out) edit.positions = fixed(edit.positions, static_cast<int>(n_prompt));
    return out;
}

std::vector<SteeredText> steered_texts(Engine& engine, std::span<const std::vector<Token>> prompts,
                                       std::span<const Edit> edits, int n_token) {
    std::vector<Row> rows;
    for (const auto& prompt : prompts) {
        Row row;
        row.prompt = prompt;
        row.edits.assign(edits.begin(), edits.end());
        row.max_new_tokens = n_token;
        rows.push_back(std::move(row));
    }
    const auto results = engine.run(rows);
    std::vector<SteeredText> texts;
    for (std::size_t i = 0; i < results.size(); ++i) {
        if (results[i].broken) broke();
        texts.push_back({prompts[i], results[i].generated});
    }
    return texts;
}

std::vector<Row> rows_of_places(const SteeredText& text, std::span<const Edit> edits, std::size_t n_place) {
    Row row;
    row.prompt = text.prompt;
    row.edits = fixed_to(edits, text.prompt.size());
    row.want_logits = true;
    std::vector<Row> rows;
    for (std::size_t place = 0; place < n_place; ++place) {
        if (place > 0) row.prompt.push_back(text.continuation[place - 1]);
        rows.push_back(row);
    }
    return rows;
}

TextKl text_kl(Engine& engine, const SteeredText& text, std::span<const Edit> original,
               std::span<const std::vector<Edit>> candidates) {
    TextKl out;
    out.n_place = std::max<std::size_t>(1, text.continuation.size());
    // Way 0 is `original`, way i is candidates[i - 1].
    std::vector<Row> rows = rows_of_places(text, original, out.n_place);  // [way][place]
    for (const auto& candidate : candidates)
        for (Row& row : rows_of_places(text, candidate, out.n_place)) rows.push_back(std::move(row));
    const auto results = engine.run(rows);
    for (std::size_t way = 1; way <= candidates.size(); ++way) {
        double sum = 0;
        for (std::size_t place = 0; place < out.n_place; ++place) {
            const RowResult &a = results[place], &b = results[way * out.n_place + place];
            if (a.broken) broke();
            sum +=
                b.broken ? std::numeric_limits<double>::infinity() : engine::shift_of(a.logits, b.logits).kl;
        }
        out.sums.push_back(sum);
    }
    return out;
}

}  // namespace tiller

// The nearest vector that is only added to the residual stream: the mean change that each edit makes, times
// one factor for all layers.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "core/names.h"
#include "engine/operations.h"
#include "methods/text_kl.h"
#include "tiller/error.h"
#include "tiller/export.h"

namespace tiller {
namespace {

constexpr float kFactors[] = {0.25f, 0.35f, 0.5f, 0.71f, 1.0f, 1.41f, 2.0f};

/// Changes of the residual stream, summed over tokens; by layer, [n_embd].
struct Changes {
    std::map<int, std::vector<double>> sums;
    std::size_t n_token = 0;
};

// Captures the residual stream of one layer at each of the tokens that `positions` chooses.
Capture residual_at(int layer, const Positions& positions) {
    return {Site::residual, layer, layer + 1, positions, false};
}

// Adds weight times each row of `values` [n_token][sum.size()] to `sum`.
void add(std::vector<double>& sum, std::span<const float> values, double weight) {
    const std::size_t width = sum.size();
    for (std::size_t i = 0; i < values.size(); ++i) sum[i % width] += weight * static_cast<double>(values[i]);
}

// Number of chosen positions in a prompt of n_token tokens.
std::size_t count(const Positions& positions, std::size_t n_token) {
    std::size_t n = 0;
    for (std::size_t i = 0; i < n_token; ++i)
        n += positions.contains(static_cast<int>(i), static_cast<int>(n_token));
    return n;
}

// The positions without the first token of the text; unchanged where no other token is left. Activations of
// the first token are many times larger than all others (an attention sink), so that its change would
// dominate the mean.
Positions without_first(const Positions& positions, std::size_t n_token) {
    Positions rest = positions;
    if (rest.kind == Positions::Kind::all)
        rest = {Positions::Kind::range, 1, std::numeric_limits<int>::max()};
    else if (rest.kind == Positions::Kind::range && rest.begin == 0)
        rest.begin = 1;
    return rest.begin < rest.end && count(rest, n_token) > 0 ? rest : positions;
}

// Measures on texts how much the edits change the residual stream after each layer of `kept`, the layers that
// have a direction in the result. The change at the first of them includes the effect of edits in earlier
// layers.
class ChangeMeter {
public:
    ChangeMeter(Engine& engine, std::span<const Edit> edits, std::set<int> kept)
        : engine_(engine), edits_(edits.begin(), edits.end()), kept_(std::move(kept)) {
        std::sort(edits_.begin(), edits_.end(),
                  [](const Edit& a, const Edit& b) { return a.layer < b.layer; });
    }

    void add_text(const SteeredText& text, Changes& changes) const {
        const std::vector<Edit> edits = fixed_to(edits_, text.prompt.size());
        std::vector<Token> tokens = text.prompt;
        tokens.insert(tokens.end(), text.continuation.begin(), text.continuation.end());
        const Positions where = without_first(edits[0].positions, tokens.size());
        const std::size_t n_touched = count(where, tokens.size());
        if (n_touched == 0) return;  // the model ended its text before the first token to steer
        changes.n_token += n_touched;

        // Two rows for each kept layer, without and with its edit; the edits of earlier layers are in both.
        // For the first kept layer the row without has no edits at all.
        std::vector<Row> rows;
        for (const int layer : kept_) {
            const bool first = layer == *kept_.begin();
            for (const bool with : {false, true}) {
                Row row;
                row.prompt = tokens;
                for (const Edit& edit : edits)
                    if (edit.layer < layer ? with || !first : with && edit.layer == layer)
                        row.edits.push_back(edit);
                row.captures.push_back(residual_at(layer, where));
                rows.push_back(std::move(row));
            }
        }
        auto results = engine_.run(rows);
        const auto width = static_cast<std::size_t>(engine_.info().n_embd);
        std::size_t r = 0;
        for (const int layer : kept_) {
            auto& sum = changes.sums.try_emplace(layer, width, 0.0).first->second;
            add(sum, results[r++].captured[0].values, -1);
            std::vector<float> after = std::move(results[r++].captured[0].values);
            // A capture reads the activation before the edits at its own site, so these are applied here.
            for (const Edit& edit : edits)
                if (edit.layer == layer && edit.site == Site::residual)
                    for (std::size_t at = 0; at < after.size(); at += width)
                        engine::apply(edit.operation, std::span(after).subspan(at, width), *edit.vector,
                                      edit.strength);
            add(sum, after, 1);
        }
    }

private:
    Engine& engine_;
    std::vector<Edit> edits_;  // by rising layer
    std::set<int> kept_;
};

// The layers of the result: the vector's, with 1 in place of 0 where the format has no layer 0.
std::set<int> kept_layers(const SteeringVector& vector, int n_layer, ExportFormat format) {
    std::set<int> kept;
    for (const auto& [layer, direction] : vector.directions) kept.insert(layer);
    if (format == ExportFormat::llama_cpp && kept.erase(0) > 0) {
        if (n_layer < 2)
            throw Error(Code::usage, "the model has one layer, and llama.cpp never steers layer 0");
        kept.insert(1);
    }
    return kept;
}

SteeringVector times(const SteeringVector& vector, float factor) {
    SteeringVector out = vector;
    for (auto& [layer, direction] : out.directions)
        for (float& value : direction) value *= factor;
    return out;
}

// text_kl() summed over texts.
TextKl kl_over(Engine& engine, std::span<const SteeredText> texts, std::span<const Edit> original,
               std::span<const std::vector<Edit>> candidates, const std::function<void()>& step) {
    TextKl all{std::vector<double>(candidates.size(), 0.0), 0};
    for (const auto& text : texts) {
        const TextKl one = text_kl(engine, text, original, candidates);
        for (std::size_t i = 0; i < one.sums.size(); ++i) all.sums[i] += one.sums[i];
        all.n_place += one.n_place;
        step();
    }
    return all;
}

void note_origin(NearestAdditive& result, const SteeringVector& original, float strength, int n_token) {
    auto& settings = result.vector.provenance.settings;
    settings["export.operation"] = operation_name(original.operation);
    settings["export.site"] = site_name(original.site);
    settings["export.positions"] = positions_name(original.positions);
    settings["export.strength"] = fmt::format("{}", strength);
    settings["export.factor"] = fmt::format("{}", result.factor);
    settings["export.kl"] = fmt::format("{:.6g}", result.kl);
    settings["export.kl_unsteered"] = fmt::format("{:.6g}", result.kl_unsteered);
    settings["export.prompts"] = fmt::format("{}", result.n_prompt);
    settings["export.tokens"] = fmt::format("{}", n_token);
}

}  // namespace

NearestAdditive nearest_additive(Engine& engine, const SteeringVector& vector, float strength,
                                 std::span<const std::vector<Token>> fit,
                                 std::span<const std::vector<Token>> held_out, ExportFormat format,
                                 const NearestOptions& options) {
    if (fit.empty() || held_out.empty() || options.n_token < 1)
        throw Error(Code::usage,
                    fmt::format("{} prompts to fit, {} to measure on, {} tokens of each: expected at "
                                "least one of each",
                                fit.size(), held_out.size(), options.n_token));
    const std::vector<Edit> original = edits_of(vector, strength);
    const auto kept = kept_layers(vector, engine.info().n_layer, format);
    std::size_t done = 0;
    const auto step = [&] {
        if (options.progress) options.progress(++done, 2 * fit.size() + held_out.size());
    };

    const auto texts = steered_texts(engine, fit, original, options.n_token);
    Changes changes;
    const ChangeMeter meter(engine, original, kept);
    for (const auto& text : texts) {
        meter.add_text(text, changes);
        step();
    }
    if (changes.n_token == 0)
        throw Error(
            Code::bad_input,
            fmt::format("the vector touches no token: it works at {} positions and the model ends every "
                        "text before the first of them; give other prompts",
                        positions_name(vector.positions)));
    SteeringVector added = vector;
    added.operation = Operation::add;
    added.site = Site::residual;
    added.positions = Positions::Kind::all;
    added.directions.clear();
    for (const auto& [layer, sum] : changes.sums)
        for (const double value : sum)
            added.directions[layer].push_back(
                static_cast<float>(value / static_cast<double>(changes.n_token)));

    std::vector<std::vector<Edit>> candidates;
    for (const float factor : kFactors) candidates.push_back(edits_of(times(added, factor), 1));
    const TextKl of_factors = kl_over(engine, texts, original, candidates, step);
    const auto best = static_cast<std::size_t>(
        std::min_element(of_factors.sums.begin(), of_factors.sums.end()) - of_factors.sums.begin());

    NearestAdditive result;
    result.factor = kFactors[best];
    const std::vector<std::vector<Edit>> measured{candidates[best], {}};
    const TextKl of_held_out =
        kl_over(engine, steered_texts(engine, held_out, original, options.n_token), original, measured, step);
    const auto n = static_cast<double>(of_held_out.n_place);
    result.kl = of_held_out.sums[0] / n;
    result.kl_unsteered = of_held_out.sums[1] / n;
    result.n_prompt = static_cast<int>(held_out.size());
    result.n_place = of_held_out.n_place;
    result.vector = exact_export(times(added, result.factor), 1, format);
    note_origin(result, vector, strength, options.n_token);
    return result;
}

}  // namespace tiller

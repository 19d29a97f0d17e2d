#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/names.h"
#include "core/util.h"
#include "vectors/gguf_reader.h"
#include "vectors/vector_format.h"

namespace tiller {
namespace {

void check_finite(const std::vector<float>& values, const std::string& what, const Checked& checked) {
    for (std::size_t i = 0; i < values.size(); ++i)
        if (!std::isfinite(values[i]))
            reject(checked, fmt::format("{}[{}]", what, i), fmt::format("{}", values[i]), "a finite number");
}

void check_text(const std::string& text, const char* what, const Checked& checked) {
    if (text.size() > gguf::max_string_bytes)
        reject(checked, what, fmt::format("{} bytes long", text.size()),
               fmt::format("at most {} bytes", gguf::max_string_bytes));
    if (!is_valid_utf8(text)) reject(checked, what, printable(text), "valid UTF-8");
}

void check_application(const SteeringVector& vector, const Checked& checked) {
    if (vector.method.empty()) reject(checked, "method", "empty", "a name");
    if (vector.site == Site::head_output)  // its width is not n_embd
        reject(checked, "site", "head_output", "attention_output, mlp_output or residual");
    if (vector.positions == Positions::Kind::last_k || vector.positions == Positions::Kind::range)
        reject(checked, "positions", positions_name(vector.positions),
               "last_prompt, prompt, generated, steered or all (a vector holds no bounds)");
    if (!std::isfinite(vector.scale))
        reject(checked, "scale", fmt::format("{}", vector.scale), "a finite number");
}

void check_directions(const SteeringVector& vector, const Checked& checked) {
    const Provenance& from = vector.provenance;
    if (from.n_layer < 0 || from.n_layer > max_layer + 1)
        reject(checked, "n_layer", fmt::format("{}", from.n_layer), fmt::format("0 to {}", max_layer + 1));
    if (from.n_embd < 0) reject(checked, "n_embd", fmt::format("{}", from.n_embd), "at least 0");
    if (vector.directions.empty()) reject(checked, "number of directions", "0", "at least 1");
    const bool is_projection = vector.operation == Operation::project;
    if (is_projection && from.n_embd == 0)
        reject(checked, "n_embd", "0 (not known)", "at least 1, the width of a projection's rows");
    const int n_layer = from.n_layer == 0 ? max_layer + 1 : from.n_layer;
    const std::size_t n_embd =
        from.n_embd == 0 ? vector.directions.begin()->second.size() : static_cast<std::size_t>(from.n_embd);
    for (const auto& [layer, direction] : vector.directions) {
        const std::string what = fmt::format("direction.{}", layer);
        if (layer < 0 || layer >= n_layer)
            reject(checked, "layer of " + what, fmt::format("{}", layer),
                   fmt::format("0 to {}", n_layer - 1));
        if (direction.empty() || !fits_width(vector.operation, direction.size(), n_embd))
            reject(checked, "length of " + what, fmt::format("{}", direction.size()),
                   n_embd == 0     ? "at least 1"
                   : is_projection ? fmt::format("a multiple of {} (n_embd), at least {}", n_embd, 2 * n_embd)
                                   : fmt::format("{} (n_embd, the same for all)", n_embd));
        check_finite(direction, what, checked);
    }
}

// A table has no rows or one per layer.
void check_rows(const std::vector<std::vector<float>>& rows, const char* what, int n_layer,
                const Checked& checked) {
    const auto most = static_cast<std::size_t>(n_layer == 0 ? max_layer + 1 : n_layer);
    if (!rows.empty() && (n_layer == 0 ? rows.size() > most : rows.size() != most))
        reject(checked, fmt::format("number of layers of {}", what), fmt::format("{}", rows.size()),
               fmt::format("{}{} (n_layer)", n_layer == 0 ? "at most " : "", most));
    for (std::size_t layer = 0; layer < rows.size(); ++layer)
        check_finite(rows[layer], fmt::format("{} of layer {}", what, layer), checked);
}

void check_heads(const SteeringVector& vector, const Checked& checked) {
    const int n_layer = vector.provenance.n_layer;
    check_rows(vector.aie, "aie", n_layer, checked);
    check_rows(vector.mean_head_output, "mean_head_output", n_layer, checked);
    if (!vector.aie.empty() && !vector.mean_head_output.empty()) {
        if (vector.aie.size() != vector.mean_head_output.size())
            reject(checked, "number of layers of mean_head_output",
                   fmt::format("{}", vector.mean_head_output.size()),
                   fmt::format("{} as in aie", vector.aie.size()));
        for (std::size_t layer = 0; layer < vector.aie.size(); ++layer) {
            const std::size_t n_head = vector.aie[layer].size(),
                              width = vector.mean_head_output[layer].size();
            if (n_head == 0 ? width != 0 : width % n_head != 0)
                reject(checked, fmt::format("width of mean_head_output of layer {}", layer),
                       fmt::format("{}", width), fmt::format("a multiple of n_head = {}", n_head));
        }
    }
    std::vector<std::pair<int, int>> seen;
    for (std::size_t i = 0; i < vector.heads.size(); ++i) {
        const auto [layer, head, aie] = vector.heads[i];
        const std::string what = fmt::format("heads[{}]", i);
        if (layer < 0 || layer > max_layer || (n_layer > 0 && layer >= n_layer))
            reject(checked, "layer of " + what, fmt::format("{}", layer),
                   fmt::format("0 to {}", n_layer > 0 ? n_layer - 1 : max_layer));
        const auto l = static_cast<std::size_t>(layer);
        if (head < 0 || (!vector.aie.empty() &&
                         (l >= vector.aie.size() || static_cast<std::size_t>(head) >= vector.aie[l].size())))
            reject(checked, "head of " + what, fmt::format("{} of layer {}", head, layer),
                   "a head of that layer");
        if (!std::isfinite(aie)) reject(checked, "aie of " + what, fmt::format("{}", aie), "a finite number");
        seen.emplace_back(layer, head);
    }
    std::sort(seen.begin(), seen.end());
    if (const auto twice = std::adjacent_find(seen.begin(), seen.end()); twice != seen.end())
        reject(checked, fmt::format("head {} of layer {} in heads", twice->second, twice->first),
               "there twice", "one");
}

}  // namespace

bool is_zero(const SteeringVector& vector) noexcept {
    return std::all_of(vector.directions.begin(), vector.directions.end(), [](const auto& direction) {
        return std::all_of(direction.second.begin(), direction.second.end(), [](float x) { return x == 0; });
    });
}

void check_vector(const SteeringVector& vector, const Checked& checked) {
    check_application(vector, checked);
    check_directions(vector, checked);
    check_heads(vector, checked);
    const Provenance& from = vector.provenance;
    check_text(vector.method, "method", checked);
    check_text(from.task, "task", checked);
    check_text(from.prompts_digest, "prompts_digest", checked);
    check_text(from.model_name, "model_name", checked);
    check_text(from.model_digest, "model_digest", checked);
    check_text(from.weights_digest, "weights_digest", checked);
    check_text(from.tokenizer_digest, "tokenizer_digest", checked);
    check_text(from.architecture, "architecture", checked);
    check_text(from.quantisation, "quantisation", checked);
    check_text(from.program_version, "program_version", checked);
    for (const auto& [name, value] : from.settings) {
        check_text(name, "name of a setting", checked);
        check_text(value, "value of a setting", checked);
    }
}

}  // namespace tiller

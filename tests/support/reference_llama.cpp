#include "support/reference_llama.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace tiller::test {

namespace {

// All edits of one activation, in order; turns that follow each other are one turn.
void reference_apply(std::span<double> x, std::span<const Edit* const> edits) {
    const std::size_t n = x.size();
    for (std::size_t k = 0; k < edits.size(); ++k) {
        const auto& v = *edits[k]->vector;
        const auto strength = static_cast<double>(edits[k]->strength);
        if (edits[k]->operation == Operation::add)
            for (std::size_t i = 0; i < n; ++i) x[i] += strength * v[i];
        if (edits[k]->operation == Operation::replace)
            for (std::size_t i = 0; i < n; ++i) x[i] += strength * (v[i] - x[i]);
        if (edits[k]->operation == Operation::project) {
            std::vector<double> y(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(n));
            for (std::size_t row = n; row < v.size(); row += n) {
                double along = 0;
                for (std::size_t i = 0; i < n; ++i) along += static_cast<double>(v[row + i]) * (x[i] - v[i]);
                for (std::size_t i = 0; i < n; ++i) y[i] += along * v[row + i];
            }
            for (std::size_t i = 0; i < n; ++i) x[i] += strength * (y[i] - x[i]);
        }
        if (edits[k]->operation != Operation::turn) continue;
        double xx = 0, turned = 0;
        for (double value : x) xx += value * value;
        std::vector<double> y(n);
        for (std::size_t i = 0; i < n; ++i) y[i] = x[i] / std::sqrt(xx);
        for (;; ++k) {
            const auto& w = *edits[k]->vector;
            double vv = 0, xv = 0;
            for (std::size_t i = 0; i < n; ++i) {
                vv += static_cast<double>(w[i]) * w[i];
                xv += x[i] * w[i];
            }
            const double lambda = 1 + std::max(0.0, -xv / std::sqrt(xx * vv));
            for (std::size_t i = 0; i < n; ++i)
                y[i] += 0.1 * static_cast<double>(edits[k]->strength) * lambda * w[i] / std::sqrt(vv);
            if (k + 1 == edits.size() || edits[k + 1]->operation != Operation::turn) break;
        }
        for (double value : y) turned += value * value;
        for (std::size_t i = 0; i < n; ++i) x[i] = y[i] / std::sqrt(turned) * std::sqrt(xx);
    }
}

}  // namespace

ReferenceLlama::ReferenceLlama(const TinyOptions& options, const std::filesystem::path& path)
    : o_(options), w_(path) {}

// Weight [n_out][n_in] times x, plus the bias when the model has one.
Values ReferenceLlama::linear(const Values& x, const std::string& name) const {
    const auto& weight = w_[name + ".weight"];
    Values out(weight.size() / x.size());
    for (std::size_t r = 0; r < out.size(); ++r)
        for (std::size_t c = 0; c < x.size(); ++c)
            out[r] += static_cast<double>(weight[r * x.size() + c]) * x[c];
    if (w_.has(name + ".bias"))
        for (std::size_t r = 0; r < out.size(); ++r) out[r] += w_[name + ".bias"][r];
    return out;
}

Values ReferenceLlama::rms_norm(const Values& x, const std::string& name) const {
    double square = 0;
    for (double v : x) square += v * v;
    const double scale = 1 / std::sqrt(square / static_cast<double>(x.size()) + 1e-5);
    Values out(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) out[i] = x[i] * scale * w_[name + ".weight"][i];
    return out;
}

// RoPE as llama's weights are stored in GGUF: neighbours (2i, 2i + 1) of a head form a pair.
void ReferenceLlama::rotate(Values& x, int position) const {
    const auto d = static_cast<std::size_t>(o_.d_head);
    for (std::size_t head = 0; head < x.size() / d; ++head)
        for (std::size_t i = 0; i < d; i += 2) {
            const double angle =
                position * std::pow(10000.0, -static_cast<double>(i) / static_cast<double>(d));
            double& a = x[head * d + i];
            double& b = x[head * d + i + 1];
            const double turned = a * std::cos(angle) - b * std::sin(angle);
            b = a * std::sin(angle) + b * std::cos(angle);
            a = turned;
        }
}

ReferencePass ReferenceLlama::run(std::span<const Token> tokens, int n_prompt,
                                  std::span<const Edit> edits) const {
    const auto d = static_cast<std::size_t>(o_.d_head), e = static_cast<std::size_t>(o_.n_embd);
    const auto n_head = static_cast<std::size_t>(o_.n_head),
               n_shared = n_head / static_cast<std::size_t>(o_.n_head_kv);
    ReferencePass pass;
    for (auto& site : pass.captured) site.assign(static_cast<std::size_t>(o_.n_layer), {});

    const auto visit = [&](Site site, int il, int position, Values& x) {
        pass.captured[static_cast<std::size_t>(site)][static_cast<std::size_t>(il)].push_back(x);
        std::vector<const Edit*> here;
        for (const Edit& edit : edits)
            if (edit.site == site && edit.layer == il && edit.positions.contains(position, n_prompt))
                here.push_back(&edit);
        for (std::size_t i = 0, end = 0; i < here.size(); i = end) {
            while (end < here.size() && here[end]->head == here[i]->head) ++end;
            std::span<double> slice(x);
            if (here[i]->head >= 0) slice = slice.subspan(static_cast<std::size_t>(here[i]->head) * d, d);
            reference_apply(slice, std::span(here).subspan(i, end - i));
        }
    };

    std::vector<Values> stream;
    for (Token t : tokens) {
        const auto row =
            w_["token_embd.weight"].begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(t) * e);
        stream.emplace_back(row, row + static_cast<std::ptrdiff_t>(e));
    }
    for (int il = 0; il < o_.n_layer; ++il) {
        const std::string b = fmt::format("blk.{}.", il);
        std::vector<Values> keys, values;
        for (std::size_t p = 0; p < stream.size(); ++p) {
            const int position = static_cast<int>(p);
            Values& x = stream[p];
            const Values normed = rms_norm(x, b + "attn_norm");
            Values q = linear(normed, b + "attn_q");
            keys.push_back(linear(normed, b + "attn_k"));
            values.push_back(linear(normed, b + "attn_v"));
            rotate(q, position);
            rotate(keys.back(), position);

            Values z(n_head * d, 0.0);
            for (std::size_t h = 0; h < n_head; ++h) {
                const std::size_t kv = h / n_shared * d;
                Values score(p + 1, 0.0);
                for (std::size_t j = 0; j <= p; ++j) {
                    for (std::size_t i = 0; i < d; ++i) score[j] += q[h * d + i] * keys[j][kv + i];
                    score[j] /= std::sqrt(static_cast<double>(d));
                }
                const double largest = *std::max_element(score.begin(), score.end());
                double sum = 0;
                for (double& s : score) sum += s = std::exp(s - largest);
                for (std::size_t j = 0; j <= p; ++j)
                    for (std::size_t i = 0; i < d; ++i) z[h * d + i] += score[j] / sum * values[j][kv + i];
            }
            visit(Site::head_output, il, position, z);
            Values attention = linear(z, b + "attn_output");
            visit(Site::attention_output, il, position, attention);
            for (std::size_t i = 0; i < e; ++i) x[i] += attention[i];

            const Values inner = rms_norm(x, b + "ffn_norm");
            Values hidden = linear(inner, b + "ffn_up");
            const Values gate = linear(inner, b + "ffn_gate");
            for (std::size_t i = 0; i < hidden.size(); ++i) hidden[i] *= gate[i] / (1 + std::exp(-gate[i]));
            Values mlp = linear(hidden, b + "ffn_down");
            visit(Site::mlp_output, il, position, mlp);
            for (std::size_t i = 0; i < e; ++i) x[i] += mlp[i];
            visit(Site::residual, il, position, x);
        }
    }
    for (const Values& x : stream) pass.logits.push_back(linear(rms_norm(x, "output_norm"), "output"));
    return pass;
}

}  // namespace tiller::test

#include "methods/doctor_trials.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "statistics/log_sum_exp.h"
#include "tiller/task.h"

namespace tiller::doctor {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::size_t kMostTokens = 9;

// Few and short, because every row of a trial computes them again. Their lengths differ, so that different
// batch shapes are tried.
const char* const kPrompts[] = {"Q: sing\nA: sang\n\nQ: go\nA:", "The river was",
                                "Three plus four is seven, and"};

const Positions kLast = {Positions::Kind::last_prompt, 0, 0};
Positions one(int position) { return {Positions::Kind::range, position, position + 1}; }

SharedFloats zeros(int n) {
    return std::make_shared<const std::vector<float>>(static_cast<std::size_t>(n), 0.0f);
}

double norm(std::span<const float> x) {
    double squares = 0;
    for (float v : x) squares += static_cast<double>(v) * static_cast<double>(v);
    return std::sqrt(squares);
}

// A random direction with the norm of the activation that it is applied to.
SharedFloats random_like(std::span<const float> activation, Site site, int layer) {
    Random random(1, fmt::format("doctor/{}/{}", site_name(site), layer));
    std::vector<float> values;
    for (std::size_t i = 0; i < activation.size(); ++i) values.push_back(static_cast<float>(random.normal()));
    const double wanted = norm(activation), have = norm(values);
    for (float& v : values) v *= static_cast<float>((wanted > 0 ? wanted : 1.0) / have);
    return std::make_shared<const std::vector<float>>(std::move(values));
}

// Values of one head, d wide.
SharedFloats slice(const SharedFloats& z, int head, int d) {
    const auto begin = z->begin() + static_cast<std::ptrdiff_t>(head) * d;
    return std::make_shared<const std::vector<float>>(begin, begin + d);
}

std::string place(Site site, int layer) { return fmt::format("{} in layer {}", site_name(site), layer); }
std::string head_place(int layer, int head) { return fmt::format("head {}.{}", layer, head); }

// All heads, or the first and the last.
std::vector<int> heads_of(const ModelInfo& info, int layer, bool all) {
    std::vector<int> heads;
    const int n = info.n_head[static_cast<std::size_t>(layer)];
    for (int h = 0; h < n; ++h)
        if (all || h == 0 || h == n - 1) heads.push_back(h);
    return heads;
}

// An edit that moves the model. Operation and positions depend on the site, so that several of each are
// tried.
Edit steering(const Baseline& baseline, Site site, int layer) {
    Edit edit{site, layer, -1, Operation::add, {Positions::Kind::steered, 0, 0}, nullptr, 1};
    edit.vector = random_like(*baseline.at(site, layer), site, layer);
    if (site == Site::head_output) {
        edit.operation = Operation::replace;
        edit.positions = kLast;
    } else if (site == Site::mlp_output) {
        edit.operation = Operation::turn;
        edit.positions = {};
        edit.strength = 5;
    }
    return edit;
}

std::vector<double> log_probabilities(std::span<const float> logits) {
    const double lse = log_sum_exp(logits);
    std::vector<double> out;
    for (const float l : logits) out.push_back(static_cast<double>(l) - lse);
    return out;
}

}  // namespace

void Worst::add(double value, const std::string& place) {
    ++n;
    if (std::isnan(figure) || (value <= figure && n > 1)) return;
    figure = value;
    where = place;
}

double difference(const RowResult& a, const RowResult& b) {
    double worst = 0;
    const auto compare = [&](const std::vector<float>& x, const std::vector<float>& y) {
        if (x.size() != y.size()) worst = kInfinity;
        for (std::size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
            if (x[i] == y[i] || (std::isnan(x[i]) && std::isnan(y[i]))) continue;
            const double d = std::fabs(static_cast<double>(x[i]) - static_cast<double>(y[i]));
            worst = std::isnan(d) ? kInfinity : std::max(worst, d);
        }
    };
    compare(a.logits, b.logits);
    compare(a.forced_logprob, b.forced_logprob);
    return worst;
}

double relative_error(std::span<const float> measured, std::span<const float> predicted, double least) {
    if (measured.size() != predicted.size()) return kInfinity;
    double wrong = 0;
    for (std::size_t i = 0; i < measured.size(); ++i) {
        const double d = static_cast<double>(measured[i]) - static_cast<double>(predicted[i]);
        wrong += d * d;
    }
    return wrong == 0 ? 0 : std::sqrt(wrong) / std::max(norm(measured), least);
}

Baseline measure_baseline(Engine& engine, std::span<const int> layers) {
    Baseline baseline;
    const Model& model = engine.model();
    for (const char* text : kPrompts) {
        Row row;
        row.prompt = model.tokenize(text);
        row.prompt.resize(std::min(row.prompt.size(), kMostTokens));
        row.want_logits = true;
        baseline.rows.push_back(std::move(row));
    }
    // Two forced tokens after each prompt. They are taken from the next prompt, so that every vocabulary has
    // them.
    for (std::size_t p = 0; p < baseline.rows.size(); ++p) {
        const auto& other = baseline.rows[(p + 1) % baseline.rows.size()].prompt;
        for (std::size_t i : {other.size() - 1, other.size() / 2})
            baseline.rows[p].forced.push_back(other[i]);
    }
    baseline.early = static_cast<int>(baseline.rows[0].prompt.size()) / 2;
    std::vector<std::tuple<Site, int, bool>> places;
    Row first = baseline.rows[0];
    for (int layer : layers)
        for (Site site : kSites)
            for (bool last : {false, true}) {
                if (!engine.has_site(site, layer)) continue;
                first.captures.push_back({site, layer, layer + 1, last ? kLast : one(baseline.early), false});
                places.emplace_back(site, layer, last);
            }
    for (std::size_t p = 0; p < baseline.rows.size(); ++p)
        baseline.results.push_back(engine.run(std::span(p == 0 ? &first : &baseline.rows[p], 1))[0]);
    for (std::size_t c = 0; c < places.size(); ++c)
        baseline.activations[places[c]] =
            std::make_shared<const std::vector<float>>(baseline.results[0].captured[c].values);
    return baseline;
}

std::vector<std::size_t> broken_prompts(const Baseline& baseline) {
    std::vector<std::size_t> broken;
    for (std::size_t p = 0; p < baseline.results.size(); ++p) {
        const RowResult& r = baseline.results[p];
        const auto finite = [](float v) { return std::isfinite(v); };
        if (r.broken || r.logits.empty() || !std::all_of(r.logits.begin(), r.logits.end(), finite) ||
            !std::all_of(r.forced_logprob.begin(), r.forced_logprob.end(), finite))
            broken.push_back(p);
    }
    return broken;
}

void try_layer(Engine& engine, const Baseline& baseline, int layer, bool all, Findings& findings) {
    const ModelInfo& info = engine.info();
    enum class Kind { unsteered, zero, self, steered };
    struct Trial {
        Kind kind;
        std::string where;
    };
    std::vector<Trial> trials;
    std::vector<Row> rows;
    const auto add = [&](Kind kind, const std::string& where, Row row, std::vector<Edit> edits) {
        row.edits = std::move(edits);
        trials.push_back({kind, where});
        rows.push_back(std::move(row));
    };
    const std::size_t n_prompt = baseline.rows.size();
    for (const Row& row : baseline.rows)
        add(Kind::unsteered, fmt::format("an unsteered row beside edits of layer {}", layer), row, {});
    std::vector<Edit> zeros_together;
    for (Site site : kSites) {
        if (!engine.has_site(site, layer)) continue;
        const Edit steered = steering(baseline, site, layer);
        add(Kind::steered, place(site, layer), baseline.rows[0], {steered});
        zeros_together.push_back(steered);
        zeros_together.back().strength = 0;
        zeros_together.back().positions = {};
        if (all) add(Kind::zero, place(site, layer), baseline.rows[0], {zeros_together.back()});
        // A separate row for each site: a site that is replaced later in the layer would hide an error in an
        // earlier one.
        add(Kind::self, place(site, layer), baseline.rows[0],
            {{site, layer, -1, Operation::replace, one(baseline.early), baseline.at(site, layer, false), 1},
             {site, layer, -1, Operation::replace, kLast, baseline.at(site, layer), 1}});
    }
    if (!all) add(Kind::zero, fmt::format("the sites of layer {}", layer), baseline.rows[0], zeros_together);
    if (engine.has_site(Site::head_output, layer))
        for (int h : heads_of(info, layer, all))
            add(Kind::self, head_place(layer, h), baseline.rows[0],
                {{Site::head_output, layer, h, Operation::replace, kLast,
                  slice(baseline.at(Site::head_output, layer), h,
                        info.d_head[static_cast<std::size_t>(layer)]),
                  1}});
    const auto results = engine.run(rows);
    const RowResult& unsteered = results[0];
    int n_alone = 0;
    for (std::size_t r = 0; r < rows.size(); ++r) {
        const Trial& trial = trials[r];
        if (trial.kind == Kind::unsteered) {
            findings.neighbours.add(difference(results[r], baseline.results[r % n_prompt]), trial.where);
        } else if (trial.kind == Kind::zero) {
            findings.zero_edit.add(difference(results[r], unsteered), trial.where);
        } else if (trial.kind == Kind::self) {
            findings.self_replacement.add(difference(results[r], unsteered), trial.where);
        } else {
            const double effect = difference(results[r], unsteered);
            if (effect == 0)
                findings.without_effect.push_back(trial.where);
            else if (findings.n_steered == 0 || effect < findings.least_effect)
                findings.least_effect = effect;
            ++findings.n_steered;
            // Running a row by itself takes a decode for each of its steps. So the fast check does it for one
            // site in each layer, and for another site in the next layer.
            if (all || n_alone++ == layer % 4)
                findings.neighbours.add(difference(results[r], engine.run(std::span(&rows[r], 1))[0]),
                                        fmt::format("a steered row ({}) beside others", trial.where));
        }
    }
}

void try_contributions(Engine& engine, const Baseline& baseline, int layer, const DoctorOptions& options,
                       Findings& findings) {
    const ModelInfo& info = engine.info();
    for (Site site : kSites)
        if (!engine.has_site(site, layer)) return;
    const int d = info.d_head[static_cast<std::size_t>(layer)];
    const auto heads = heads_of(info, layer, !options.fast);
    // The MLP's output is replaced by that of the unedited run, so that the residual stream changes only by
    // what the heads write. Where the layer changes the stream further before its end, the change is measured
    // at the attention output.
    const Site measured = info.changes_stream ? Site::attention_output : Site::residual;
    Row without;
    without.prompt = baseline.rows[0].prompt;
    without.edits = {
        {Site::mlp_output, layer, -1, Operation::replace, kLast, baseline.at(Site::mlp_output, layer), 1}};
    without.captures = {{measured, layer, layer + 1, kLast, false}};
    std::vector<Row> rows;
    const auto remove = [&](int head, int width) {
        rows.push_back(without);
        rows.back().edits.push_back(
            {Site::head_output, layer, head, Operation::replace, kLast, zeros(width), 1});
    };
    remove(-1, site_width(info, Site::head_output, layer));
    for (int h : heads) remove(h, d);
    const auto results = engine.run(rows);

    const AttentionProjection projection = engine.model().attention_projection(layer);
    const std::vector<float>& z = *baseline.at(Site::head_output, layer);
    const auto written = [&](std::span<const float> head_outputs) {
        return layer_contributions(projection, info, layer, head_outputs, options.contributions);
    };
    const auto change = [&](const RowResult& result) {
        std::vector<float> out = *baseline.at(measured, layer);
        for (std::size_t e = 0; e < out.size(); ++e) out[e] -= result.captured[0].values[e];
        return out;
    };
    const auto sum = [&](const LayerContributions& parts, bool with_heads) {
        std::vector<double> total(static_cast<std::size_t>(info.n_embd), 0.0);
        const auto add = [&](const std::vector<float>& part) {
            for (std::size_t e = 0; e < part.size(); ++e) total[e] += static_cast<double>(part[e]);
        };
        add(parts.bias);
        if (with_heads)
            for (const auto& part : parts.heads) add(part);
        return total;
    };
    const auto minus = [](std::vector<double> a, const std::vector<double>& b) {
        for (std::size_t e = 0; e < a.size(); ++e) a[e] -= b[e];
        return std::vector<float>(a.begin(), a.end());
    };
    const LayerContributions whole = written(z);
    const auto all = sum(whole, true);
    // With all heads at zero the attention output is the bias. A post-norm then divides it by another RMS
    // than when the heads are there.
    const std::vector<float> nothing(z.size(), 0.0f);
    const auto rest =
        projection.bias.empty() ? std::vector<double>(all.size(), 0.0) : sum(written(nothing), false);
    findings.contribution.add(relative_error(change(results[0]), minus(all, rest)),
                              fmt::format("layer {}", layer));
    // Activations of a weak head are rounded to 8 bits with a scale that strong heads share. So its error is
    // taken relative to the root mean square size of the layer's heads where it is smaller than that.
    double squares = 0;
    for (const auto& part : whole.heads) squares += norm(part) * norm(part);
    const double typical = std::sqrt(squares / static_cast<double>(whole.heads.size()));
    for (std::size_t i = 0; i < heads.size(); ++i) {
        std::vector<float> others = z;
        const auto begin = others.begin() + static_cast<std::ptrdiff_t>(heads[i]) * d;
        std::fill(begin, begin + d, 0.0f);
        findings.head_contribution.add(
            relative_error(change(results[i + 1]), minus(all, sum(written(others), true)), typical),
            head_place(layer, heads[i]));
    }
}

void try_fork(Engine& engine, const Baseline& baseline, std::span<const int> layers, Findings& findings) {
    Row clean;
    clean.prompt = baseline.rows[0].prompt;
    clean.want_logits = true;
    std::vector<Row> rows{clean};
    for (int layer : layers) {
        if (!engine.has_site(Site::head_output, layer)) continue;
        rows.push_back(clean);
        rows.back().edits = {{Site::head_output, layer, 0, Operation::replace, kLast,
                              zeros(engine.info().d_head[static_cast<std::size_t>(layer)]), 1}};
    }
    const auto forked = engine.fork(rows), run = engine.run(rows);
    double sum = 0;
    std::size_t n = 0;
    for (std::size_t r = 0; r < rows.size(); ++r) {
        const auto a = log_probabilities(forked[r].logits), b = log_probabilities(run[r].logits);
        double worst = a.size() == b.size() ? 0 : kInfinity;
        for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i, ++n) {
            const double d = std::fabs(a[i] - b[i]);
            sum += d;
            if (!(d <= worst)) worst = d;
        }
        findings.fork.add(worst, r == 0 ? "the clean row" : place(Site::head_output, rows[r].edits[0].layer));
    }
    findings.fork_mean = n > 0 ? sum / static_cast<double>(n) : kInfinity;
}

}  // namespace tiller::doctor

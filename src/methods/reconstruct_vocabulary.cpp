// Rebuilds vectors from the probabilities of their top tokens (arXiv 2310.15213, section 3.2).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "core/memory.h"
#include "methods/provenance.h"
#include "methods/vocabulary_loss.h"
#include "tiller/error.h"
#include "tiller/task.h"
#include "tiller/vocabulary.h"

namespace tiller {
namespace {

using Eigen::VectorXd;

constexpr int n_round = 10;  // how often the whole vocabulary is searched for rivals

void check_options(const ReconstructOptions& o, const ModelInfo& info) {
    if (o.n_token < 2 || o.n_token > info.n_vocab)
        throw Error(Code::usage,
                    fmt::format("a reconstruction from {} tokens was asked for, expected 2 to {} "
                                "(n_vocab)",
                                o.n_token, info.n_vocab));
    if (o.n_step < 1)
        throw Error(Code::usage, fmt::format("{} steps were asked for, expected at least 1", o.n_step));
    if (!(o.step_size > 0) || !std::isfinite(o.step_size))
        throw Error(Code::usage, fmt::format("the step size is {}, expected a number above 0", o.step_size));
    const auto bytes =
        std::uint64_t{4} * static_cast<std::uint64_t>(o.n_token) * static_cast<std::uint64_t>(info.n_embd);
    if (const auto free = available_memory(); bytes > free)
        throw Error(
            Code::environment,
            fmt::format("{} rows of the output head need {:.1f} GB and {:.1f} GB are free; use fewer tokens",
                        o.n_token, static_cast<double>(bytes) / 1e9, static_cast<double>(free) / 1e9));
}

VectorXd random_start(Eigen::Index n, std::uint64_t seed, int layer) {
    Random random(seed, fmt::format("reconstruct {}", layer));
    VectorXd x(n);
    for (Eigen::Index i = 0; i < n; ++i) x(i) = random.normal();
    return x;
}

// Adam (arXiv 1412.6980, algorithm 1 with its constants) for vectors of length `norm`. The step size falls
// linearly to 0 over ReconstructOptions::n_step steps.
class Adam {
public:
    Adam(const VectorXd& start, double norm, const ReconstructOptions& o)
        : x(start * (norm / start.norm())),
          norm_(norm),
          per_number_(norm / std::sqrt(static_cast<double>(start.size()))),
          o_(o),
          first_(VectorXd::Zero(start.size())),
          second_(first_) {}

    void step(VectorXd gradient) {
        gradient *= per_number_;  // as for a vector with a mean square of 1
        const double rate = o_.step_size * per_number_ * (1 - static_cast<double>(n_step) / o_.n_step);
        ++n_step;
        first_ = 0.9 * first_ + 0.1 * gradient;
        second_ = 0.999 * second_.array() + 0.001 * gradient.array().square();
        const double a = 1 - std::pow(0.9, n_step), b = 1 - std::pow(0.999, n_step);
        x.array() -= rate * (first_.array() / a) / ((second_.array() / b).sqrt() + 1e-8);
        x *= norm_ / x.norm();
    }

    VectorXd x;
    int n_step = 0;

private:
    double norm_, per_number_;
    const ReconstructOptions& o_;
    VectorXd first_, second_;
};

// KL(p || q) in nats with q normalised over the first p.size() of the head's tokens.
double kl_among(const VectorXd& p, const VectorXd& log_q) {
    const auto q = log_q.head(p.size());
    const double log_mass = std::log(q.array().exp().sum());
    return (p.array() > 0).select(p.array() * (p.array().log() - q.array() + log_mass), 0.0).sum();
}

// Adds to `tokens` the n_top likeliest tokens of the vector `x` that it lacks, because they take probability
// from the wanted ones. Only these and not the whole vocabulary: that would read all of W_U in every step.
void add_rivals(Engine& engine, const SteeringVector& like, int layer, const VectorXd& x, int n_top,
                std::vector<Token>& tokens) {
    SteeringVector now = like;
    const Eigen::VectorXf values = x.cast<float>();
    now.directions = {{layer, {values.begin(), values.end()}}};
    const std::set<Token> known(tokens.begin(), tokens.end());
    const auto readings = read_vocabulary(engine, now, {n_top, layer, 1});
    for (const auto& t : readings.front().top)
        if (!known.contains(t.token)) tokens.push_back(t.token);
}

// Throws when log-probabilities computed here differ from the engine's. Rounding to 8 bits in quantised
// models gives differences below 0.5; larger ones mean that the architecture computes logits in another way.
void require_agreement(const VectorXd& ours, const std::vector<TokenLogprob>& engine, double mass,
                       const ModelInfo& info) {
    double worst = 0;
    for (std::size_t i = 0; i < engine.size(); ++i)
        worst = std::max(worst, std::fabs(ours(static_cast<Eigen::Index>(i)) -
                                          (static_cast<double>(engine[i].logprob) - std::log(mass))));
    if (!(worst <= 0.5))
        throw Error(
            Code::unsupported,
            fmt::format(
                "the output head read from {} ({}) gives log-probabilities that differ by {:.3g} from "
                "the engine's, expected at most 0.5: the architecture does more to its logits than "
                "tiller knows, so that vectors cannot be reconstructed",
                info.path.string(), info.architecture, worst));
}

// Probability of the tokens together.
double mass_of(const std::vector<TokenLogprob>& tokens) {
    double sum = 0;
    for (const auto& t : tokens) sum += std::exp(static_cast<double>(t.logprob));
    return sum;
}

// Sets mass_rebuilt and n_shared of the fits: reads the rebuilt vectors over the whole vocabulary.
void compare_readings(Engine& engine, const SteeringVector& rebuilt,
                      const std::vector<VocabularyReading>& before, std::vector<ReconstructionFit>& fits) {
    const auto after = read_vocabulary(engine, rebuilt, {engine.info().n_vocab, -1, 1});
    for (std::size_t i = 0; i < fits.size(); ++i) {
        std::vector<bool> wanted(static_cast<std::size_t>(engine.info().n_vocab));
        for (const auto& t : before[i].top) wanted[static_cast<std::size_t>(t.token)] = true;
        for (std::size_t rank = 0; rank < after[i].top.size(); ++rank) {
            const auto [token, logprob] = after[i].top[rank];
            if (!wanted[static_cast<std::size_t>(token)]) continue;
            fits[i].mass_rebuilt += std::exp(static_cast<double>(logprob));
            fits[i].n_shared += rank < before[i].top.size();
        }
    }
}

SteeringVector without_directions(const SteeringVector& vector) {
    SteeringVector v;
    v.method = "reconstruction";
    v.site = vector.site;
    v.operation = vector.operation;
    v.positions = vector.positions;
    v.scale = vector.scale;
    v.provenance = vector.provenance;
    return v;
}

// Finds v_hat for the direction of one layer and stores it in `rebuilt`.
ReconstructionFit rebuild(Engine& engine, const SteeringVector& vector, const VocabularyReading& reading,
                          const ReconstructOptions& options, SteeringVector& rebuilt,
                          const std::function<void(int)>& step_done) {
    const ModelInfo& info = engine.info();
    const auto& direction = vector.directions.at(reading.layer);
    const VectorXd v =
        Eigen::Map<const Eigen::VectorXf>(direction.data(), static_cast<Eigen::Index>(direction.size()))
            .cast<double>();
    std::vector<Token> tokens;
    for (const auto& t : reading.top) tokens.push_back(t.token);
    ReconstructionFit fit;
    fit.layer = reading.layer;
    fit.mass = mass_of(reading.top);
    OutputHead head = engine.model().output_head(tokens);
    const VectorXd target = VocabularyLoss(head).log_probabilities(v);
    require_agreement(target, reading.top, fit.mass, info);
    const VectorXd p = target.array().exp();

    Adam adam(random_start(v.size(), options.seed, reading.layer), v.norm(), options);
    fit.kl_first = kl_among(p, VocabularyLoss(head).log_probabilities(adam.x));
    const int per_round = std::max(1, options.n_step / n_round);
    const int n_top =
        static_cast<int>(std::min<std::int64_t>(std::int64_t{4} * options.n_token, info.n_vocab));
    double value = INFINITY;
    while (adam.n_step < options.n_step && value > options.enough) {
        if (!options.restricted) {
            add_rivals(engine, vector, reading.layer, adam.x, n_top, tokens);
            if (tokens.size() > head.tokens.size()) head = engine.model().output_head(tokens);
        }
        const VocabularyLoss loss(head);
        const int end = std::min(adam.n_step + per_round, options.n_step);
        VectorXd gradient;
        while (adam.n_step < end && (value = loss(p, adam.x, gradient)) > options.enough) {
            adam.step(gradient);
            step_done(adam.n_step);
        }
    }
    fit.n_step = adam.n_step;
    fit.kl_last = kl_among(p, VocabularyLoss(head).log_probabilities(adam.x));
    fit.cosine = adam.x.dot(v) / (adam.x.norm() * v.norm());
    const Eigen::VectorXf values = adam.x.cast<float>();
    rebuilt.directions[reading.layer].assign(values.begin(), values.end());
    return fit;
}

void set_origin(SteeringVector& rebuilt, const SteeringVector& source, const ReconstructOptions& options,
                const std::vector<ReconstructionFit>& fits) {
    double worst = 0;
    for (const auto& fit : fits) worst = std::max(worst, fit.kl_last);
    auto& settings = rebuilt.provenance.settings;
    settings["source.method"] = source.method;
    settings["source.seed"] = fmt::format("{}", source.provenance.seed);
    settings["source.program_version"] = source.provenance.program_version;
    settings["reconstruct.n_token"] = fmt::format("{}", options.n_token);
    settings["reconstruct.n_step"] = fmt::format("{}", options.n_step);
    settings["reconstruct.step_size"] = fmt::format("{}", options.step_size);
    settings["reconstruct.normalised_over"] = options.restricted ? "top tokens" : "vocabulary";
    settings["reconstruct.worst_kl"] = fmt::format("{:.6g}", worst);
    rebuilt.provenance.seed = options.seed;
}

}  // namespace

Reconstruction reconstruct_vocabulary(Engine& engine, const SteeringVector& vector,
                                      const ReconstructOptions& options, const Progress& progress) {
    const ModelInfo& info = engine.info();
    check_options(options, info);
    const auto readings = read_vocabulary(engine, vector, {options.n_token, options.layer, 1});
    Reconstruction result;
    result.vector = without_directions(vector);
    const auto n_step = static_cast<std::size_t>(options.n_step), n_all = readings.size() * n_step;
    for (std::size_t r = 0; r < readings.size(); ++r) {
        result.fits.push_back(rebuild(engine, vector, readings[r], options, result.vector, [&](int step) {
            if (progress) progress(r * n_step + static_cast<std::size_t>(step), n_all);
        }));
    }
    if (progress) progress(n_all, n_all);
    compare_readings(engine, result.vector, readings, result.fits);
    // The new vector comes from this model, whatever model the given vector was made with.
    set_model(result.vector, info);
    set_origin(result.vector, vector, options, result.fits);
    return result;
}

}  // namespace tiller

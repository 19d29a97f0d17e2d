#include "methods/vocabulary_loss.h"

#include <cmath>
#include <span>

#include "statistics/log_sum_exp.h"

namespace tiller {
namespace {

using Eigen::VectorXd;

Eigen::Map<const Eigen::VectorXf> as_vector(const std::vector<float>& values) {
    return {values.data(), static_cast<Eigen::Index>(values.size())};
}

VectorXd log_softmax(const VectorXd& logits) {
    return logits.array() - log_sum_exp(std::span(logits.data(), static_cast<std::size_t>(logits.size())));
}

}  // namespace

VocabularyLoss::VocabularyLoss(const OutputHead& head)
    : head_(head), w_u_(head.w_u.data(), static_cast<Eigen::Index>(head.tokens.size()), head.n_embd) {}

VocabularyLoss::Forward VocabularyLoss::forward(const VectorXd& x) const {
    Forward f;
    f.unit = head_.layer_norm ? VectorXd(x.array() - x.mean()) : x;
    f.size =
        std::sqrt(f.unit.squaredNorm() / static_cast<double>(x.size()) + static_cast<double>(head_.epsilon));
    f.unit /= f.size;
    VectorXd y = f.unit;
    if (!head_.norm_weight.empty()) y = y.cwiseProduct(as_vector(head_.norm_weight).cast<double>());
    if (!head_.norm_bias.empty()) y += as_vector(head_.norm_bias).cast<double>();
    f.logits = (w_u_ * y.cast<float>()).cast<double>();
    if (!head_.bias.empty()) f.logits += as_vector(head_.bias).cast<double>();
    f.logits *= static_cast<double>(head_.scale);
    if (const double cap = static_cast<double>(head_.softcap); cap > 0)
        f.logits = cap * (f.logits.array() / cap).tanh();
    return f;
}

VectorXd VocabularyLoss::log_probabilities(const VectorXd& x) const { return log_softmax(forward(x).logits); }

double VocabularyLoss::operator()(const VectorXd& p, const VectorXd& x, VectorXd& gradient) const {
    const Forward f = forward(x);
    const VectorXd q = log_softmax(f.logits);
    // The gradient, backwards through softmax, softcap, scale, W_U, the norm's weight and the norm.
    VectorXd d = q.array().exp();
    d.head(p.size()) -= p;
    if (const double cap = static_cast<double>(head_.softcap); cap > 0)
        d = d.array() * (1 - (f.logits.array() / cap).square());
    d *= static_cast<double>(head_.scale);
    gradient = (w_u_.transpose() * d.cast<float>()).cast<double>();
    if (!head_.norm_weight.empty())
        gradient = gradient.cwiseProduct(as_vector(head_.norm_weight).cast<double>());
    const double along = gradient.dot(f.unit) / static_cast<double>(x.size());
    gradient -= along * f.unit;
    if (head_.layer_norm) gradient.array() -= gradient.mean();
    gradient /= f.size;
    // Entries of p may have underflowed to 0: they add 0 to the sum, not NaN.
    return (p.array() > 0).select(p.array() * (p.array().log() - q.head(p.size()).array()), 0.0).sum();
}

}  // namespace tiller

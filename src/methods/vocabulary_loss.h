// The loss of vocabulary reconstruction (arXiv 2310.15213, section 3.2) and its gradient.
#pragma once

#include <Eigen/Core>

#include "tiller/model.h"

namespace tiller {

/// Log-probabilities of an output head's tokens, normalised over these tokens, as a function of the residual
/// stream x; and the gradient of their KL divergence from given probabilities. Float64, but products with W_U
/// are float32.
class VocabularyLoss {
public:
    /// `head` must outlive the object.
    explicit VocabularyLoss(const OutputHead& head);

    /// Log-softmax over the head's tokens, in their order, for x [n_embd].
    Eigen::VectorXd log_probabilities(const Eigen::VectorXd& x) const;
    /// KL(p || q(x)) in nats, with q(x) over all of the head's tokens. p (sum 1) is over the first p.size()
    /// of them and 0 for the others; its entries may be 0. Sets `gradient` [n_embd] to d KL / d x.
    double operator()(const Eigen::VectorXd& p, const Eigen::VectorXd& x, Eigen::VectorXd& gradient) const;

private:
    using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    struct Forward {
        Eigen::VectorXd unit;    // x after the norm, before the norm's weight and bias
        double size = 0;         // the norm's divisor
        Eigen::VectorXd logits;  // after scale and softcap
    };
    Forward forward(const Eigen::VectorXd& x) const;

    const OutputHead& head_;
    Eigen::Map<const Matrix> w_u_;
};

}  // namespace tiller

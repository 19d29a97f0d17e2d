// The loss of vocabulary reconstruction and its gradient, on a model's output head.
#pragma once

#include <Eigen/Core>

#include "tiller/model.h"

namespace tiller {

/// Log-probabilities of an output head's tokens among themselves, as a function of the residual stream, and
/// the gradient of their divergence from given ones.
class VocabularyLoss {
public:
    /// `head` must outlive the object.
    explicit VocabularyLoss(const OutputHead& head);

    /// log softmax over the head's tokens of x [n_embd].
    Eigen::VectorXd log_probabilities(const Eigen::VectorXd& x) const;
    /// KL(p || q(x)) in nats, where p (sum 1, no zeros) is over the head's first p.size() tokens and 0 for
    /// the others; `gradient` [n_embd] is d KL / d x.
    double operator()(const Eigen::VectorXd& p, const Eigen::VectorXd& x, Eigen::VectorXd& gradient) const;

private:
    using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    struct Forward {
        Eigen::VectorXd unit;    // the normalised x
        double size = 0;         // what x was divided by
        Eigen::VectorXd logits;  // after scale and softcap
    };
    Forward forward(const Eigen::VectorXd& x) const;

    const OutputHead& head_;
    Eigen::Map<const Matrix> w_u_;
};

}  // namespace tiller
